/**
 * Copies a whole SQLite database into an empty PostgreSQL database, while no master uses either. The tables are made by
 * our own migrations, filled in the order of their keys, counted and held against the source by checksum, all in one
 * transaction: whatever happens, the copy is there whole or not at all, and the SQLite file stays as it was.
 */
import { stat } from 'node:fs/promises';
import { CsmError, code, fail, problem } from '@csm/model';
import { registry } from '../core.ts';
import { loadModules } from '../load.ts';
import { ALL_APPLIED, type Applied, pendingSteps } from '../migrations.ts';
import type { SqlRow, SqlValue, StoreModule } from '../module.ts';
import type { PostgresServer } from '../postgresql/server.ts';
import { engineOf } from './backup.ts';
import { TableSum } from './checksum.ts';
import { FIRST_ROWS, nextRows } from './page.ts';
import { countRows, openReading, quoted, type Reading, type Table } from './reading.ts';

export interface CopyOptions {
  readonly modules: readonly string[];
  readonly clock: () => number;
  /** Told how far it is, a line each. */
  readonly tell: (line: string) => void;
  /** Ends it; the database is empty again then. */
  readonly signal?: AbortSignal | undefined;
}

export interface CopiedTable {
  readonly table: string;
  readonly rows: number;
  /** The same on both sides. */
  readonly checksum: string;
}

/** Between two lines on a large table, ms. */
const TELL_MS = 5_000;
/** Each database keeps its own. */
const NOT_COPIED = 'schema_migration';

/** Where the rows go; one transaction from its opening to `commit`. */
export interface CopyTarget {
  tables(): Promise<readonly Table[]>;
  /** Removes what the migrations themselves have put into a table. */
  empty(table: string): Promise<void>;
  put(table: string, columns: readonly string[], rows: readonly SqlRow[]): Promise<void>;
  /** The next number given is above this. */
  number(table: string, column: string, highest: number): Promise<void>;
  read(table: string, columns: readonly string[]): AsyncIterable<readonly SqlRow[]>;
  commit(): Promise<void>;
  /** Undoes everything, unless it was committed, and leaves. */
  close(): Promise<void>;
}

/**
 * Rejects with code 24 when a master uses one of the databases or the other one is not empty, and with 25 naming the
 * table when source and copy differ; with 9 when the file is none of SQLite's, with 37 when the signal ended it.
 */
export async function copyToPostgres(
  file: string,
  server: PostgresServer,
  options: CopyOptions,
): Promise<readonly CopiedTable[]> {
  await checkFile(file);
  const known = registry(await loadModules(options.modules)).modules;
  const { takeLock } = await import('../sqlite/lock.ts');
  const lock = takeLock(file, options.clock());
  try {
    const source = await openReading({ engine: 'sqlite', file });
    try {
      await checkSource(source, known);
      const { openCopyTarget } = await import('../postgresql/copy-target.ts');
      const target = await openCopyTarget(server, known, source, `a copy of ${file}`, options.clock());
      try {
        return await copy(source, target, options);
      } finally {
        await target.close();
      }
    } finally {
      await source.close();
    }
  } finally {
    lock.release();
  }
}

/** Before anything is made beside it: a name may be mistyped. */
async function checkFile(file: string): Promise<void> {
  const isFile = (await stat(file).catch(() => undefined))?.isFile() === true;
  if (isFile && (await engineOf(file)) === 'sqlite') return;
  fail(code.INVALID_PARAMETER, isFile ? `${file} is no SQLite database` : `${file} is no file`, {
    field: 'from',
    allowed: 'the SQLite file of a master',
  });
}

const goOn = ({ signal }: CopyOptions): void => {
  if (signal?.aborted === true) throw new CsmError(problem(code.CONTEXT_LOST, 'the copy was called off'));
};

async function checkSource(source: Reading, modules: readonly StoreModule[]): Promise<void> {
  const pending = pendingSteps(await source.all<Applied>(ALL_APPLIED), modules, 'sqlite');
  const [first] = pending;
  if (first === undefined) return;
  fail(code.DATABASE_UNAVAILABLE, `the SQLite file is of an older build: it lacks ${first.what}`, {
    field: 'from',
    allowed: 'a file on which a master of this build has run once',
  });
}

async function copy(source: Reading, target: CopyTarget, options: CopyOptions): Promise<CopiedTable[]> {
  const tables = (await source.tables()).filter(({ name }) => name !== NOT_COPIED);
  const there = new Map((await target.tables()).map((table) => [table.name, table]));
  const counts = await countRows(source);
  for (const table of tables) checkTwin(table, there.get(table.name));
  const numbers = await numbersGiven(source);
  const sums = new Map<string, TableSum>();
  for (const table of tables) {
    const sum = await copyTable(source, target, table, counts[table.name] ?? 0, options);
    sums.set(table.name, sum);
    const numbered = there.get(table.name)?.numbered;
    if (numbered !== undefined) {
      const [row] = await source.all<{ highest: number | null }>(
        `SELECT max(${quoted(numbered)}) AS highest FROM ${quoted(table.name)}`,
      );
      await target.number(table.name, numbered, Math.max(row?.highest ?? 0, numbers.get(table.name) ?? 0));
    }
  }
  options.tell('everything is copied; now it is read again and compared');
  const copied: CopiedTable[] = [];
  for (const table of tables) {
    const sum = sums.get(table.name);
    const again = new TableSum(table.columns);
    for await (const rows of target.read(table.name, table.columns)) {
      goOn(options);
      for (const row of rows) again.add(row);
    }
    if (sum === undefined || again.rows !== counts[table.name] || again.value !== sum.value) {
      fail(
        code.DATABASE,
        `${table.name} differs: ${counts[table.name]} rows with checksum ${sum?.value} were read, ${again.rows} with ${again.value} are in the copy`,
        { field: table.name },
      );
    }
    copied.push({ table: table.name, rows: again.rows, checksum: again.value });
  }
  await target.commit();
  return copied;
}

function checkTwin({ name, columns }: Table, twin: Table | undefined): void {
  const missing = columns.filter((column) => twin?.columns.includes(column) !== true);
  if (twin !== undefined && missing.length === 0) return;
  const what = twin === undefined ? `table ${name}` : `column ${missing.join(', ')} of table ${name}`;
  fail(code.DATABASE, `the migrations make no ${what} in PostgreSQL`, { field: name });
}

async function copyTable(
  source: Reading,
  target: CopyTarget,
  table: Table,
  total: number,
  options: CopyOptions,
): Promise<TableSum> {
  const { clock, tell } = options;
  const sum = new TableSum(table.columns);
  await target.empty(table.name);
  let told = clock();
  for await (const rows of pages(source, table)) {
    goOn(options);
    await target.put(table.name, table.columns, rows);
    for (const row of rows) sum.add(row);
    if (clock() - told < TELL_MS) continue;
    told = clock();
    tell(`${table.name}: ${sum.rows} of ${total} rows`);
  }
  tell(`${table.name}: ${sum.rows} rows`);
  return sum;
}

/** A table in the order of its key, or of its rows where it has none. */
export async function* pages(source: Reading, { name, columns, key }: Table): AsyncGenerator<readonly SqlRow[]> {
  const order = key.length > 0 ? key : ['rowid'];
  const named = order.map(quoted).join(', ');
  const shown = [...new Set([...order, ...columns])].map(quoted).join(', ');
  const holes = order.map((_, i) => `$${i + 1}`).join(', ');
  let most = FIRST_ROWS;
  for (let last: SqlValue[] | undefined; ; ) {
    const where: string = last === undefined ? '' : `WHERE (${named}) > (${holes})`;
    const params: SqlValue[] = [...(last ?? []), most];
    const rows: SqlRow[] = await source.all(
      `SELECT ${shown} FROM ${quoted(name)} ${where} ORDER BY ${named} LIMIT $${params.length}`,
      params,
    );
    if (rows.length > 0) yield rows;
    const end = rows.at(-1);
    if (end === undefined || rows.length < most) return;
    most = nextRows(most, rows);
    last = order.map((column) => end[column] ?? null);
  }
}

/** The highest number that SQLite has ever given in tables where none comes twice. */
async function numbersGiven(source: Reading): Promise<Map<string, number>> {
  const there = await source.all(`SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'`);
  if (there.length === 0) return new Map();
  const rows = await source.all<{ name: string; seq: number }>('SELECT name, seq FROM sqlite_sequence');
  return new Map(rows.map(({ name, seq }) => [name, seq]));
}
