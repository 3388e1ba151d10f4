/**
 * Tables that PostgreSQL keeps in partitions, each of a range of one column that rises with time, so that what is old
 * goes by dropping whole partitions. On SQLite the same tables are whole, and there is nothing to make or to drop.
 *
 * There is no default partition: a partition that is missing is made by whoever is about to write into it, in the same
 * transaction, so that every row finds its own. Each is made apart and then attached, which locks out neither readers
 * nor writers. The name tells the range (`change_100000_200000`); the catalog is what is believed.
 */
import { code, fail } from '@csm/model';
import type { SqlRow, SqlValue } from '../module.ts';

export interface Partitioned {
  readonly table: string;
  /** The column of whole numbers it is divided by; part of the primary key. */
  readonly column: string;
  /** What one partition holds when nobody says otherwise, in the column's unit. */
  readonly span: number;
  /** Percent to which a page is filled by new rows; less leaves room for rows that are changed often. Default 100. */
  readonly fill?: number;
}

/** A partition holds `from` up to but without `to`. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Partition extends Range {
  readonly table: string;
  readonly name: string;
}

/** What partitions are read and made with: a procedure's `tx`, or a connection. */
export interface PartitionPort {
  all(
    sql: { readonly sqlite: string; readonly postgresql: string },
    params?: readonly SqlValue[],
  ): unknown[] | Promise<unknown[]>;
}

/** The first row is there on every PostgreSQL, and none on SQLite. */
const LIST = {
  sqlite: 'SELECT $1 AS "table", $1 AS name WHERE 1 = 0',
  postgresql: `SELECT '' AS "table", '' AS name UNION ALL
    SELECT p.relname, c.relname FROM pg_inherits i JOIN pg_class p ON p.oid = i.inhparent
      JOIN pg_class c ON c.oid = i.inhrelid
    WHERE p.relkind = 'p' AND p.relnamespace = current_schema()::regnamespace
      AND p.relname IN (SELECT json_array_elements_text($1::json))`,
};

/** The partitions of these tables, by table and range; undefined where tables are whole. */
export async function partitionsOf(
  db: PartitionPort,
  tables: readonly Partitioned[],
): Promise<readonly Partition[] | undefined> {
  const names = JSON.stringify(tables.map(({ table }) => table));
  const rows = (await db.all(LIST, [names])) as { table: string; name: string }[];
  if (rows.length === 0) return undefined;
  const found = rows.flatMap(({ table, name }) => {
    const range = table === '' ? undefined : rangeOf(table, name);
    return range === undefined ? [] : [{ table, name, ...range }];
  });
  return found.sort((a, b) => (a.table === b.table ? a.from - b.from : a.table < b.table ? -1 : 1));
}

const RANGE = /^_(\d{1,16})_(\d{1,16})$/;

function rangeOf(table: string, name: string): Range | undefined {
  const [, from, to] = RANGE.exec(name.slice(table.length)) ?? [];
  return from === undefined || to === undefined ? undefined : { from: Number(from), to: Number(to) };
}

export const covers = ({ from, to }: Range, key: number): boolean => from <= key && key < to;

/**
 * The range around `key` that a new partition may have: the wanted one, cut back by those that are there. Undefined
 * when one of them holds the key already.
 */
export function gapAround(there: readonly Range[], key: number, wanted: Range): Range | undefined {
  let { from, to } = wanted;
  for (const range of there) {
    if (covers(range, key)) return undefined;
    if (range.to <= key) from = Math.max(from, range.to);
    else to = Math.min(to, range.from);
  }
  return { from, to };
}

/** The range of a table's own span around a key. */
export function spanAround(key: number, span: number): Range {
  const from = Math.floor(key / span) * span;
  return { from, to: from + span };
}

/** Makes a partition for a range that none of those there touches. */
export async function makePartition(
  db: PartitionPort,
  { table, fill = 100 }: Partitioned,
  range: Range,
): Promise<Partition> {
  const { from, to } = range;
  if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 0 || from >= to) {
    fail(code.INVALID_PARAMETER, `a partition of ${table} from ${from} to ${to}`, {
      field: 'range',
      allowed: 'whole numbers from 0, the first below the second',
    });
  }
  const name = `${table}_${from}_${to}`;
  await only(db, `CREATE TABLE ${name} (LIKE ${table} INCLUDING ALL) WITH (fillfactor = ${fill})`);
  await only(db, `ALTER TABLE ${table} ATTACH PARTITION ${name} FOR VALUES FROM (${from}) TO (${to})`);
  return { table, name, from, to };
}

/** Makes what is missing for rows with these keys, each of the table's own span; does nothing where tables are whole. */
export async function makeRoomFor(
  db: PartitionPort,
  partitioned: Partitioned,
  keys: readonly number[],
): Promise<readonly Partition[]> {
  const there = await partitionsOf(db, [partitioned]);
  if (there === undefined) return [];
  const made: Partition[] = [];
  for (const key of keys) {
    const gap = gapAround([...there, ...made], key, spanAround(key, partitioned.span));
    if (gap !== undefined) made.push(await makePartition(db, partitioned, gap));
  }
  return made;
}

/** Who else uses a table or its partition at this moment: a query, a dump. */
const USERS = `
  SELECT count(*) AS n FROM pg_locks WHERE locktype = 'relation' AND pid <> pg_backend_pid()
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND relation IN (to_regclass($1), to_regclass($2))`;
/** Should somebody come in between the look and the drop, ms. */
const LOCK_MS = 1_000;

/**
 * Drops a partition with all its rows; false when somebody reads its table at this moment. Dropping waits for all who
 * use the table, and all who come meanwhile wait behind it: so it is done only when nobody has to be waited for, and
 * takes the time of unlinking some files.
 */
export async function dropPartition(db: PartitionPort, { table, name }: Partition): Promise<boolean> {
  const [users] = (await db.all({ sqlite: 'SELECT 0 AS n', postgresql: USERS }, [table, name])) as { n: number }[];
  if (users === undefined || users.n > 0) return false;
  await only(db, `SELECT set_config('lock_timeout', '${LOCK_MS}', true)`);
  await only(db, `DROP TABLE ${name}`);
  return true;
}

/** A statement that only PostgreSQL is asked for. */
const only = async (db: PartitionPort, postgresql: string): Promise<SqlRow[]> =>
  (await db.all({ sqlite: 'SELECT 1', postgresql })) as SqlRow[];
