import { grown } from './columns.ts';

/** By slot: it stands in the ring; it has an arrival that nobody has taken. */
const QUEUED = 1;
const DIRTY = 3;

/** Which slots have had a beat since they were last taken: first come, first taken, each once. */
export class Arrivals {
  /** As long as there are slots, so it is never too short. */
  #ring: Int32Array;
  #head = 0;
  #count = 0;
  #marks: Uint8Array;

  constructor(capacity: number) {
    this.#ring = new Int32Array(capacity);
    this.#marks = new Uint8Array(capacity);
  }

  /** How many wait; forgotten ones too, until their turn comes. */
  get size(): number {
    return this.#count;
  }

  grow(capacity: number): void {
    const ring = new Int32Array(capacity);
    for (let i = 0; i < this.#count; i++) ring[i] = this.#ring[(this.#head + i) % this.#ring.length] as number;
    this.#ring = ring;
    this.#head = 0;
    this.#marks = grown(this.#marks, capacity);
  }

  note(slot: number): void {
    const mark = this.#marks[slot] as number;
    if (mark === DIRTY) return;
    this.#marks[slot] = DIRTY;
    if (mark === QUEUED) return;
    this.#ring[(this.#head + this.#count) % this.#ring.length] = slot;
    this.#count++;
  }

  /** The slot is another's from now on. Its place in the ring stays, and serves the next one. */
  forget(slot: number): void {
    this.#marks[slot] = (this.#marks[slot] as number) & QUEUED;
  }

  /** The next slot with an arrival, or -1. */
  take(): number {
    while (this.#count > 0) {
      const slot = this.#ring[this.#head] as number;
      this.#head = (this.#head + 1) % this.#ring.length;
      this.#count--;
      const mark = this.#marks[slot];
      this.#marks[slot] = 0;
      if (mark === DIRTY) return slot;
    }
    return -1;
  }
}
