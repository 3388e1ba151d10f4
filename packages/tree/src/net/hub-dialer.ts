/** Dials a node's candidates, one attempt at a time each; when to dial is the failover machine's to say. */
import type { Role } from '@csm/model';
import { DialError, dial, type JsonStream, type Session, type TlsSettings } from 'tls-json-stream';

export interface HubDialerOptions {
  /** Role of the hubs: nobody else may pose as one. */
  readonly hubRole: Role;
  readonly tls: () => TlsSettings;
  /** Look-up, connection and handshake together, ms. */
  readonly connectTimeout: number;
}

export class HubDialer {
  readonly #options: HubDialerOptions;
  /** TLS sessions to resume, by candidate. */
  readonly #sessions = new Map<number, Session>();
  readonly #underWay = new Set<AbortController>();

  constructor(options: HubDialerOptions) {
    this.#options = options;
  }

  /** Resolves with a stream; rejects with a `DialError` that names the target. */
  async dial(index: number, { host, port }: { readonly host: string; readonly port: number }): Promise<JsonStream> {
    const { tls, connectTimeout } = this.#options;
    const abort = new AbortController();
    this.#underWay.add(abort);
    const session = this.#sessions.get(index);
    try {
      return await dial({
        host,
        port,
        tls: tls(),
        signal: abort.signal,
        connectTimeout,
        ...(session === undefined ? {} : { session }),
        onSession: (fresh) => this.#sessions.set(index, fresh),
        checkPeer: ({ subjectAltNames }) => this.#wrongPeer(subjectAltNames),
      });
    } catch (error) {
      // It must not stand in the way of the next attempt, unless the listener has never seen it: one that is being
      // restarted resumes sessions of before, at a third of the cost of new ones.
      if (!(error instanceof DialError && error.code === 'REFUSED')) this.#sessions.delete(index);
      throw error;
    } finally {
      this.#underWay.delete(abort);
    }
  }

  /** Certificates have changed: sessions made with the old ones are not resumed. */
  forgetSessions(): void {
    this.#sessions.clear();
  }

  stop(): void {
    for (const abort of this.#underWay) abort.abort();
  }

  #wrongPeer(names: readonly string[]): string | undefined {
    const { hubRole } = this.#options;
    if (names.some((name) => name.startsWith(`URI:csm:${hubRole}:`))) return undefined;
    return `its certificate is not of a daemon of role ${hubRole}, but of ${names.join(', ') || 'nobody'}`;
  }
}
