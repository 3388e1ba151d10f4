/**
 * Work that would hold up the writer for long, in slices of a few milliseconds. A slice is one procedure; it works in
 * steps that begin small and grow by what the last one took, so that a slice ends in time whether rows are short or
 * long, and the disk quick or slow.
 */

/** What a slice may take, ms; its commit comes on top. Longer: fewer commits; others wait longer. */
export const SLICE_MS = 5;
/** Rows of the first step: few, since they may be as long as rows get. */
const FIRST_ROWS = 8;
const MOST_ROWS = 4_096;
/** By how much a step may be larger than the one before. */
const GROWTH = 4;

export interface SliceClock {
  /** Milliseconds since the procedure began. */
  spent(): number;
}

export interface SliceResult {
  readonly rows: number;
  /** The time was up before the work was. */
  readonly more: boolean;
}

/** Rows of the next step, after one of `rows` that took so long; 0 when not even a small one fits. */
export function nextRows(rows: number, tookMs: number, leftMs: number): number {
  if (leftMs <= 0) return 0;
  const each = Math.max(tookMs, 0.001) / rows;
  const fitting = Math.floor(leftMs / each);
  return fitting < FIRST_ROWS ? 0 : Math.min(rows * GROWTH, fitting, MOST_ROWS);
}

/** Steps until one does less than it was asked for, or the time is up. `step` does at most so many rows, and tells how many. */
export async function inSlice(
  clock: SliceClock,
  step: (rows: number) => Promise<number>,
  budgetMs: number = SLICE_MS,
): Promise<SliceResult> {
  let done = 0;
  for (let rows = FIRST_ROWS; rows > 0; ) {
    const began = clock.spent();
    const did = await step(rows);
    done += did;
    if (did < rows) return { rows: done, more: false };
    const now = clock.spent();
    rows = nextRows(rows, now - began, budgetMs - now);
  }
  return { rows: done, more: true };
}
