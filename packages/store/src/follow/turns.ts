/**
 * Short pieces of work, one after another in the order in which they were asked for, in slices between which the event
 * loop does everything else.
 */

/** Milliseconds of a slice. What the work leaves for later in the same turn of the loop comes on top. */
export const TURN_MS = 1;

export class Turns {
  readonly #now: () => number;
  #waiting: (() => void)[] = [];
  #next = 0;
  #scheduled = false;

  /** `now`: milliseconds that only rise. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Runs `work` in its turn; it must not wait for anything. Gives what it returned or threw. */
  take<T>(work: () => T): Promise<Awaited<T>> {
    return new Promise<Awaited<T>>((resolve, reject) => {
      this.#waiting.push(() => {
        try {
          resolve(work() as Awaited<T>);
        } catch (thrown) {
          reject(thrown);
        }
      });
      this.#schedule();
    });
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => this.#slice());
  }

  #slice(): void {
    const began = this.#now();
    this.#scheduled = false;
    while (this.#next < this.#waiting.length) {
      const work = this.#waiting[this.#next++];
      work?.();
      if (this.#now() - began >= TURN_MS) break;
    }
    if (this.#next < this.#waiting.length) this.#schedule();
    if (this.#next * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
  }
}
