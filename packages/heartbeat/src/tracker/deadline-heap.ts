import { grown } from './columns.ts';

/** Not in the heap. */
const ABSENT = -1;

/**
 * The nearest of many deadlines, each of one slot: a binary heap that knows where each slot stands in it, so that a
 * deadline can be moved either way. Typed arrays: 16 bytes a slot, and no garbage.
 */
export class DeadlineHeap {
  #slots: Int32Array;
  #size = 0;
  /** By slot: its deadline, and where in the heap it stands. */
  #at: Float64Array;
  #index: Int32Array;

  constructor(capacity: number) {
    this.#slots = new Int32Array(capacity);
    this.#at = new Float64Array(capacity);
    this.#index = new Int32Array(capacity).fill(ABSENT);
  }

  get size(): number {
    return this.#size;
  }

  grow(capacity: number): void {
    const before = this.#index.length;
    this.#slots = grown(this.#slots, capacity);
    this.#at = grown(this.#at, capacity);
    this.#index = grown(this.#index, capacity).fill(ABSENT, before);
  }

  /** The slot whose deadline is nearest, or -1. */
  top(): number {
    return this.#size === 0 ? ABSENT : (this.#slots[0] as number);
  }

  /** Its deadline; infinite when there is none. */
  topAt(): number {
    return this.#size === 0 ? Number.POSITIVE_INFINITY : (this.#at[this.#slots[0] as number] as number);
  }

  /** Sets or moves the deadline of a slot. An infinite one is none. */
  set(slot: number, at: number): void {
    if (at === Number.POSITIVE_INFINITY) {
      this.remove(slot);
      return;
    }
    let index = this.#index[slot] as number;
    this.#at[slot] = at;
    if (index === ABSENT) {
      index = this.#size++;
      this.#put(slot, index);
    }
    this.#up(index);
    this.#down(this.#index[slot] as number);
  }

  remove(slot: number): void {
    const index = this.#index[slot] as number;
    if (index === ABSENT) return;
    this.#index[slot] = ABSENT;
    const last = this.#slots[--this.#size] as number;
    if (last === slot) return;
    this.#put(last, index);
    this.#up(index);
    this.#down(this.#index[last] as number);
  }

  /** Sets all deadlines anew: `atOf` gives that of each slot below `slots`. Costs a look at each, not an order of all. */
  refill(slots: number, atOf: (slot: number) => number): void {
    this.#index.fill(ABSENT);
    this.#size = 0;
    for (let slot = 0; slot < slots; slot++) {
      const at = atOf(slot);
      if (at === Number.POSITIVE_INFINITY) continue;
      this.#at[slot] = at;
      this.#put(slot, this.#size++);
    }
    for (let index = (this.#size >> 1) - 1; index >= 0; index--) this.#down(index);
  }

  #put(slot: number, index: number): void {
    this.#slots[index] = slot;
    this.#index[slot] = index;
  }

  #up(start: number): void {
    const slot = this.#slots[start] as number;
    const at = this.#at[slot] as number;
    let index = start;
    while (index > 0) {
      const above = (index - 1) >> 1;
      const parent = this.#slots[above] as number;
      if ((this.#at[parent] as number) <= at) break;
      this.#put(parent, index);
      index = above;
    }
    this.#put(slot, index);
  }

  #down(start: number): void {
    const slot = this.#slots[start] as number;
    const at = this.#at[slot] as number;
    let index = start;
    for (;;) {
      let below = 2 * index + 1;
      if (below >= this.#size) break;
      const right = below + 1;
      if (right < this.#size && this.#atIndex(right) < this.#atIndex(below)) below = right;
      if (this.#atIndex(below) >= at) break;
      this.#put(this.#slots[below] as number, index);
      index = below;
    }
    this.#put(slot, index);
  }

  #atIndex(index: number): number {
    return this.#at[this.#slots[index] as number] as number;
  }
}
