/** Queries on a connection that changes nothing, with their bounds. */
import { code, fail } from '@csm/model';
import type { QueryText } from '../engine.ts';
import type { SqlRow, SqlValue } from '../module.ts';
import { textOf } from '../text-row.ts';
import type { Connection } from './connection.ts';

export interface ReaderLimits {
  readonly queryBytes: number;
  readonly queryMs: number;
}

/** What a query gives. */
export interface Found {
  readonly columns: readonly string[];
  /** Row by row, the values in the order of the columns. */
  readonly values: readonly (readonly SqlValue[])[];
  /** Whether JSON says the same: no value is a Buffer, or infinite. */
  readonly plain: boolean;
}

/** Runs one query. Code 30 when it gives too much, 5 when it takes too long, 25 when the database refuses it. */
export function readFound(db: Connection, { sql, params, limit }: QueryText, limits: ReaderLimits): Found {
  const values: SqlValue[][] = [];
  const bounds = new Bounds(limit, limits);
  let plain = true;
  const columns = db.each(sql, params, (row) => {
    let bytes = 0;
    for (const value of row) {
      if (typeof value === 'string') bytes += value.length;
      else if (value instanceof Uint8Array) {
        bytes += value.length;
        plain = false;
      } else {
        bytes += 8;
        if (typeof value === 'number' && !Number.isFinite(value)) plain = false;
      }
    }
    bounds.count(bytes);
    values.push(row);
  });
  return { columns, values, plain };
}

/** Characters of a page of texts: so many that a page costs little beside its texts, so few that the first is soon full. */
const PAGE_CHARS = 64 * 1024;

/** Runs one query that gives a text a row; gives them to `take` page by page. Errors as `readFound`. */
export function readTexts(
  db: Connection,
  { sql, params, limit }: QueryText,
  limits: ReaderLimits,
  take: (texts: readonly string[]) => void,
): void {
  const bounds = new Bounds(limit, limits);
  let page: string[] = [];
  let chars = 0;
  db.each(sql, params, (row) => {
    const text = textOf(row);
    bounds.count(text.length);
    page.push(text);
    chars += text.length;
    if (chars < PAGE_CHARS) return;
    take(page);
    page = [];
    chars = 0;
  });
  if (page.length > 0) take(page);
}

/** How much one query may give, and how long it may take. */
class Bounds {
  readonly #limit: number;
  readonly #limits: ReaderLimits;
  readonly #began = performance.now();
  #rows = 0;
  #bytes = 0;

  constructor(limit: number, limits: ReaderLimits) {
    this.#limit = limit;
    this.#limits = limits;
  }

  /** One row more. */
  count(bytes: number): void {
    const { queryBytes, queryMs } = this.#limits;
    if (this.#rows === this.#limit) {
      fail(code.BUFFER_OVERFLOW, `the query gives more than ${this.#limit} rows`, {
        field: 'limit',
        allowed: `${this.#limit} rows`,
      });
    }
    this.#bytes += bytes;
    if (this.#bytes > queryBytes) {
      fail(code.BUFFER_OVERFLOW, `the rows of the query are larger than ${queryBytes} bytes`, {
        field: 'sql',
        allowed: 'a query for less, or for part after part',
      });
    }
    if (this.#rows % 64 === 0 && performance.now() - this.#began > queryMs) {
      fail(code.TIMEOUT, `the query took longer than ${queryMs} ms`, { field: 'sql' });
    }
    this.#rows += 1;
  }
}

/** The rows by the names of their columns; of two columns of one name the later counts. */
export function rowsOf({ columns, values }: Pick<Found, 'columns' | 'values'>): SqlRow[] {
  return values.map((row) => {
    const named: SqlRow = {};
    for (let i = 0; i < columns.length; i++) named[columns[i] as string] = row[i] as SqlValue;
    return named;
  });
}
