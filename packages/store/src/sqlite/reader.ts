/** Queries on a connection that changes nothing, with their bounds. */
import { code, fail } from '@csm/model';
import type { QueryText } from '../engine.ts';
import type { SqlRow } from '../module.ts';
import type { Connection } from './connection.ts';

export interface ReaderLimits {
  readonly queryBytes: number;
  readonly queryMs: number;
}

export interface Rows {
  readonly rows: SqlRow[];
  /** Whether some value is a Buffer, which arrives as a bare Uint8Array in another thread. */
  readonly blobs: boolean;
}

/** Runs one query. Code 30 when it gives too much, 5 when it takes too long, 25 when the database refuses it. */
export function readRows(db: Connection, { sql, params, limit }: QueryText, limits: ReaderLimits): Rows {
  const began = performance.now();
  const rows: SqlRow[] = [];
  let bytes = 0;
  let blobs = false;
  db.each(sql, params, (row) => {
    if (rows.length === limit) {
      fail(code.BUFFER_OVERFLOW, `the query gives more than ${limit} rows`, {
        field: 'limit',
        allowed: `${limit} rows`,
      });
    }
    for (const value of Object.values(row as SqlRow)) {
      if (typeof value === 'string') bytes += value.length;
      else if (value instanceof Uint8Array) {
        bytes += value.length;
        blobs = true;
      } else bytes += 8;
    }
    if (bytes > limits.queryBytes) {
      fail(code.BUFFER_OVERFLOW, `the rows of the query are larger than ${limits.queryBytes} bytes`, {
        field: 'sql',
        allowed: 'a query for less, or for part after part',
      });
    }
    if (rows.length % 64 === 0 && performance.now() - began > limits.queryMs) {
      fail(code.TIMEOUT, `the query took longer than ${limits.queryMs} ms`, { field: 'sql' });
    }
    rows.push(row as SqlRow);
  });
  return { rows, blobs };
}
