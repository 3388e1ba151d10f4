/** What the first bytes of a TLS connection say (RFC 8446, sections 4.1.2 and 5.1). Pure. */

const HANDSHAKE = 22;
const CLIENT_HELLO = 1;
/** Header of the record, type and length of the message, version, random. */
const FIXED_BYTES = 5 + 4 + 2 + 32;
const PRE_SHARED_KEY = 41;

export interface ClientHello {
  /** It offers to resume a session. */
  readonly resumes: boolean;
}

/** Undefined for bytes that do not begin with a ClientHello; one that was cut off resumes nothing. */
export function readClientHello(bytes: Buffer): ClientHello | undefined {
  if (bytes[0] !== HANDSHAKE || bytes[1] !== 3 || bytes[5] !== CLIENT_HELLO) return undefined;
  const short = (at: number): number => (at + 2 <= bytes.length ? bytes.readUInt16BE(at) : 0);
  let at = FIXED_BYTES;
  at += 1 + (bytes[at] ?? 0); // session id
  at += 2 + short(at); // cipher suites
  at += 1 + (bytes[at] ?? 0); // compression
  const end = Math.min(bytes.length, at + 2 + short(at));
  for (at += 2; at + 4 <= end; at += 4 + short(at + 2)) if (short(at) === PRE_SHARED_KEY) return { resumes: true };
  return { resumes: false };
}
