/**
 * The newest changes in memory: all rows behind `from` up to `last`, without a gap. What is added at its end pushes the
 * oldest out, by number and by size. Pure.
 */
import type { ChangeRow } from '../store.ts';

export interface SizedRow {
  readonly row: ChangeRow;
  /** Characters of its body, and some for the rest of it. */
  readonly size: number;
}

export interface RingBounds {
  readonly rows: number;
  readonly size: number;
}

export class Ring {
  readonly #bounds: RingBounds;
  /** Those before `#begin` are gone; the list is cut when they are half of it. */
  #rows: SizedRow[] = [];
  #begin = 0;
  #size = 0;
  #from: number;
  #last: number;

  /** Empty, behind change `at`. */
  constructor(bounds: RingBounds, at: number) {
    this.#bounds = bounds;
    this.#from = at;
    this.#last = at;
  }

  get from(): number {
    return this.#from;
  }

  get last(): number {
    return this.#last;
  }

  get size(): number {
    return this.#size;
  }

  get length(): number {
    return this.#rows.length - this.#begin;
  }

  /** Whether nothing is missing between change `at` and what is held. */
  joins(at: number): boolean {
    return at >= this.#from && at <= this.#last;
  }

  /** Begins anew behind change `at`. */
  restart(at: number): void {
    this.#rows = [];
    this.#begin = 0;
    this.#size = 0;
    this.#from = at;
    this.#last = at;
  }

  /** Rows that follow `last` without a gap. The newest is kept whatever its size. */
  add(rows: readonly SizedRow[]): void {
    for (const sized of rows) {
      this.#rows.push(sized);
      this.#size += sized.size;
      this.#last = sized.row.seq;
    }
    while (this.length > 1 && (this.length > this.#bounds.rows || this.#size > this.#bounds.size)) {
      const gone = this.#rows[this.#begin++] as SizedRow;
      this.#size -= gone.size;
      this.#from = gone.row.seq;
    }
    if (this.#begin > this.#rows.length / 2) {
      this.#rows = this.#rows.slice(this.#begin);
      this.#begin = 0;
    }
  }

  /** The rows behind change `at`, at least one and as many as fit into `size`; none when it holds none, or has a gap there. */
  after(at: number, size: number): readonly ChangeRow[] {
    if (!this.joins(at) || at === this.#last) return [];
    return fitting(this.#rows, this.#indexBehind(at), size);
  }

  /** Of the first row above `at`; rows are in order of their numbers. */
  #indexBehind(at: number): number {
    let low = this.#begin;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#rows[middle] as SizedRow).row.seq > at) high = middle;
      else low = middle + 1;
    }
    return low;
  }
}

/** Rows from an index on, at least one and as many as fit into `size`. */
export function fitting(rows: readonly SizedRow[], index: number, size: number): ChangeRow[] {
  const taken: ChangeRow[] = [];
  let room = size;
  for (let i = index; i < rows.length; i++) {
    const sized = rows[i] as SizedRow;
    room -= sized.size;
    if (taken.length > 0 && room < 0) break;
    taken.push(sized.row);
  }
  return taken;
}
