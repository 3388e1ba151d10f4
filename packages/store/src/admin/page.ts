/**
 * How many rows are read at once, so that a page has about 4 MiB whatever a row has: by what the page before had. A page
 * may have more when its rows are longer than those before; so it grows by steps, and shrinks at once.
 */
import type { SqlRow } from '../module.ts';

const ROWS_MAX = 500;
const CHARS = 4 * 1024 * 1024;
const GROWTH = 4;
export const FIRST_ROWS = 16;

/** Rows of the next page, 1 to 500. `asked`: of the page that gave these rows. */
export function nextRows(asked: number, rows: readonly SqlRow[]): number {
  if (rows.length === 0) return asked;
  const chars = rows.reduce((sum, row) => sum + charsOf(row), 0);
  const fitting = Math.floor((CHARS * rows.length) / Math.max(1, chars));
  return Math.max(1, Math.min(ROWS_MAX, asked * GROWTH, fitting));
}

/** Characters of text, bytes of bytes; numbers count for little. */
function charsOf(row: SqlRow): number {
  let chars = 0;
  for (const value of Object.values(row)) {
    chars += typeof value === 'string' || value instanceof Uint8Array ? value.length : 8;
  }
  return chars;
}
