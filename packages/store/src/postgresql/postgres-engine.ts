/**
 * PostgreSQL behind the store: procedures run in this process, on the one connection that writes; queries on a few
 * that only read.
 *
 * Three states. *Open*: the writer's connection stands and holds the lock. When it is lost the engine is *away*: what
 * was under way fails with code 24, everything that comes is answered so at once, and it connects anew with full
 * jitter between the tries, until the connection is checked, holds the lock again and its tables are those of this
 * build; then it is open, and tells the newest change, in which a COMMIT nobody answered may show. When another
 * master has taken the lock meanwhile it is *dead*: what this process knows may no longer be true. `close` leaves
 * from each.
 */
import { CsmError, code, type Problem, problem, toProblem, type Wall, wall } from '@csm/model';
import { fullJitter } from '../backoff.ts';
import type { Registry } from '../core.ts';
import type { CallText, Committed, Engine, EngineWatcher, QueryText } from '../engine.ts';
import { GroupWriter, headOf } from '../group-writer.ts';
import type { SqlRow } from '../module.ts';
import type { StoreLimits } from '../store.ts';
import { Connection } from './connection.ts';
import { asError, isFull } from './errors.ts';
import { migrate } from './migrate.ts';
import { Readers } from './readers.ts';
import type { PostgresServer } from './server.ts';
import { type Backend, checkServer, configure, endBackend, inUse, sessionName, takeLock } from './session.ts';

export interface EngineOptions {
  readonly server: PostgresServer;
  readonly registry: Registry;
  readonly limits: StoreLimits;
  readonly readers: number;
  readonly clock: () => Wall;
  readonly random: () => number;
}

/** Milliseconds until a connection that is not made is given up. */
const CONNECT_MS = 5_000;
/** How much later than the server's own timeout a statement is given up. */
const GRACE_MS = 2_000;
/** At the opening: how long the lock of a master that has just ended may take to come free. */
const LOCK_MS = 1_000;
const LOCK_PAUSE_MS = 50;
const BACKOFF = { firstMs: 100, maxMs: 2_000, leastMs: 20 };

interface Session {
  readonly db: Connection;
  readonly backend: Backend;
  readonly head: number;
}

/** Rejects with code 24 when it is in use, newer than this build, or cannot be opened. */
export async function openPostgres(options: EngineOptions): Promise<PostgresEngine> {
  const deadline = performance.now() + LOCK_MS;
  for (;;) {
    const opened = await openSession(options);
    if ('db' in opened) return new PostgresEngine(options, opened);
    if (performance.now() > deadline) throw inUse(options.server.database, opened);
    await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
  }
}

/** A connection fit to write; or who holds the lock. */
async function openSession(
  { server, registry, limits, clock }: EngineOptions,
  previous?: Backend,
): Promise<Session | Backend> {
  const { procedureMs } = limits;
  const name = sessionName('writer');
  const db = await Connection.open({ server, name, connectMs: CONNECT_MS, answerMs: procedureMs + GRACE_MS });
  try {
    const backend = await checkServer(db, server);
    await configure(db, { statementMs: procedureMs, readOnly: false });
    const holder = await takeLock(db);
    if (holder !== undefined) {
      if (isSame(holder, previous)) await endBackend(db, holder);
      await db.close();
      return holder;
    }
    await migrate(db, registry.modules, wall(clock()));
    return { db, backend, head: await headOf(db) };
  } catch (thrown) {
    await db.close();
    throw asError(thrown, 'opening');
  }
}

const isSame = (a: Backend, b: Backend | undefined): boolean =>
  b !== undefined && a.pid === b.pid && a.started === b.started;

export class PostgresEngine implements Engine {
  readonly procedures: readonly string[];
  readonly head: number;
  readonly died: Promise<Problem>;
  readonly #options: EngineOptions;
  readonly #writer: GroupWriter;
  readonly #readers: Readers;
  #db: Connection;
  /** The last backend that served the writer: while the server believes in it, it holds the lock. */
  #backend: Backend;
  #away: CsmError | undefined;
  #watcher: EngineWatcher | undefined;
  #die: (reason: Problem) => void = () => {};
  #closing = false;
  /** Ends the present pause. */
  #wake: () => void = () => {};
  #returning: Promise<void> = Promise.resolve();
  #fileBytes = 0;

  constructor(options: EngineOptions, { db, backend, head }: Session) {
    const { registry, limits, server, readers } = options;
    this.#options = options;
    this.#db = db;
    this.#backend = backend;
    this.head = head;
    this.procedures = [...registry.procedures.keys()];
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    const port = {
      connection: () => this.#writable(),
      recover: () => this.#recover(),
      isFull,
      asError,
    };
    this.#writer = new GroupWriter(port, registry, limits);
    const { queryBytes, queryMs } = limits;
    const open = async (): Promise<Connection> => {
      if (this.#away !== undefined) throw this.#away;
      const name = sessionName('reader');
      const reader = await Connection.open({ server, name, connectMs: CONNECT_MS, answerMs: queryMs + GRACE_MS });
      await configure(reader, { statementMs: queryMs, readOnly: true });
      return reader;
    };
    this.#readers = new Readers({ size: readers, queryBytes, queryMs, open });
    void db.ended.then((why) => this.#lost(db, why));
  }

  get away(): Problem | undefined {
    return this.#away?.problem;
  }

  watch(watcher: EngineWatcher): void {
    this.#watcher = watcher;
  }

  write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    return this.#writer.write(calls, committed);
  }

  read(query: QueryText): Promise<SqlRow[]> {
    return this.#readers.read(query);
  }

  async sizes(): Promise<{ readonly fileBytes: number; readonly walBytes: number }> {
    try {
      const sql = 'SELECT pg_database_size(current_database()) AS bytes';
      const [row] = await this.read({ sql, params: [], limit: 1 });
      this.#fileBytes = Number(row?.['bytes'] ?? 0);
    } catch {
      // Away: the last known figure stands, and `away` tells why.
    }
    return { fileBytes: this.#fileBytes, walBytes: 0 };
  }

  async close(): Promise<void> {
    this.#closing = true;
    this.#wake();
    await this.#returning;
    await Promise.all([this.#readers.close(), this.#db.close()]);
  }

  /** Cuts all connections where they stand, as a crash would; for tests. */
  async crash(): Promise<void> {
    this.#closing = true;
    this.#wake();
    this.#db.cut(new CsmError(problem(code.DATABASE_UNAVAILABLE, 'the connection was cut')));
    await this.#returning;
    await this.#readers.close();
  }

  #writable(): Connection {
    // The connection may be gone before its end was told here.
    const why = this.#away ?? this.#db.gone;
    if (why !== undefined) throw why;
    return this.#db;
  }

  async #recover(): Promise<void> {
    try {
      await this.#db.rollback();
    } catch (thrown) {
      // A connection that cannot even roll back is of no more use.
      this.#db.cut(asError(thrown, 'ROLLBACK'));
    }
  }

  #lost(db: Connection, why: CsmError): void {
    if (this.#closing || db !== this.#db) return;
    this.#away = why;
    this.#watcher?.away(why.problem);
    this.#returning = this.#return();
  }

  /** Tries until it is open again, dead, or closing. Never rejects. */
  async #return(): Promise<void> {
    const { firstMs, maxMs, leastMs } = BACKOFF;
    for (let failures = 0; ; failures++) {
      await this.#pause(leastMs + fullJitter(failures, firstMs, maxMs, this.#options.random()));
      if (this.#closing) return;
      try {
        const opened = await openSession(this.#options, this.#backend);
        if ('db' in opened) return await this.#opened(opened);
        const held = inUse(this.#options.server.database, opened);
        this.#away = held;
        if (!isSame(opened, this.#backend) && opened.pid !== 0) {
          this.#die(held.problem);
          return await this.#readers.close();
        }
      } catch (thrown) {
        this.#away = new CsmError(toProblem(thrown, code.DATABASE_UNAVAILABLE));
      }
    }
  }

  async #opened({ db, backend, head }: Session): Promise<void> {
    if (this.#closing) return db.close();
    this.#db = db;
    this.#backend = backend;
    this.#away = undefined;
    void db.ended.then((why) => this.#lost(db, why));
    this.#watcher?.back(head);
  }

  #pause(ms: number): Promise<void> {
    if (this.#closing) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
