/**
 * One SQLite connection: statements are translated and prepared once, errors become `CsmError`. A fault of the
 * database itself (disk full, I/O error, corruption) is remembered in `fault`, so that a procedure that catches it
 * cannot make a half-done transaction look whole.
 */
import { CsmError, code, fail, problem } from '@csm/model';
import Database from 'better-sqlite3';
import type { WriterConnection } from '../group-writer.ts';
import type { Insert } from '../insert.ts';
import type { Sql, SqlValue } from '../module.ts';
import { bind, excerpt, type Translated, textFor, translate } from '../sql.ts';

interface Prepared {
  readonly translated: Translated;
  readonly statement: Database.Statement<SqlValue[], unknown>;
}

/** Prepared statements kept by a connection; the one longest unused goes. Enough for every statement of a daemon. */
const CACHE_MAX = 512;

/** Milliseconds to wait for a lock another program holds on the file, such as the sqlite3 shell. */
const BUSY_MS = 5_000;

// At 16 MiB of log the pages move into the database; higher: rarer but longer moves within a commit.
const CHECKPOINT_PAGES = 4_000;
// A log that has grown past this is cut back after the move.
const WAL_KEEP = 64 * 1024 * 1024;

/** The failures that say nothing about the statement, only that the database cannot work now. */
const UNAVAILABLE: Readonly<Record<string, string>> = {
  SQLITE_FULL: 'the disk, or the size the database may have, is full',
  SQLITE_IOERR: 'the disk failed',
  SQLITE_CORRUPT: 'the database file is damaged',
  SQLITE_NOTADB: 'the file is not a SQLite database',
  SQLITE_CANTOPEN: 'the file cannot be opened',
  SQLITE_BUSY: 'another program holds the database',
  SQLITE_LOCKED: 'the database is locked',
  SQLITE_NOMEM: 'no memory is left',
  SQLITE_READONLY: 'the database may not be written',
  SQLITE_PROTOCOL: 'the locks of the database do not work on this file system',
  SQLITE_INTERRUPT: 'the statement was interrupted',
  SQLITE_PERM: 'the file may not be opened',
};

export interface ConnectionOptions {
  readonly file: string;
  readonly readonly: boolean;
  /** 0: no bound. */
  readonly fileBytes: number;
}

export class Connection implements WriterConnection {
  readonly #db: Database.Database;
  readonly #cache = new Map<string, Prepared>();
  #fault: CsmError | undefined;

  /** Opens the file, in WAL mode when it is a file. Throws code 24. */
  constructor({ file, readonly, fileBytes }: ConnectionOptions) {
    try {
      this.#db = new Database(file, { readonly, fileMustExist: readonly, timeout: BUSY_MS });
      if (readonly) {
        this.#db.pragma('query_only = ON');
        return;
      }
      const mode = this.#db.pragma('journal_mode = WAL', { simple: true });
      if (file !== ':memory:' && mode !== 'wal') {
        throw new CsmError(problem(code.DATABASE_UNAVAILABLE, `${file} is in journal mode ${String(mode)}, not wal`));
      }
      this.#db.pragma('synchronous = FULL');
      this.#db.pragma('foreign_keys = ON');
      this.#db.pragma(`wal_autocheckpoint = ${CHECKPOINT_PAGES}`);
      this.#db.pragma(`journal_size_limit = ${WAL_KEEP}`);
      if (fileBytes > 0) this.#db.pragma(`max_page_count = ${Math.max(1, Math.floor(fileBytes / this.pageSize))}`);
    } catch (thrown) {
      throw asError(thrown, `opening ${file}`);
    }
  }

  /** The first failure of the database itself since the last `clearFault`. */
  get fault(): CsmError | undefined {
    return this.#fault;
  }

  clearFault(): void {
    this.#fault = undefined;
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction;
  }

  get pageSize(): number {
    return this.#db.pragma('page_size', { simple: true }) as number;
  }

  get pageCount(): number {
    return this.#db.pragma('page_count', { simple: true }) as number;
  }

  all(given: Sql, params: readonly SqlValue[] = []): unknown[] {
    const sql = textFor(given, 'sqlite');
    return this.#guard(sql, () => {
      const { translated, statement } = this.#prepare(sql);
      return statement.all(...bind(translated, params, sql));
    });
  }

  get(given: Sql, params: readonly SqlValue[] = []): unknown {
    const sql = textFor(given, 'sqlite');
    return this.#guard(sql, () => {
      const { translated, statement } = this.#prepare(sql);
      return statement.get(...bind(translated, params, sql));
    });
  }

  run(given: Sql, params: readonly SqlValue[] = []): { readonly changes: number } {
    const sql = textFor(given, 'sqlite');
    return this.#guard(sql, () => {
      const { translated, statement } = this.#prepare(sql);
      return { changes: statement.run(...bind(translated, params, sql)).changes };
    });
  }

  insert({ table, columns, rows, onConflict }: Insert): { readonly changes: number } {
    const holes = columns.map((_, i) => `$${i + 1}`).join(', ');
    const end = onConflict === undefined ? '' : ` ON CONFLICT ${onConflict}`;
    const sql = `INSERT INTO ${table} (${columns.join(', ')}) VALUES (${holes})${end}`;
    let changes = 0;
    for (const row of rows) changes += this.run(sql, row).changes;
    return { changes };
  }

  /**
   * Gives the rows of a statement that changes nothing to `take`, one by one, each as its values in the order of the
   * columns, whose names it returns. An object a row would take twice as long.
   */
  each(given: Sql, params: readonly SqlValue[], take: (values: SqlValue[]) => void): string[] {
    const sql = textFor(given, 'sqlite');
    return this.#guard(sql, () => {
      const { translated, statement } = this.#prepare(sql);
      if (!statement.readonly) {
        fail(code.DATABASE, `a query may not change data: ${excerpt(sql)}`, { field: 'sql', allowed: 'SELECT' });
      }
      if (!statement.reader) {
        fail(code.DATABASE, `a query must give rows: ${excerpt(sql)}`, { field: 'sql', allowed: 'SELECT' });
      }
      statement.raw(true);
      try {
        for (const values of statement.iterate(...bind(translated, params, sql))) take(values as SqlValue[]);
        // Behind the rows: only then it is sure that the statement knows the tables as they are now.
        return statement.columns().map(({ name }) => name);
      } finally {
        statement.raw(false);
      }
    });
  }

  /** Runs text of ours as it stands: transaction control, migrations, pragmas. */
  exec(sql: string): void {
    this.#guard(sql, () => this.#db.exec(sql));
  }

  begin(): void {
    this.exec('BEGIN IMMEDIATE; SAVEPOINT call');
  }

  commit(): void {
    this.exec('COMMIT');
  }

  /** Ends a transaction that may already be gone. */
  rollback(): void {
    if (this.#db.inTransaction) this.#db.exec('ROLLBACK');
  }

  close(): void {
    this.#cache.clear();
    this.#db.close();
  }

  #prepare(sql: string): Prepared {
    let prepared = this.#cache.get(sql);
    if (prepared !== undefined) {
      this.#cache.delete(sql);
    } else {
      const translated = translate(sql);
      prepared = { translated, statement: this.#db.prepare<SqlValue[]>(translated.text) };
      for (const oldest of this.#cache.keys()) {
        if (this.#cache.size < CACHE_MAX) break;
        this.#cache.delete(oldest);
      }
    }
    this.#cache.set(sql, prepared);
    return prepared;
  }

  #guard<T>(sql: string, work: () => T): T {
    try {
      return work();
    } catch (thrown) {
      const error = asError(thrown, excerpt(sql));
      if (error.code === code.DATABASE_UNAVAILABLE) this.#fault ??= error;
      throw error;
    }
  }
}

/** Any exception of the driver in our words: code 24 when the database cannot work, else 25. */
export function asError(thrown: unknown, doing: string): CsmError {
  if (thrown instanceof CsmError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  if (thrown instanceof Database.SqliteError) {
    const unavailable = UNAVAILABLE[thrown.code.split('_').slice(0, 2).join('_')];
    if (unavailable !== undefined) {
      const detail = `${unavailable} (${thrown.code}: ${message}), at: ${doing}`;
      return new CsmError(problem(code.DATABASE_UNAVAILABLE, detail), { cause: thrown });
    }
  }
  if (thrown instanceof TypeError && message.includes('database connection is not open')) {
    return new CsmError(problem(code.DATABASE_UNAVAILABLE, message), { cause: thrown });
  }
  return new CsmError(problem(code.DATABASE, `${message}, at: ${doing}`), { cause: thrown });
}

/** Whether this failure means that the disk or the allowed size is full: smaller changes may still fit. */
export function isFull(error: CsmError): boolean {
  return error.cause instanceof Database.SqliteError && error.cause.code === 'SQLITE_FULL';
}
