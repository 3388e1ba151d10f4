/** Rows of one statement: many, since a statement costs as much as dozens; bounded, since all of them are in memory. */
const PART_ROWS = 2_000;

/** A long list as several that one statement each can hold. */
export function* inParts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += PART_ROWS) yield all.slice(at, at + PART_ROWS);
}
