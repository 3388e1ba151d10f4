import type { Change } from '../types.ts';

/** A change until it is taken: the incident it belongs to may be seen a moment later. */
export type Draft = { -readonly [Key in keyof Change]: Change[Key] };

/** Changes in the order in which they were noticed, until somebody takes them. */
export class ChangeQueue {
  #waiting: Draft[] = [];
  #taken = 0;

  get size(): number {
    return this.#waiting.length;
  }

  /** Gives the number of the change. */
  push(change: Draft): number {
    return this.#taken + this.#waiting.push(change) - 1;
  }

  /** The change of that number, while nobody has taken it. */
  waiting(number: number): Draft | undefined {
    return this.#waiting[number - this.#taken];
  }

  take(atMost: number): Change[] {
    const taken = this.#waiting.length <= atMost ? this.#waiting : this.#waiting.splice(0, atMost);
    if (taken === this.#waiting) this.#waiting = [];
    this.#taken += taken.length;
    return taken;
  }
}
