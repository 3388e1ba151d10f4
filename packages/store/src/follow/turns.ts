/**
 * Short pieces of work, one after another in the order in which they were asked for, in slices between which the event
 * loop does everything else.
 */

/** Milliseconds of a slice, and what its work may weigh: by that goes what it leaves for later in the same turn of the loop. */
export const TURN_MS = 1;
export const TURN_WEIGHT = 128 * 1024;

export class Turns {
  readonly #now: () => number;
  #waiting: { readonly weight: number; readonly work: () => void }[] = [];
  #next = 0;
  #scheduled = false;

  /** `now`: milliseconds that only rise. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now;
  }

  /** Runs `work` in its turn; it must not wait for anything. Gives what it returned or threw. */
  take<T>(weight: number, work: () => T): Promise<Awaited<T>> {
    return new Promise<Awaited<T>>((resolve, reject) => {
      const run = (): void => {
        try {
          resolve(work() as Awaited<T>);
        } catch (thrown) {
          reject(thrown);
        }
      };
      this.#waiting.push({ weight, work: run });
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
    let weight = 0;
    for (let next = this.#waiting[this.#next]; next !== undefined; next = this.#waiting[this.#next]) {
      this.#next += 1;
      weight += next.weight;
      next.work();
      if (weight >= TURN_WEIGHT || this.#now() - began >= TURN_MS) break;
    }
    if (this.#next < this.#waiting.length) this.#schedule();
    if (this.#next * 2 > this.#waiting.length) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
  }
}
