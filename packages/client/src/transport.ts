import { Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http';
import { CsmError, code, fail, problem } from '@csm/model';
import type { WireRequest } from './request.ts';

/** The kernel cuts a longer path without an error (108 bytes with the final zero); 100 leaves a margin. */
export const SOCKET_PATH_MAX = 100;

/** Connections to the daemon at a time; further calls wait for one. */
const CONNECTIONS_MAX = 32;
/** A daemon whose backlog is full is tried again this many times, after these many ms each. */
const BUSY_TRIES = 20;
const BUSY_WAIT_MS = 25;

/** Refuses a socket path that the kernel would cut. Throws code 9. */
export function checkSocketPath(socket: string): void {
  const bytes = Buffer.byteLength(socket);
  if (bytes > 0 && bytes <= SOCKET_PATH_MAX && !socket.includes('\0')) return;
  const why = bytes === 0 ? 'is empty' : `has ${bytes} bytes: the kernel would cut it without an error`;
  fail(
    code.INVALID_PARAMETER,
    `the socket path ${JSON.stringify(socket)} ${socket.includes('\0') ? 'has a zero byte' : why}`,
    {
      field: 'socket',
      allowed: `a path of 1 to ${SOCKET_PATH_MAX} bytes`,
    },
  );
}

const REASONS: { readonly [name: string]: string } = {
  ENOENT: 'there is no such socket',
  ECONNREFUSED: 'nobody listens there',
  EACCES: 'permission denied',
  EAGAIN: 'too many connections wait there',
  ENOTSOCK: 'it is no socket',
};

/** The connection broke before an answer came. Whether the call was carried out is not known. */
export class BrokenConnection extends CsmError {
  override readonly name = 'BrokenConnection';
}

/** HTTP over one unix socket, with connections kept open between calls. */
export class Transport {
  readonly socket: string;
  readonly #agent: Agent;

  constructor(socket: string) {
    checkSocketPath(socket);
    this.socket = socket;
    this.#agent = new Agent({ keepAlive: true, maxSockets: CONNECTIONS_MAX, maxFreeSockets: 4, scheduling: 'lifo' });
  }

  /** Closes idle connections and breaks the others. */
  close(): void {
    this.#agent.destroy();
  }

  /**
   * Sends a request; resolves with the head of the answer. Throws code 22 when no daemon answers, `BrokenConnection`
   * when the connection broke first, the reason of the signal when that fires.
   */
  async send(wire: WireRequest, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    for (let tries = 1; ; tries++) {
      try {
        return await this.#once(wire, headers, signal);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== 'EAGAIN' || tries >= BUSY_TRIES)
          throw this.#explain(error, signal);
        await pause(BUSY_WAIT_MS, signal);
      }
    }
  }

  #once(wire: WireRequest, headers: OutgoingHttpHeaders, signal: AbortSignal): Promise<IncomingMessage> {
    signal.throwIfAborted();
    return new Promise((resolve, reject) => {
      const body =
        wire.body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(wire.body) };
      const outgoing = request({
        socketPath: this.socket,
        agent: this.#agent,
        method: wire.method,
        path: wire.path,
        headers: { ...headers, ...body },
        signal,
      });
      outgoing.once('response', resolve);
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
      const detail = `no daemon answers at ${this.socket}: ${reason}. Is csmd running? (systemctl status "csmd-*")`;
      return new CsmError(problem(code.BAD_ADDRESS, detail), { cause: error });
    }
    const what = name === '' ? String(error) : name;
    const detail = `the connection to the daemon at ${this.socket} broke before it answered (${what})`;
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
