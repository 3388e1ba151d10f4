/**
 * A TLS session without the other end's certificate.
 *
 * OpenSSL writes a session as ASN.1 (`SSL_SESSION`: a SEQUENCE of which [3] is the peer's certificate, and optional).
 * Whoever offers a session reads it first, and the certificate in it is nine tenths of that: 150 µs of 155, twice, since
 * Node reads it twice; with it, a handshake that resumes costs a dialer half as much again. Nobody looks at it there: a
 * resumed handshake checks no certificate, and what it said is kept beside the session.
 *
 * Node 22 and later write the name of the server before it: `\0nodejs:tls:session:1\0`, two bytes of length, the name.
 */

const SEQUENCE = 0x30;
/** [3] EXPLICIT. */
const PEER = 0xa3;
/** The first byte of a length that stands in so many further bytes, of which no session needs more than two. */
const LONG = 0x80;
const LONG_MOST = 2;

const HEAD = Buffer.from('\0nodejs:tls:session:1\0', 'latin1');

/** The same session, shorter; what cannot be read as one is given back as it is. */
export function thinSession(session: Buffer): Buffer {
  if (!session.subarray(0, HEAD.length).equals(HEAD) || session.length < HEAD.length + 2) return thinBody(session);
  const at = HEAD.length + 2 + session.readUInt16BE(HEAD.length);
  const body = session.subarray(at);
  const thin = thinBody(body);
  return thin === body ? session : Buffer.concat([session.subarray(0, at), thin]);
}

function thinBody(session: Buffer): Buffer {
  const whole = element(session, 0);
  if (whole?.tag !== SEQUENCE || whole.end !== session.length) return session;
  for (let at = whole.begin; at < whole.end; ) {
    const field = element(session, at);
    if (field === undefined) return session;
    if (field.tag === PEER) {
      const length = whole.end - whole.begin - (field.end - at);
      return Buffer.concat([header(length), session.subarray(whole.begin, at), session.subarray(field.end)]);
    }
    at = field.end;
  }
  return session;
}

interface Element {
  readonly tag: number;
  /** Of its content. */
  readonly begin: number;
  readonly end: number;
}

/** The element at `at`; undefined where none stands there whole. */
function element(bytes: Buffer, at: number): Element | undefined {
  const tag = bytes[at];
  const first = bytes[at + 1];
  if (tag === undefined || first === undefined) return undefined;
  const more = first < LONG ? 0 : first - LONG;
  const begin = at + 2 + more;
  if (more > LONG_MOST || (first >= LONG && more === 0) || begin > bytes.length) return undefined;
  const end = begin + (more === 0 ? first : bytes.readUIntBE(at + 2, more));
  return end > bytes.length ? undefined : { tag, begin, end };
}

/** Of a sequence with so many bytes. */
function header(length: number): Buffer {
  if (length < LONG) return Buffer.from([SEQUENCE, length]);
  if (length < 0x100) return Buffer.from([SEQUENCE, LONG + 1, length]);
  return Buffer.from([SEQUENCE, LONG + 2, length >> 8, length & 0xff]);
}
