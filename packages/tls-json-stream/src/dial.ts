/** One attempt to reach a listener. */
import { isIP, type Socket, connect as tcpConnect } from 'node:net';
import { checkServerIdentity, type SecureContext, type TLSSocket, connect as tlsConnect } from 'node:tls';
import { dialContext, type TlsSettings } from './context.ts';
import { type CertificateFacts, factsOf, type Peer, peerOf } from './peer.ts';
import { JsonStream, type StreamOptions } from './stream.ts';
import { thinSession } from './thin-session.ts';
import { codeOf, errorWords, isCertificateCode, isHandshakeCode } from './words.ts';

export type DialCode =
  /** Nothing listens there. */
  | 'REFUSED'
  | 'TIMEOUT'
  | 'UNREACHABLE'
  /** The name could not be resolved. */
  | 'NAME'
  /** The listener's certificate is not acceptable: expired, unknown CA … */
  | 'CERTIFICATE'
  /** The listener's certificate does not name the host. */
  | 'HOST'
  /** `checkPeer` refused it. */
  | 'PEER'
  /** The handshake failed, or the listener refused us in it. */
  | 'TLS'
  /** The connection was lost before the handshake ended. */
  | 'CLOSED'
  /** Our own PEM texts are unusable. */
  | 'SETTINGS'
  /** The signal fired. */
  | 'ABORTED';

/** Why there is no stream. The message is a sentence that names the target. */
export class DialError extends Error {
  readonly code: DialCode;
  constructor(code: DialCode, message: string, options?: { readonly cause?: unknown }) {
    super(message, options);
    this.name = 'DialError';
    this.code = code;
  }
}

/**
 * A session to resume, opaque. It carries what the listener's certificate said when the session was made, because a
 * resumed handshake sends no certificate and Node then checks neither its names nor its dates.
 */
export interface Session {
  readonly ticket: Buffer;
  readonly expect: string;
  readonly facts: CertificateFacts;
  /** The ticket holds our own certificate of its time: with other settings the session is not used. */
  readonly tls: TlsSettings;
}

export interface DialOptions extends StreamOptions {
  /** A name is resolved at each dial; all its addresses, IPv4 and IPv6, are tried. */
  readonly host: string;
  readonly port: number;
  readonly tls: TlsSettings;
  /** The name or address the listener's certificate must hold. Default: `host`. */
  readonly servername?: string;
  /** Time for look-up, connection and handshake together. Unit: ms. Default 10 s. */
  readonly connectTimeout?: number;
  /**
   * Once somebody listens there: the whole time from then on instead, for one who lets arrivals wait. Unit: ms. Default:
   * what is left of `connectTimeout`.
   */
  readonly handshakeTimeout?: number;
  /** Somebody listens there: what follows is the handshake. */
  readonly onConnect?: () => void;
  /** From an earlier `onSession`. Ignored for another name, another `tls` object or an expired certificate. */
  readonly session?: Session;
  /** A newer session, up to a few times for each stream; the last one counts. */
  readonly onSession?: (session: Session) => void;
  /** Words for why this peer is not the right one; undefined accepts it. */
  readonly checkPeer?: (peer: Peer) => string | undefined;
  readonly signal?: AbortSignal;
  /** Wall clock for the date of a session's certificate, ms UTC. Default `Date.now`. */
  readonly now?: () => number;
}

export const DEFAULT_CONNECT_TIMEOUT = 10_000;

/**
 * Connects and resolves with a stream that reads from its `start` on. On TLS 1.3 the listener may still refuse our
 * certificate afterwards: that arrives as `onClose` before a first message.
 * @throws DialError (rejects)
 */
export function dial(options: DialOptions): Promise<JsonStream> {
  return new Promise((resolve, reject) => {
    const expect = options.servername ?? options.host;
    const where = `${options.host.includes(':') ? `[${options.host}]` : options.host}:${options.port}`;
    const no = (code: DialCode, words: string, cause?: unknown) =>
      new DialError(code, `cannot connect to ${where}: ${words}`, { cause });
    if (options.signal?.aborted === true) {
      reject(no('ABORTED', 'stopped here'));
      return;
    }

    const session = usable(options, expect) ? options.session : undefined;
    let facts: CertificateFacts | undefined;
    let shown: CertificateFacts | undefined;
    let secureContext: SecureContext;
    try {
      secureContext = dialContext(options.tls);
    } catch (cause) {
      reject(no('SETTINGS', `its certificate, key or CA cannot be used: ${errorWords(cause)}`, cause));
      return;
    }

    const timeout = options.connectTimeout ?? DEFAULT_CONNECT_TIMEOUT;
    const late = (ms: number) => setTimeout(() => fail(no('TIMEOUT', `no answer within ${ms} ms`)), ms);
    let timer = late(timeout);
    const onAbort = () => fail(no('ABORTED', 'stopped here'));
    const onError = (error: Error) => {
      const code = dialCode(error);
      const words =
        code === 'HOST'
          ? `its certificate does not name '${expect}', but ${shown?.subjectAltNames.join(', ') || 'nothing'}`
          : errorWords(first(error));
      fail(no(code, words, error));
    };
    const onClose = () => fail(no('CLOSED', 'it closed the connection during the handshake'));
    let socket: Socket | undefined;
    const watch = (next: Socket) => {
      socket?.off('error', onError).off('close', onClose);
      socket = next.on('error', onError).on('close', onClose);
    };
    const settle = () => {
      clearTimeout(timer);
      options.signal?.removeEventListener('abort', onAbort);
      socket?.off('error', onError).off('close', onClose);
    };
    const fail = (error: DialError) => {
      settle();
      socket?.on('error', () => undefined);
      socket?.destroy();
      reject(error);
    };

    // A ticket may come with the last handshake message, before its certificate has been read here: kept until then.
    let early: Buffer | undefined;
    const keep = (ticket: Buffer) => {
      if (facts === undefined) early = ticket;
      else options.onSession?.({ ticket: thinSession(ticket), expect, facts, tls: options.tls });
    };
    const secured = (tls: TLSSocket) => {
      // A dialer's resumed session shows no certificate: what it said when the session was made still holds.
      facts = tls.isSessionReused() ? session?.facts : shown;
      if (facts === undefined) {
        fail(no('CERTIFICATE', 'it sent no certificate'));
        return;
      }
      const peer = peerOf(tls, facts);
      const wrong = options.checkPeer?.(peer);
      if (wrong !== undefined) {
        fail(no('PEER', wrong));
        return;
      }
      settle();
      const stream = new JsonStream(tls, peer, options);
      if (early !== undefined) keep(early);
      resolve(stream);
    };
    options.signal?.addEventListener('abort', onAbort);
    // TLS only where somebody listens: what it keeps, and a session to resume, cost a hundred times a refused connection.
    const { host, port } = options;
    const tcp = tcpConnect({ host, port, ...(isIP(host) === 0 ? { autoSelectFamily: true } : {}) });
    watch(tcp);
    tcp.once('connect', () => {
      options.onConnect?.();
      if (options.handshakeTimeout !== undefined) {
        clearTimeout(timer);
        timer = late(options.handshakeTimeout);
      }
      const tls = tlsConnect({
        socket: tcp,
        secureContext,
        rejectUnauthorized: true,
        // An address must not stand in the TLS server name (RFC 6066 §3).
        servername: isIP(expect) === 0 ? expect : '',
        checkServerIdentity: (_name, certificate) => {
          shown = factsOf(certificate);
          return checkServerIdentity(expect, certificate);
        },
        ...(session === undefined ? {} : { session: session.ticket }),
      });
      watch(tls);
      tls.on('session', keep);
      tls.once('secureConnect', () => secured(tls));
    });
  });
}

function usable({ session, tls, now = Date.now }: DialOptions, expect: string): boolean {
  return session !== undefined && session.expect === expect && session.tls === tls && session.facts.validTo >= now();
}

/** When all addresses of a name failed, Node gives one error that holds them; the first is told. */
function first(error: unknown): unknown {
  return error instanceof AggregateError && error.errors.length > 0 ? error.errors[0] : error;
}

function dialCode(thrown: unknown): DialCode {
  const code = codeOf(first(thrown));
  if (isCertificateCode(code)) return 'CERTIFICATE';
  if (isHandshakeCode(code)) return 'TLS';
  switch (code) {
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'HOST';
    case 'ECONNREFUSED':
      return 'REFUSED';
    case 'ETIMEDOUT':
      return 'TIMEOUT';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'NAME';
    case 'ECONNRESET':
    case 'EPIPE':
      return 'CLOSED';
    default:
      return 'UNREACHABLE';
  }
}
