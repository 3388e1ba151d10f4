/** No moment; numbers of a column are never null, so that writing one allocates nothing. */
export const NEVER = Number.NaN;

/** No interval yet. */
export const NONE = -1;

const INTERVAL_MAX = 2 ** 31 - 1;

/**
 * The numbers of all components, by slot. They stand in columns and not in the components, where each write of a number
 * that is no small integer would make an object: a beat writes four of them.
 */
export class Columns {
  /** Mono: since when its silence is counted. The last beat, or later where nobody watched in between. */
  from: Float64Array;
  /** Mono, wall: when the last beat came; NEVER before the first, the former also before the first of this process. */
  beatAt: Float64Array;
  lastBeat: Float64Array;
  /** Wall: since when it is as it is. */
  since: Float64Array;
  /** Whole ms between the last two beats, or NONE. */
  interval: Int32Array;

  constructor(capacity: number) {
    this.from = new Float64Array(capacity);
    this.beatAt = new Float64Array(capacity);
    this.lastBeat = new Float64Array(capacity);
    this.since = new Float64Array(capacity);
    this.interval = new Int32Array(capacity);
  }

  get capacity(): number {
    return this.from.length;
  }

  grow(capacity: number): void {
    this.from = grown(this.from, capacity);
    this.beatAt = grown(this.beatAt, capacity);
    this.lastBeat = grown(this.lastBeat, capacity);
    this.since = grown(this.since, capacity);
    this.interval = grown(this.interval, capacity);
  }

  clear(slot: number): void {
    this.from[slot] = 0;
    this.beatAt[slot] = NEVER;
    this.lastBeat[slot] = NEVER;
    this.since[slot] = 0;
    this.interval[slot] = NONE;
  }

  /** A beat has come. */
  arrive(slot: number, mono: number, wall: number): void {
    const gone = mono - (this.beatAt[slot] as number);
    // Also false for NEVER.
    if (gone >= 0) this.interval[slot] = gone < INTERVAL_MAX ? Math.round(gone) : INTERVAL_MAX;
    this.beatAt[slot] = mono;
    this.from[slot] = mono;
    this.lastBeat[slot] = wall;
  }

  copy(slot: number, to: Columns, toSlot: number): void {
    to.from[toSlot] = this.from[slot] as number;
    to.beatAt[toSlot] = this.beatAt[slot] as number;
    to.lastBeat[toSlot] = this.lastBeat[slot] as number;
    to.since[toSlot] = this.since[slot] as number;
    to.interval[toSlot] = this.interval[slot] as number;
  }
}

export function grown<A extends Float64Array | Int32Array | Uint8Array>(old: A, capacity: number): A {
  const next = new (old.constructor as new (length: number) => A)(capacity);
  next.set(old);
  return next;
}
