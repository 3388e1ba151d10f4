/**
 * Keeps a session with the bus: opens one, waits for its end, pauses, opens the next.
 *
 * | it is…  | enters                     | leaves                                                       |
 * |---------|----------------------------|--------------------------------------------------------------|
 * | dialling | start; the pause is over  | a session stands → up; it failed → pausing                    |
 * | up      | a session stands           | the session has ended → pausing                               |
 * | pausing | there is no session        | a pause of full jitter, longer each time → dialling           |
 *
 * The pauses are short again once a message was acknowledged, or a session has stood for a while.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { CsmError, code, problem } from '@csm/model';
import { fullJitter } from '@csm/store';
import type { Session } from './session.ts';
import { inWords } from './words.ts';

const BACKOFF = { firstMs: 250, maxMs: 10_000 };
const STEADY_MS = 10_000;

export interface LinkOptions {
  readonly open: (signal: AbortSignal) => Promise<Session>;
  /** In [0, 1). */
  readonly random: () => number;
}

export class Link {
  readonly #options: LinkOptions;
  readonly #stop = new AbortController();
  readonly #ended: Promise<void>;
  readonly #waiting = new Set<{ readonly take: (session: Session) => void; readonly giveUp: () => void }>();
  #session: Session | undefined;
  #reason: string | undefined = 'not connected yet';

  constructor(options: LinkOptions) {
    this.#options = options;
    this.#ended = this.#run();
  }

  /** Why there is no session; undefined while there is one. */
  get reason(): string | undefined {
    return this.#reason;
  }

  /** The present session, or the next one. Rejects with code 12 and the reason after `ms`, or when the signal fires or it is stopped. */
  session(ms: number, signal: AbortSignal): Promise<Session> {
    if (this.#session !== undefined) return Promise.resolve(this.#session);
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', one.giveUp);
        this.#waiting.delete(one);
      };
      const one = {
        take: (session: Session): void => {
          leave();
          resolve(session);
        },
        giveUp: (): void => {
          leave();
          reject(new CsmError(problem(code.COMMUNICATION, this.#reason ?? 'stopped')));
        },
      };
      const timer = setTimeout(one.giveUp, ms);
      signal.addEventListener('abort', one.giveUp);
      this.#waiting.add(one);
      if (signal.aborted || this.#stop.signal.aborted) one.giveUp();
    });
  }

  /** Closes the session; there is no other. */
  async stop(): Promise<void> {
    this.#stop.abort();
    for (const { giveUp } of this.#waiting) giveUp();
    await this.#ended;
  }

  async #run(): Promise<void> {
    const { open, random } = this.#options;
    const { signal } = this.#stop;
    let failures = 0;
    while (!signal.aborted) {
      try {
        const session = await open(signal);
        const since = performance.now();
        this.#session = session;
        this.#reason = undefined;
        for (const { take } of this.#waiting) take(session);
        this.#reason = await session.ended;
        if (session.proven || performance.now() - since > STEADY_MS) failures = 0;
      } catch (error) {
        this.#reason = inWords(error);
      }
      this.#session = undefined;
      // Rejects when the signal fires, which ends the loop.
      await pause(fullJitter(failures++, BACKOFF.firstMs, BACKOFF.maxMs, random()), undefined, { signal }).catch(
        () => {},
      );
    }
  }
}
