/** Rows that are one text each. */
import { code, fail } from '@csm/model';
import type { SqlValue } from './module.ts';

/** The only value of a row. Throws code 25 when it is something else than one text. */
export function textOf(values: readonly SqlValue[]): string {
  const [text] = values;
  if (typeof text === 'string' && values.length === 1) return text;
  return fail(code.DATABASE, 'the query does not give one text a row', { field: 'sql' });
}
