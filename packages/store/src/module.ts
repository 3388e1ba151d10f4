/**
 * What a feature brings to the database: its tables, the procedures that change them, and what is done with its
 * reports. A feature's `store.ts` exports `name`, `migrations`, `procedures` and, if it owns reports, `reports`.
 * SQLite imports that file in its writer thread, so it may hold no state and reach for nothing but its `tx`.
 */
import { code, fail, isObject, type Role, type Wall } from '@csm/model';
import type { InsertOptions } from './insert.ts';
import type { Partitioned } from './postgresql/partitions.ts';

/** What a column holds. Integers stay within ±(2^53 - 1); a boolean is 0 or 1; a time is integer milliseconds UTC. */
export type SqlValue = string | number | bigint | null | Buffer;

/**
 * A statement in the common subset of SQLite and PostgreSQL, with `$1`, `$2` …; a pair where the two must differ. A
 * whole number is bound as a 64-bit integer on both, so that `$1 / 2` is one, too.
 */
export type Sql = string | { readonly sqlite: string; readonly postgresql: string };

/** One row as a query gives it: column name to value. */
export type SqlRow = Record<string, SqlValue>;

/** A row of `change` that is to be; JSON of at most 256 KiB is its body. */
export interface NewChange {
  readonly kind: string;
  readonly subject: string;
  readonly body: unknown;
}

/**
 * The transaction a procedure runs in. Statements that begin or end transactions are refused. Every method throws
 * `CsmError`: code 25 when the database refuses the statement, 24 when it cannot work at all (then the whole call
 * fails, whatever the procedure catches). A statement that was refused spoils its transaction: whatever follows in it
 * is refused with the same problem, and so is its end; who wants to go on after a refusal asks within `attempt`.
 * After its procedure has ended a transaction refuses everything.
 */
export interface Tx {
  /** All rows, in order. The caller bounds them with LIMIT. */
  all<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[]): Promise<Row[]>;
  /** The first row; undefined when there is none. */
  get<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[]): Promise<Row | undefined>;
  /** A statement without rows; `changes` counts the rows it inserted, updated or deleted. */
  run(sql: Sql, params?: readonly SqlValue[]): Promise<{ readonly changes: number }>;
  /**
   * Inserts many rows, each with a value for every column: one statement on PostgreSQL, where a statement costs as much
   * as dozens of rows; a prepared one for each row on SQLite. The values of a column are of one type, or null; numbers
   * are one type. The options tell what becomes of rows whose key is there already. Gives how many were inserted or, by
   * `onConflict`, changed.
   */
  insert(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options?: InsertOptions,
  ): Promise<{ readonly changes: number }>;
  /** Adds one row of `change` in this transaction and gives its `seq`. The body is JSON of at most 256 KiB. */
  change(kind: string, subject: string, body: unknown): Promise<number>;
  /**
   * Adds many rows of `change`, in this order, as `insert` does; gives the `seq` of the first, which the others follow
   * without a gap.
   */
  changes(rows: readonly NewChange[]): Promise<number>;
  /**
   * Runs `work` so that all it did is undone when it throws; the exception goes on to the caller. Only the inner
   * transaction may be used until it has ended.
   */
  attempt<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  /** Milliseconds since this procedure began, by the writer's clock: for work in slices. */
  spent(): number;
  /** The one time of this transaction, given by the caller. */
  readonly now: Wall;
}

/** One transaction: JSON in, JSON out, nothing touched but `tx`. It may be run again when the database had no room. */
export type Procedure<I, O> = (tx: Tx, input: I) => Promise<O>;

/** Any procedure, whatever its input. */
export type AnyProcedure = Procedure<never, unknown>;

/** One step of a module's tables. Ids count 1, 2, 3 … within the module; a step that was released never changes. */
export interface Migration {
  readonly id: number;
  readonly title: string;
  /** One or more statements. */
  readonly sql: Sql;
}

/** One report on its way into the tables, as its applier sees it. */
export interface ReportItem {
  /** `role/node`. */
  readonly daemon: string;
  readonly role: Role;
  readonly node: string;
  readonly incarnation: string;
  /** Its number in the stream of (daemon, incarnation): 1, 2, 3 … */
  readonly seq: number;
  /** When the node made it, on the node's clock. */
  readonly time: Wall;
  readonly body: unknown;
}

/**
 * Stores reports of one kind, many at a time, of many daemons, each daemon's in order. When it throws, all it did is
 * undone and it is called again with halves, until the culprit stands alone and is set aside: it keeps nothing in
 * memory between calls.
 */
export type ReportApplier = (tx: Tx, items: readonly ReportItem[]) => Promise<void>;

/** A database that is only read. */
export interface RowSource {
  /** All rows, in order. The caller bounds them with LIMIT. */
  all<Row = SqlRow>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>;
}

/** The exports of a feature's `store.ts`. */
export interface StoreModule {
  /** Lower-case; the first half of `module.procedure`. */
  readonly name: string;
  readonly migrations: readonly Migration[];
  readonly procedures: Readonly<Record<string, AnyProcedure>>;
  /** Report kind to what stores it; a kind has one owner. */
  readonly reports?: Readonly<Record<string, ReportApplier>>;
  /**
   * How its tables are divided that PostgreSQL keeps in partitions. A copy makes them as it goes, many in one
   * transaction, so that a span must follow how much there is: it is asked of the database that the rows come from.
   */
  readonly partitioned?: (source: RowSource) => Promise<readonly Partitioned[]>;
  /** Statements of PostgreSQL at the end of a copy from SQLite: what its tables have that SQLite's have not. */
  readonly afterCopy?: readonly string[];
}

const MODULE_NAME = /^[a-z][a-z0-9_-]{0,31}$/;
const PROCEDURE_NAME = /^[A-Za-z][A-Za-z0-9]{0,63}$/;

/** Checks what a module file exports. Throws code 9 naming the file, the export, what it is and what is allowed. */
export function checkModule(exports: unknown, from: string): StoreModule {
  const wrong = (field: string, given: unknown, allowed: string): never =>
    fail(code.INVALID_PARAMETER, `store module ${from}: ${field} is ${describe(given)}`, { field, allowed });
  if (!isObject(exports)) return wrong('module', exports, 'an object');
  const { name, migrations, procedures, reports } = exports;
  if (typeof name !== 'string' || !MODULE_NAME.test(name)) {
    return wrong('name', name, 'a string of 1 to 32 lower-case letters, digits, - or _, beginning with a letter');
  }
  if (!Array.isArray(migrations)) return wrong('migrations', migrations, 'an array');
  for (const [i, m] of (migrations as readonly unknown[]).entries()) {
    if (!isObject(m)) return wrong(`migrations[${i}]`, m, 'an object {id, title, sql}');
    if (m['id'] !== i + 1) wrong(`migrations[${i}].id`, m['id'], `${i + 1}, since ids count 1, 2, 3 in order`);
    if (typeof m['title'] !== 'string') wrong(`migrations[${i}].title`, m['title'], 'a string');
    const texts = isObject(m['sql']) ? [m['sql']['sqlite'], m['sql']['postgresql']] : [m['sql']];
    for (const sql of texts) {
      if (typeof sql !== 'string') wrong(`migrations[${i}].sql`, sql, 'a string or {sqlite, postgresql}');
    }
  }
  if (!isObject(procedures)) return wrong('procedures', procedures, 'an object of functions');
  for (const [key, value] of Object.entries(procedures)) {
    if (!PROCEDURE_NAME.test(key)) wrong(`procedures.${key}`, key, 'a name of letters and digits');
    if (typeof value !== 'function') wrong(`procedures.${key}`, value, 'an async function');
  }
  if (reports !== undefined) {
    if (!isObject(reports)) return wrong('reports', reports, 'an object of functions');
    for (const [key, value] of Object.entries(reports)) {
      if (typeof value !== 'function') wrong(`reports.${key}`, value, 'an async function');
    }
  }
  return exports as unknown as StoreModule;
}

const describe = (value: unknown): string =>
  typeof value === 'string' || typeof value === 'number' ? JSON.stringify(value) : `a value of type ${typeof value}`;
