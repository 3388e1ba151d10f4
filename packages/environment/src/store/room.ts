/**
 * Room for lists of value names. Names never take room from figures: they have a share of their own beside
 * `keep_bytes`, and whoever invents names without end is refused, item by item, while all others go on.
 */
const MIB = 1024 * 1024;

/** The part of keep_bytes that lists of names may take as they come, and at least; as much again keeps equal shares. */
const PART = 32;
const POOL_MIN = 2 * MIB;
/** What the lists one node brought of one item may take; an item with 4096 values has a list of about 180 KiB. */
const SERIES_MAX = 4 * MIB;

/** Bytes. */
export interface Names {
  /** All lists. */
  readonly all: number;
  /** Those the node brought of the item, with the new one. */
  readonly own: number;
}

/** Bytes that lists of names may take before only those who have brought little may bring more. */
export const namesPool = (keepBytes: number): number => Math.max(POOL_MIN, Math.floor(keepBytes / PART));

/**
 * Why a new list is refused; undefined when it is let in. Once the pool is full whoever has less than an equal share
 * of it may still bring his own, so that those who have filled it shut out only themselves. All together stays below
 * twice the pool. `series` is the number of shares: nodes by items.
 */
export function noRoom({ all, own }: Names, keepBytes: number, series: number): string | undefined {
  const pool = namesPool(keepBytes);
  const most = Math.min(SERIES_MAX, Math.floor(pool / 8));
  if (own > most) return `the names of its values change so often that they would take more than ${most} bytes`;
  if (all > pool && own > pool / Math.max(1, series))
    return 'the names of its values change more often than those of other nodes, and there is no room for more names';
  return undefined;
}
