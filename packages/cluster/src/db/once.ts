/**
 * Long work on the database, one at a time. Whoever asks again under his key gets the answer of the first, also when
 * that has just ended: a call is repeated when its connection breaks.
 */
import type { CallContext } from '@csm/api';
import { code, fail, type Json } from '@csm/model';

/** Outcomes remembered. */
const KEPT = 16;

interface Work {
  readonly answer: Promise<Json>;
  readonly abort: AbortController;
  callers: number;
}

export class Once {
  readonly #works = new Map<string, Work>();
  #busy: string | undefined;

  /** `what` is being done, in words for whoever comes meanwhile. The work ends when nobody waits for it any more. */
  async run(what: string, ctx: CallContext, work: (signal: AbortSignal) => Promise<Json>): Promise<Json> {
    const key = JSON.stringify([ctx.caller.user, ctx.idempotencyKey ?? ctx.trace, what]);
    const called = this.#works.get(key);
    // One that nobody waited for any more is ending.
    if (called?.abort.signal.aborted === true) await called.answer.catch(() => undefined);
    const known = this.#works.get(key) ?? this.#begin(key, what, work);
    known.callers++;
    const left = (): void => {
      if (--known.callers === 0) known.abort.abort();
    };
    ctx.signal.addEventListener('abort', left, { once: true });
    try {
      return await known.answer;
    } finally {
      ctx.signal.removeEventListener('abort', left);
    }
  }

  #begin(key: string, what: string, work: (signal: AbortSignal) => Promise<Json>): Work {
    if (this.#busy !== undefined) {
      fail(code.BAD_STATE, `${this.#busy} is under way`, { allowed: 'one backup or archive at a time' });
    }
    this.#busy = what;
    const abort = new AbortController();
    const made: Work = { answer: work(abort.signal), abort, callers: 0 };
    this.#works.set(key, made);
    made.answer
      .catch(() => {
        // What failed may be tried again under the same key.
        this.#works.delete(key);
      })
      .finally(() => {
        this.#busy = undefined;
        for (const [oldest] of this.#works) {
          if (this.#works.size <= KEPT) break;
          this.#works.delete(oldest);
        }
      });
    return made;
  }
}
