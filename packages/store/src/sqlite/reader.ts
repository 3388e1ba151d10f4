/** Queries on a connection that changes nothing, with their bounds. */
import { code, fail } from '@csm/model';
import type { QueryText } from '../engine.ts';
import type { SqlRow, SqlValue } from '../module.ts';
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
  const began = performance.now();
  const values: SqlValue[][] = [];
  let bytes = 0;
  let plain = true;
  const columns = db.each(sql, params, (row) => {
    if (values.length === limit) {
      fail(code.BUFFER_OVERFLOW, `the query gives more than ${limit} rows`, {
        field: 'limit',
        allowed: `${limit} rows`,
      });
    }
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
    if (bytes > limits.queryBytes) {
      fail(code.BUFFER_OVERFLOW, `the rows of the query are larger than ${limits.queryBytes} bytes`, {
        field: 'sql',
        allowed: 'a query for less, or for part after part',
      });
    }
    if (values.length % 64 === 0 && performance.now() - began > limits.queryMs) {
      fail(code.TIMEOUT, `the query took longer than ${limits.queryMs} ms`, { field: 'sql' });
    }
    values.push(row);
  });
  return { columns, values, plain };
}

/** The rows by the names of their columns; of two columns of one name the later counts. */
export function rowsOf({ columns, values }: Pick<Found, 'columns' | 'values'>): SqlRow[] {
  return values.map((row) => {
    const named: SqlRow = {};
    for (let i = 0; i < columns.length; i++) named[columns[i] as string] = row[i] as SqlValue;
    return named;
  });
}
