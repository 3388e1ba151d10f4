/**
 * An empty database that a copy is written into. It says at first that it is unfinished; then one transaction makes the
 * tables, takes the rows and takes that word away.
 */
import { code, fail } from '@csm/model';
import type { CopyTarget } from '../admin/copy.ts';
import { FIRST_ROWS, nextRows } from '../admin/page.ts';
import { type ColumnRow, quoted, type Table, tablesOf } from '../admin/reading.ts';
import { UNFINISHED, unfinishedRow } from '../admin/unfinished.ts';
import { CHANGE } from '../change-table.ts';
import { INSERT_APPLIED, pendingSteps } from '../migrations.ts';
import type { RowSource, SqlRow, SqlValue, StoreModule } from '../module.ts';
import { element } from './arrays.ts';
import type { Connection } from './connection.ts';
import { TABLE } from './migrate.ts';
import { covers, makeRoomFor, type Partitioned, partitionsOf, type Range } from './partitions.ts';
import { openPatient, TABLES } from './postgres-reading.ts';
import { endRestores } from './programs.ts';
import { clear, unfinished } from './restore.ts';
import type { PostgresServer } from './server.ts';
import { lockForTool } from './tool-lock.ts';

const TYPES = `
  SELECT a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS type FROM pg_attribute a
  WHERE a.attrelid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped`;

/** Rejects with code 24 when a master uses the database or it is not empty. */
export async function openCopyTarget(
  server: PostgresServer,
  modules: readonly StoreModule[],
  source: RowSource,
  what: string,
  now: number,
): Promise<CopyTarget> {
  const db = await openPatient(server, { name: 'csm db copy' });
  try {
    await lockForTool(db, server.database);
    await endRestores(db);
    const schema = String((await db.ask('SELECT current_schema() AS name'))[0]?.['name']);
    await begin(db, schema, server.database, what, now);
    await db.exec('BEGIN; SET CONSTRAINTS ALL DEFERRED');
    const divided: Partitioned[] = [CHANGE];
    for (const { partitioned } of modules) divided.push(...((await partitioned?.(source)) ?? []));
    const last = modules.flatMap(({ afterCopy = [] }) => afterCopy);
    const target = new PostgresTarget(db, schema, divided, last);
    try {
      await db.run('DELETE FROM schema_migration WHERE module = $1', [UNFINISHED]);
      for (const { module, step, text, checksum } of pendingSteps([], modules, 'postgresql')) {
        await db.exec(text, true);
        await db.run(INSERT_APPLIED, [module, step.id, step.title, now, checksum]);
      }
      return target;
    } catch (thrown) {
      await target.close();
      throw thrown;
    }
  } catch (thrown) {
    await db.close();
    throw thrown;
  }
}

/** Makes sure that it is empty, or holds what an earlier copy left; then says that one has begun. */
async function begin(db: Connection, schema: string, database: string, what: string, now: number): Promise<void> {
  await db.exec('BEGIN');
  try {
    const former = await unfinished(db);
    if (former !== undefined && former !== '') {
      fail(code.DATABASE_UNAVAILABLE, `a restore of the database ${database} has not ended`, {
        field: 'database',
        allowed: 'an empty database, or this one once csm db restore has ended',
      });
    }
    if (former !== undefined) await clear(db, schema);
    const tables = await tablesHere(db);
    if (tables.length > 0) {
      const names = tables.slice(0, 5).map(({ name }) => name);
      fail(code.DATABASE_UNAVAILABLE, `the database ${database} is not empty: it has ${names.join(', ')}`, {
        field: 'database',
        allowed: 'an empty database (createdb -T template0 -E UTF8 -l C)',
      });
    }
    await db.exec(TABLE);
    await db.run(INSERT_APPLIED, [...unfinishedRow(what, now)]);
    await db.commit();
  } catch (thrown) {
    await db.rollback().catch(() => {});
    throw thrown;
  }
}

const tablesHere = async (db: Connection): Promise<Table[]> =>
  tablesOf((await db.ask(TABLES)) as unknown as ColumnRow[]);

class PostgresTarget implements CopyTarget {
  readonly #db: Connection;
  readonly #schema: string;
  readonly #types = new Map<string, ReadonlyMap<string, string>>();
  readonly #divided: readonly Partitioned[];
  readonly #last: readonly string[];
  /** Ranges of the partitions that are there, by table. */
  readonly #rooms = new Map<string, readonly Range[]>();
  #committed = false;

  constructor(db: Connection, schema: string, divided: readonly Partitioned[], last: readonly string[]) {
    this.#db = db;
    this.#divided = divided;
    this.#last = last;
    this.#schema = schema;
  }

  tables(): Promise<Table[]> {
    return tablesHere(this.#db);
  }

  async empty(table: string): Promise<void> {
    await this.#db.exec(`DELETE FROM ${quoted(table)}`);
  }

  async put(table: string, columns: readonly string[], rows: readonly SqlRow[]): Promise<void> {
    await this.#makeRoom(table, rows);
    const types = await this.#typesOf(table);
    const arrays = columns.map((column, i) => `CAST($${i + 1} AS ${types.get(column) ?? 'TEXT'}[])`);
    const values: SqlValue[] = columns.map(
      (column) => `{${rows.map((row) => element(row[column] ?? null)).join(',')}}`,
    );
    await this.#db.run(
      {
        sqlite: '',
        postgresql: `INSERT INTO ${quoted(table)} (${columns.map(quoted).join(', ')}) OVERRIDING SYSTEM VALUE
          SELECT * FROM unnest(${arrays.join(', ')})`,
      },
      values,
    );
  }

  async number(table: string, column: string, highest: number): Promise<void> {
    if (highest < 1) return;
    const postgresql = 'SELECT setval(CAST(pg_get_serial_sequence($1, $2) AS regclass), CAST($3 AS BIGINT)) AS set';
    await this.#db.all({ sqlite: '', postgresql }, [quoted(table), column, highest]);
  }

  async *read(table: string, columns: readonly string[]): AsyncGenerator<readonly SqlRow[]> {
    const shown = columns.map(quoted).join(', ');
    await this.#db.exec(`DECLARE rows_of_copy NO SCROLL CURSOR FOR SELECT ${shown} FROM ${quoted(table)}`);
    for (let most = FIRST_ROWS; ; ) {
      const rows = await this.#db.ask(`FETCH ${most} FROM rows_of_copy`);
      if (rows.length > 0) yield rows;
      if (rows.length < most) break;
      most = nextRows(most, rows);
    }
    await this.#db.exec('CLOSE rows_of_copy');
  }

  async commit(): Promise<void> {
    for (const sql of this.#last) await this.#db.exec(sql, true);
    await this.#db.commit();
    this.#committed = true;
    await this.#db.exec('ANALYZE', true);
  }

  async close(): Promise<void> {
    try {
      if (!this.#committed && this.#db.gone === undefined) {
        await this.#db.rollback();
        await this.#db.exec('BEGIN');
        if ((await unfinished(this.#db)) !== undefined) await clear(this.#db, this.#schema);
        await this.#db.commit();
      }
    } finally {
      await this.#db.close();
    }
  }

  async #makeRoom(table: string, rows: readonly SqlRow[]): Promise<void> {
    const partitioned = this.#divided.find((one) => one.table === table);
    if (partitioned === undefined) return;
    const known = this.#rooms.get(table) ?? [];
    const keys = rows
      .map((row) => Number(row[partitioned.column]))
      .filter((key) => !known.some((range) => covers(range, key)));
    if (keys.length === 0) return;
    await makeRoomFor(this.#db, partitioned, keys);
    this.#rooms.set(table, (await partitionsOf(this.#db, [partitioned])) ?? []);
  }

  async #typesOf(table: string): Promise<ReadonlyMap<string, string>> {
    const known = this.#types.get(table);
    if (known !== undefined) return known;
    const rows = await this.#db.all({ sqlite: '', postgresql: TYPES }, [quoted(table)]);
    const types = new Map(rows.map(({ column, type }) => [String(column), String(type)]));
    this.#types.set(table, types);
    return types;
  }
}
