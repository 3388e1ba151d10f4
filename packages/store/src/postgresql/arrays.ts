/**
 * Rows as columns: an insert of many rows is one statement over arrays, `INSERT … SELECT … FROM unnest(…)`, whose text
 * does not change with their number.
 */
import { code, fail } from '@csm/model';
import type { Insert } from '../insert.ts';
import type { SqlValue } from '../module.ts';
import { ANY, BYTEA, FLOAT8, INT8, TEXT, typeOf } from './values.ts';

/** The array of a type, from pg_type.dat. */
const ARRAY_OF: Readonly<Record<number, number>> = { [INT8]: 1016, [TEXT]: 1009, [FLOAT8]: 1022, [BYTEA]: 1001 };

export interface Columns {
  readonly text: string;
  readonly types: readonly number[];
  /** One array a column, as the server reads it. */
  readonly values: readonly string[];
}

/** Throws code 9 for a column whose values are of several types. */
export function columnsOf({ table, columns, rows, onConflict }: Insert): Columns {
  const types: number[] = [];
  const values: string[] = [];
  const selected = columns.map((column, c) => {
    const type = rows.reduce((known, row) => common(known, typeOf(row[c] ?? null), column), ANY);
    // An array of nothing but null has no type; written so, null takes the column's.
    if (type === ANY) return 'NULL';
    types.push(ARRAY_OF[type] ?? ANY);
    values.push(`{${rows.map((row) => element(row[c] ?? null)).join(',')}}`);
    return `u.c${c}`;
  });
  if (values.length === 0) {
    // Rows of nothing but null still have a number.
    types.push(ARRAY_OF[INT8] ?? ANY);
    values.push(`{${rows.map(() => 0).join(',')}}`);
  }
  const named = selected.filter((name) => name !== 'NULL').map((name) => name.slice(2));
  const arrays = values.map((_, i) => `$${i + 1}`).join(', ');
  const text = `INSERT INTO ${table} (${columns.join(', ')}) SELECT ${selected.join(', ')} FROM unnest(${arrays}) AS u(${
    named.length === 0 ? 'n' : named.join(', ')
  })${onConflict === undefined ? '' : ` ON CONFLICT ${onConflict}`}`;
  return { text, types, values };
}

/** Null goes with every type, and whole numbers with others. */
function common(a: number, b: number, column: string): number {
  if (a === b || b === ANY) return a;
  if (a === ANY) return b;
  if ((a === INT8 || a === FLOAT8) && (b === INT8 || b === FLOAT8)) return FLOAT8;
  return fail(code.INVALID_PARAMETER, `the values for column ${column} are of several types`, {
    field: `columns.${column}`,
    allowed: 'values of one type, or null',
  });
}

export function element(value: SqlValue): string {
  if (value === null) return 'NULL';
  if (typeof value === 'bigint' || typeof value === 'number') return String(value);
  if (typeof value === 'string') return `"${value.replace(/["\\]/g, '\\$&')}"`;
  return `"\\\\x${Buffer.from(value).toString('hex')}"`;
}
