/** Reading a PostgreSQL database on a connection of its own, which only reads and has no time limit. */
import { type ColumnRow, type Reading, type Table, tablesOf } from '../admin/reading.ts';
import type { Sql, SqlRow, SqlValue } from '../module.ts';
import { Connection } from './connection.ts';
import { asError } from './errors.ts';
import type { PostgresServer } from './server.ts';
import { checkServer, configure } from './session.ts';

const CONNECT_MS = 5_000;
/** An answer is waited for as long as a timer can. */
export const PATIENT_MS = 2 ** 31 - 1;

/** Columns of the tables of the schema we are in. A partition is no table of its own. */
export const TABLES = `
  SELECT c.relname AS "table", a.attname AS "column", coalesce(k.n, 0) AS key,
    a.attidentity <> '' AS numbered
  FROM pg_class c
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
    LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
    LEFT JOIN LATERAL unnest(i.indkey) WITH ORDINALITY AS k(attnum, n) ON k.attnum = a.attnum
  WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  ORDER BY c.relname, a.attnum`;

export class PostgresReading implements Reading {
  readonly dialect = 'postgresql';
  readonly connection: Connection;
  #held = false;

  private constructor(connection: Connection) {
    this.connection = connection;
  }

  /** Rejects with code 24 when it cannot be reached or is not fit. */
  static async open(server: PostgresServer): Promise<PostgresReading> {
    return new PostgresReading(await openPatient(server, { name: 'csm admin', readOnly: true }));
  }

  /** Reads on a connection that another has, in whatever transaction it is; it is not closed here. */
  static on(connection: Connection): Reading {
    return new PostgresReading(connection);
  }

  async all<Row = SqlRow>(sql: Sql, params: readonly SqlValue[] = []): Promise<Row[]> {
    try {
      return (await this.connection.all(sql, params)) as Row[];
    } catch (thrown) {
      // A statement that failed has spoiled the transaction; whoever goes on reads another moment.
      if (this.#held && this.connection.gone === undefined) {
        await this.connection.rollback();
        await this.hold();
      }
      throw thrown;
    }
  }

  async hold(): Promise<void> {
    this.#held = true;
    await this.connection.exec('BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY');
    await this.connection.ask('SELECT 1');
  }

  /** A name under which another session can read the moment that is held. */
  async snapshot(): Promise<string> {
    const [row] = await this.connection.ask('SELECT pg_export_snapshot() AS name');
    return String(row?.['name']);
  }

  async tables(): Promise<Table[]> {
    return tablesOf((await this.connection.ask(TABLES)) as unknown as ColumnRow[]);
  }

  close(): Promise<void> {
    return this.connection.close();
  }
}

/** A checked connection on which a statement, and a transaction, may take as long as it takes. */
export async function openPatient(
  server: PostgresServer,
  { name, readOnly = false }: { readonly name: string; readonly readOnly?: boolean },
): Promise<Connection> {
  const db = await Connection.open({ server, name, connectMs: CONNECT_MS, answerMs: PATIENT_MS });
  try {
    await checkServer(db, server, { readOnly });
    await configure(db, { statementMs: 0, readOnly });
    await db.exec('SET lock_timeout = 10000; SET idle_in_transaction_session_timeout = 0');
  } catch (thrown) {
    await db.close();
    throw asError(thrown, 'opening');
  }
  return db;
}
