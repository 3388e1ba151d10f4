import { type Mono, mono, type Now, type Wall, wall } from '@csm/model';
import type { TimePort } from '../src/types.ts';

export const START = wall(1_800_000_000_000);

/** A clock that stands until a test moves it; timers run in their order. */
export class HandTime implements TimePort {
  #ms = 0;
  #number = 0;
  readonly #timers = new Map<number, { readonly at: number; readonly run: () => void }>();

  now(): Now {
    return { mono: mono(this.#ms), wall: wall(START + this.#ms) };
  }

  after(ms: number, run: () => void): () => void {
    const number = ++this.#number;
    this.#timers.set(number, { at: this.#ms + ms, run });
    return () => void this.#timers.delete(number);
  }

  /** Milliseconds since the start. */
  get ms(): number {
    return this.#ms;
  }

  /** When the next timer is due, ms since the start. */
  get next(): number {
    return Math.min(Number.POSITIVE_INFINITY, ...[...this.#timers.values()].map(({ at }) => at));
  }

  /** Timers that were set and have neither run nor been ended. */
  get pending(): number {
    return this.#timers.size;
  }

  /** Moves to that many ms since the start, and runs what is due on the way. */
  moveTo(ms: number): void {
    for (;;) {
      const [due] = [...this.#timers].filter(([, { at }]) => at <= ms).sort(([a, x], [b, y]) => x.at - y.at || a - b);
      if (due === undefined) break;
      const [number, { at, run }] = due;
      this.#timers.delete(number);
      this.#ms = Math.max(this.#ms, at);
      run();
    }
    this.#ms = Math.max(this.#ms, ms);
  }
}

export const at = (ms: number): Mono => mono(ms);
export const wallAt = (ms: number): Wall => wall(START + ms);

/** Waits for a condition; fails after `ms` of real time. */
export async function until(
  what: string,
  condition: () => boolean | Promise<boolean>,
  ms = 50_000,
  why: () => string = () => '',
): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what} ${why()}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}
