/**
 * Long work, one at a time. Whoever asks again under his key gets the answer of the first, also when that has just
 * ended: a call is repeated when its connection breaks.
 */
import type { CallContext } from '@csm/api';
import { code, fail, type Json } from '@csm/model';

/** Outcomes remembered. */
const KEPT = 16;

export interface Asked {
  /** What is being done, in words for whoever comes meanwhile: `a backup to /var/lib/csm/b`. */
  readonly what: string;
  /** All that tells this call from others. */
  readonly input: unknown;
}

interface Work {
  readonly asked: string;
  readonly answer: Promise<Json>;
  readonly abort: AbortController;
  callers: number;
}

export class Once {
  readonly #allowed: string;
  readonly #works = new Map<string, Work>();
  #busy: string | undefined;

  /** `allowed` tells the refused what is: `one backup or archive at a time`. */
  constructor(allowed: string) {
    this.#allowed = allowed;
  }

  /**
   * The work ends when nobody waits for it any more; what failed may be tried again under the same key. Rejects with
   * code 9 when the caller used the key for something else, with the code of a bad state while other work is under way.
   */
  async run({ what, input }: Asked, ctx: CallContext, work: (signal: AbortSignal) => Promise<Json>): Promise<Json> {
    const key = JSON.stringify([ctx.caller.user, ctx.idempotencyKey ?? ctx.trace]);
    const asked = JSON.stringify([what, input]);
    const called = this.#works.get(key);
    // One that nobody waited for any more is ending.
    if (called?.abort.signal.aborted === true) await called.answer.catch(() => undefined);
    const known = this.#works.get(key) ?? this.#begin(key, what, asked, work);
    if (known.asked !== asked) {
      fail(code.INVALID_PARAMETER, 'this Idempotency-Key was used for another order', {
        field: 'Idempotency-Key',
        allowed: 'a new key for a new order',
      });
    }
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

  #begin(key: string, what: string, asked: string, work: (signal: AbortSignal) => Promise<Json>): Work {
    if (this.#busy !== undefined) fail(code.BAD_STATE, `${this.#busy} is under way`, { allowed: this.#allowed });
    this.#busy = what;
    const abort = new AbortController();
    const made: Work = { asked, answer: work(abort.signal), abort, callers: 0 };
    this.#works.set(key, made);
    made.answer
      .catch(() => {
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
