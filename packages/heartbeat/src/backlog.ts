/**
 * Changes that wait for the database, oldest first. While there is room every change waits, in order. Beyond that a
 * component has one place: its newest change takes it, and what it pushes out is counted as lost history. So the bound
 * is the room, and one change a component.
 */
import type { Change } from './types.ts';

/** Changes that wait whole; some 20 MB. */
export const BACKLOG_ROOM = 50_000;

export class Backlog {
  readonly #room: number;
  #rows: Change[] = [];
  #head = 0;
  readonly #newest = new Map<string, Change>();
  #lost = 0;

  constructor(room: number = BACKLOG_ROOM) {
    this.#room = room;
  }

  get size(): number {
    return this.#rows.length - this.#head + this.#newest.size;
  }

  /** Changes that were given up for newer ones of the same component. */
  get lost(): number {
    return this.#lost;
  }

  add(changes: readonly Change[]): void {
    for (const change of changes) {
      if (this.#newest.size === 0 && this.#rows.length - this.#head < this.#room) {
        this.#rows.push(change);
        continue;
      }
      // Taken out first, so that it stands where the newest stand.
      if (this.#newest.delete(change.name)) this.#lost++;
      this.#newest.set(change.name, change);
    }
  }

  /** The oldest, at most so many. They wait on until they are done. */
  next(atMost: number): Change[] {
    if (this.#head === this.#rows.length) {
      this.#rows = [...this.#newest.values()];
      this.#head = 0;
      this.#newest.clear();
    }
    return this.#rows.slice(this.#head, this.#head + atMost);
  }

  /** So many of the oldest are dealt with. */
  done(count: number): void {
    this.#head = Math.min(this.#head + count, this.#rows.length);
    // Not at each step: what is done would be copied again and again.
    if (this.#head < this.#room / 4 && this.#head < this.#rows.length) return;
    this.#rows = this.#rows.slice(this.#head);
    this.#head = 0;
  }
}
