/** Dials a node's candidates, one attempt at a time each; when to dial is the failover machine's to say. */
import type { Role } from '@csm/model';
import { type DialCode, DialError, dial, type JsonStream, type Session, type TlsSettings } from 'tls-json-stream';

/** Failures of a dial that say nothing about the session it offered. */
const UNSEEN: ReadonlySet<DialCode> = new Set(['REFUSED', 'UNREACHABLE', 'NAME', 'TIMEOUT', 'CLOSED', 'ABORTED']);

const CALLED_OFF = new DialError('ABORTED', 'called off');

/**
 * For a process that holds many nodes: carries out a dial of a hub when it is its turn. `waits` is told where that is
 * not at once: the node then stands in a line, as it would at the hub. Rejects with the reason of `signal` when that
 * fires before.
 */
export type DialTurn = <T>(hub: string, dial: () => Promise<T>, waits: () => void, signal: AbortSignal) => Promise<T>;

export interface HubDialerOptions {
  /** Role of the hubs: nobody else may pose as one. */
  readonly hubRole: Role;
  readonly tls: () => TlsSettings;
  /** Look-up, connection and handshake together, ms. */
  readonly connectTimeout: number;
  /** From the connection to the end of the handshake, ms. */
  readonly handshakeTimeout: number;
  /** Default: every dial at once. */
  readonly turn?: DialTurn | undefined;
}

interface Target {
  readonly host: string;
  readonly port: number;
}

export class HubDialer {
  readonly #options: HubDialerOptions;
  /** TLS sessions to resume, by candidate. */
  readonly #sessions = new Map<number, Session>();
  /** What ends the dial of a candidate, one for many: most of those in a row of refused ones would be made for nothing. */
  readonly #aborts = new Map<number, AbortController>();

  constructor(options: HubDialerOptions) {
    this.#options = options;
  }

  /** Resolves with a stream; rejects with a `DialError` that names the target. `connected`: somebody listens there. */
  dial(index: number, hub: Target, connected: () => void): Promise<JsonStream> {
    const { turn } = this.#options;
    const { signal } = this.#abortOf(index);
    if (turn === undefined) return this.#dial(index, hub, connected, signal);
    let told = false;
    const tell = () => {
      if (!told) connected();
      told = true;
    };
    return turn(`${hub.host}:${hub.port}`, () => this.#dial(index, hub, tell, signal), tell, signal);
  }

  async #dial(index: number, { host, port }: Target, connected: () => void, signal: AbortSignal): Promise<JsonStream> {
    const { tls, connectTimeout, handshakeTimeout } = this.#options;
    const session = this.#sessions.get(index);
    try {
      return await dial({
        host,
        port,
        tls: tls(),
        signal,
        connectTimeout,
        handshakeTimeout,
        onConnect: connected,
        ...(session === undefined ? {} : { session }),
        onSession: (fresh) => this.#sessions.set(index, fresh),
        checkPeer: ({ subjectAltNames }) => this.#wrongPeer(subjectAltNames),
      });
    } catch (error) {
      // One that was refused must not stand in the way of the next attempt. One that nobody has looked at stays: a
      // listener that is being restarted, or has a long queue, resumes it at a third of the cost of a new one.
      if (!(error instanceof DialError && UNSEEN.has(error.code))) this.#sessions.delete(index);
      throw error;
    }
  }

  /** Certificates have changed: sessions made with the old ones are not resumed. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  /** Ends the dial of a candidate that is under way: it rejects with ABORTED. One that has its stream by now stays. */
  hangUp(index: number): void {
    this.#aborts.get(index)?.abort(CALLED_OFF);
    this.#aborts.delete(index);
  }

  stop(): void {
    for (const abort of this.#aborts.values()) abort.abort(CALLED_OFF);
  }

  #abortOf(index: number): AbortController {
    let abort = this.#aborts.get(index);
    if (abort === undefined) {
      abort = new AbortController();
      this.#aborts.set(index, abort);
    }
    return abort;
  }

  #wrongPeer(names: readonly string[]): string | undefined {
    const { hubRole } = this.#options;
    if (names.some((name) => name.startsWith(`URI:csm:${hubRole}:`))) return undefined;
    return `its certificate is not of a daemon of role ${hubRole}, but of ${names.join(', ') || 'nobody'}`;
  }
}
