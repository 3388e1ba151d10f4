/**
 * Rows by many keys at once. The keys go as one value, a JSON list: one statement on both databases, whose text does not
 * change with their number, and each key is one look into the table's index.
 */
import type { SqlRow, Tx } from './module.ts';

/** A column of the key, and what it holds. */
export type KeyColumn = readonly [column: string, type: 'BIGINT' | 'TEXT'];

export interface Among {
  readonly table: string;
  readonly columns: readonly string[];
  readonly key: readonly KeyColumn[];
}

/** Values in the order of the key's columns; texts without U+0000 and halves of surrogates. */
export type Key = readonly (string | number)[];

/** The rows of a table that have one of these keys, in no order; a key given twice gives its row twice. */
export async function rowsAmong<Row = SqlRow>(
  tx: Tx,
  { table, columns, key }: Among,
  keys: readonly Key[],
): Promise<Row[]> {
  if (keys.length === 0) return [];
  const selected = `SELECT ${columns.map((column) => `t.${column}`).join(', ')}`;
  const [sqlite, postgresql] = listOf(key);
  const having = (of: List): string =>
    `${selected} FROM ${of.from} CROSS JOIN ${table} t WHERE ${key.map(([column], i) => `t.${column} = ${of.values[i]}`).join(' AND ')}`;
  return tx.all<Row>({ sqlite: having(sqlite), postgresql: having(postgresql) }, [asJson(keys)]);
}

/** Deletes the rows that have one of these keys; gives how many. */
export async function deleteAmong(
  tx: Tx,
  { table, key }: Omit<Among, 'columns'>,
  keys: readonly Key[],
): Promise<number> {
  if (keys.length === 0) return 0;
  const columns = key.map(([column]) => column).join(', ');
  const [sqlite, postgresql] = listOf(key);
  const having = (of: List): string =>
    `DELETE FROM ${table} WHERE (${columns}) IN (SELECT ${of.values.join(', ')} FROM ${of.from})`;
  return (await tx.run({ sqlite: having(sqlite), postgresql: having(postgresql) }, [asJson(keys)])).changes;
}

interface List {
  readonly from: string;
  readonly values: readonly string[];
}

/** The list of keys as a table, on SQLite and on PostgreSQL. */
function listOf(key: readonly KeyColumn[]): readonly [List, List] {
  const [only] = key;
  if (key.length === 1 && only !== undefined) {
    return [
      { from: 'json_each($1) k', values: ['k.value'] },
      { from: 'json_array_elements_text(CAST($1 AS json)) k(value)', values: [`CAST(k.value AS ${only[1]})`] },
    ];
  }
  return [
    { from: 'json_each($1) k', values: key.map((_, i) => `json_extract(k.value, '$[${i}]')`) },
    {
      from: 'json_array_elements(CAST($1 AS json)) k(value)',
      values: key.map(([, type], i) => `CAST(k.value ->> ${i} AS ${type})`),
    },
  ];
}

const asJson = (keys: readonly Key[]): string =>
  JSON.stringify(keys[0]?.length === 1 ? keys.map(([only]) => only) : keys);
