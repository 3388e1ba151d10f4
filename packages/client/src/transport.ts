import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';
import { CsmError, code, problem } from '@csm/model';
import type { WireRequest } from './request.ts';
import { type Target, type Way, wayTo } from './target.ts';

/** Connections to the daemon at a time; further calls wait for one. */
const CONNECTIONS_MAX = 32;
/** A daemon whose backlog is full is tried again this many times, after these many ms each. */
const BUSY_TRIES = 20;
const BUSY_WAIT_MS = 25;

const REASONS: { readonly [name: string]: string } = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'permission denied',
  EAGAIN: 'too many connections wait there',
  ENOTSOCK: 'it is no socket',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'the name of the host cannot be looked up now',
  EHOSTUNREACH: 'there is no way to the host',
  ENETUNREACH: 'there is no way to its network',
  ETIMEDOUT: 'the host does not answer',
  // Of TLS: the daemon is not who it should be, or we are not.
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'its certificate is not signed by a CA that is trusted here',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'its certificate is not signed by a CA that is trusted here',
  SELF_SIGNED_CERT_IN_CHAIN: 'its certificate is not signed by a CA that is trusted here',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'its certificate is not signed by a CA that is trusted here',
  CERT_SIGNATURE_FAILURE: 'its certificate is not signed by the CA that is trusted here',
  CERT_HAS_EXPIRED: 'its certificate has expired',
  CERT_NOT_YET_VALID: 'its certificate is not valid yet',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate does not name this host',
  ERR_SSL_WRONG_VERSION_NUMBER: 'it does not speak TLS',
};

/** The connection broke before an answer came. Whether the call was carried out is not known. */
export class BrokenConnection extends CsmError {
  override readonly name = 'BrokenConnection';
}

/** Words of the head that come before it, such as how long the call may take. */
export type EarlyWords = (headers: IncomingMessage['headers']) => void;

/** HTTP to one daemon, with connections kept open between calls. */
export class Transport {
  readonly #way: Way;

  constructor(target: Target) {
    this.#way = wayTo(target, CONNECTIONS_MAX);
  }

  /** Where the daemon is, for errors. */
  get where(): string {
    return this.#way.where;
  }

  /** Closes idle connections and breaks the others. */
  close(): void {
    this.#way.agent.destroy();
  }

  /**
   * Sends a request; resolves with the head of the answer. Throws code 22 when no daemon answers, `BrokenConnection`
   * when the connection broke first, the reason of the signal when that fires.
   */
  async send(
    wire: WireRequest,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal,
    early: EarlyWords,
  ): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(wire, headers, signal, early);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || tries >= BUSY_TRIES)
          throw this.#explain(error, signal);
        await pause(BUSY_WAIT_MS, signal);
      }
    }
  }

  #once(
    wire: WireRequest,
    headers: OutgoingHttpHeaders,
    signal: AbortSignal,
    early: EarlyWords,
  ): Promise<IncomingMessage> {
    signal.throwIfAborted();
    const { agent, request, options, headers: own } = this.#way;
    return new Promise((resolve, reject) => {
      const body =
        wire.body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(wire.body) };
      const outgoing = request({
        ...options,
        agent,
        method: wire.method,
        path: wire.path,
        headers: { ...headers, ...own, ...body },
        signal,
      });
      outgoing.once('response', resolve);
      outgoing.on('information', (info) => early(info.headers));
      // Stays for errors after the answer has begun: those are seen by whoever reads the answer.
      outgoing.on('error', reject);
      outgoing.end(wire.body);
    });
  }

  #explain(error: unknown, signal: AbortSignal): unknown {
    if (signal.aborted) return signal.reason;
    const { code: name = '', syscall } = error as NodeJS.ErrnoException;
    if (syscall === 'connect' || name in REASONS) {
      const reason = REASONS[name] ?? name;
      const detail = `no daemon answers at ${this.where}: ${reason}. ${this.#way.advice}`;
      return new CsmError(problem(code.BAD_ADDRESS, detail), { cause: error });
    }
    const what = name === '' ? String(error) : name;
    const detail = `the connection to the daemon at ${this.where} broke before it answered (${what})`;
    return new BrokenConnection(problem(code.COMMUNICATION, detail), { cause: error });
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', stop);
      resolve();
    }, ms);
    signal.addEventListener('abort', stop, { once: true });
  });
}
