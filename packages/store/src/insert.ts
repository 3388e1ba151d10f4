/** Many rows at once: what both databases check of them before anything is sent. */
import { code, fail } from '@csm/model';
import type { SqlValue } from './module.ts';
import { sqlValue } from './sql.ts';

export interface Insert {
  readonly table: string;
  readonly columns: readonly string[];
  /** Checked: whole numbers are bigints. */
  readonly rows: readonly (readonly SqlValue[])[];
  /** What follows ON CONFLICT, where there is something. */
  readonly onConflict: string | undefined;
}

/** What becomes of rows whose key is there already; with neither they are refused. */
export interface InsertOptions {
  /** They are left out. */
  readonly passOver?: boolean;
  /**
   * They change the row that is there: the text behind ON CONFLICT, as `(key) DO UPDATE SET n = excluded.n`. No two rows
   * of one insert may have the same key then; PostgreSQL refuses that.
   */
  readonly onConflict?: string;
}

const IDENTIFIER = /^[a-z_][a-z0-9_]{0,62}$/;

/** Throws code 9 naming the table, column, row or value. */
export function checkInsert(
  table: string,
  columns: readonly string[],
  rows: readonly (readonly SqlValue[])[],
  { passOver = false, onConflict }: InsertOptions,
): Insert {
  for (const name of [table, ...columns]) {
    if (!IDENTIFIER.test(name)) refuse('columns', `${JSON.stringify(name)} is no name`, 'lower-case names');
  }
  if (columns.length === 0) refuse('columns', `no column of ${table} is named`, 'one or more');
  const checked = rows.map((row, n) => {
    if (row.length !== columns.length) {
      refuse(`rows[${n}]`, `row ${n} for ${table} has ${row.length} values`, `${columns.length} values`);
    }
    return row.map(sqlValue);
  });
  return { table, columns, rows: checked, onConflict: onConflict ?? (passOver ? 'DO NOTHING' : undefined) };
}

const refuse = (field: string, detail: string, allowed: string): never =>
  fail(code.INVALID_PARAMETER, detail, { field, allowed });
