/**
 * A way to read a database beside the master that writes it, for what an admin does: counting, checking, copying. It
 * holds up neither the writer nor the master's queries, has no time limit, and can hold one moment while it reads on.
 */
import type { Sql, SqlRow, SqlValue } from '../module.ts';
import type { PostgresServer } from '../postgresql/server.ts';
import type { Dialect } from '../sql.ts';

/** Where a database is. */
export type Place =
  | { readonly engine: 'sqlite'; readonly file: string }
  | { readonly engine: 'postgresql'; readonly server: PostgresServer };

export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
  /** The columns of its primary key, in their order; empty when it has none. */
  readonly key: readonly string[];
  /** The column whose numbers a sequence of the database gives; PostgreSQL only. */
  readonly numbered?: string;
}

export interface Reading {
  readonly dialect: Dialect;
  /** Rows of a statement that changes nothing. Rejects with code 24 or 25. */
  all<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[]): Promise<Row[]>;
  /** From here on all is read as it was at one moment, until `close`. */
  hold(): Promise<void>;
  /** Every table of the schema, its partitions not among them, by name. */
  tables(): Promise<Table[]>;
  close(): Promise<void>;
}

/** Opens a reading. Rejects with code 24. */
export async function openReading(place: Place): Promise<Reading> {
  if (place.engine === 'sqlite') {
    const { ThreadReading } = await import('../sqlite/thread-reading.ts');
    return ThreadReading.open(place.file);
  }
  const { PostgresReading } = await import('../postgresql/postgres-reading.ts');
  return PostgresReading.open(place.server);
}

/** A name from the catalog, as it stands in a statement. */
export const quoted = (name: string): string => `"${name.replaceAll('"', '""')}"`;

/** `database csm at host, port 5432` or the file. */
export const placeWords = (place: Place): string =>
  place.engine === 'sqlite'
    ? place.file
    : `database ${place.server.database} at ${place.server.host}, port ${place.server.port}`;

/** A row of the catalog: a column of a table. */
export interface ColumnRow {
  readonly table: string;
  readonly column: string;
  /** Its place in the primary key, from 1; 0 when it is not of it. */
  readonly key: number;
  readonly numbered: number;
}

/** Puts the catalog's rows, which come by table and column, together. */
export function tablesOf(rows: readonly ColumnRow[]): Table[] {
  const byName = new Map<string, ColumnRow[]>();
  for (const row of rows) byName.set(row.table, [...(byName.get(row.table) ?? []), row]);
  return [...byName].map(([name, columns]) => {
    const key = columns.filter((c) => c.key > 0).sort((a, b) => a.key - b.key);
    const numbered = columns.find((c) => c.numbered === 1)?.column;
    return {
      name,
      columns: columns.map((c) => c.column),
      key: key.map((c) => c.column),
      ...(numbered === undefined ? {} : { numbered }),
    };
  });
}

/** Rows of each table, by its name. */
export async function countRows(reading: Reading): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { name } of await reading.tables()) {
    const [row] = await reading.all<{ n: number }>(`SELECT count(*) AS n FROM ${quoted(name)}`);
    counts[name] = row?.n ?? 0;
  }
  return counts;
}

/** The newest migration of each module. */
export async function schemaVersions(reading: Reading): Promise<Record<string, number>> {
  const rows = await reading.all<{ module: string; id: number }>(
    'SELECT module, max(id) AS id FROM schema_migration GROUP BY module ORDER BY module',
  );
  return Object.fromEntries(rows.map(({ module, id }) => [module, id]));
}
