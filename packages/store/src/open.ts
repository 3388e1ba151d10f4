/** The ways to a store. Each loads its database only when called: a daemon without one never does. */
import { code, fail, wall } from '@csm/model';
import { registry } from './core.ts';
import { loadModules } from './load.ts';
import type { StoreModule } from './module.ts';
import type { PostgresServer } from './postgresql/server.ts';
import { fullLimits, Shell } from './shell.ts';
import type { CommonOptions, Store } from './store.ts';

export interface OpenOptions extends CommonOptions {
  /** The SQLite file; made when missing, in a directory that exists. `-wal`, `-shm` and `.lock*` stand beside it. */
  readonly file: string;
  /** URLs of the features' `store.ts` as built, imported in the writer thread, in the order of their migrations. */
  readonly modules: readonly string[];
  /** Refuse a file another store has open. Default true; false is for tools that have the lock themselves. */
  readonly lock?: boolean;
}

export interface MemoryOptions extends CommonOptions {
  readonly modules: readonly StoreModule[];
}

/**
 * Opens a database file: takes its lock, brings its tables up to date, starts the writer and the reader thread.
 * Rejects with code 24 when it is in use (naming pid and host of the holder), was written by a newer build (naming
 * module and migration) or cannot be opened, and with 9 for a module or limit that is not one.
 */
export async function openStore(options: OpenOptions): Promise<Store> {
  const limits = fullLimits(options.limits);
  checkUrls(options.modules);
  const { openThreads } = await import('./sqlite/thread-engine.ts');
  const { file, modules, lock = true, clock = Date.now } = options;
  return new Shell(await openThreads({ file, modules, lock, limits, now: clock() }), limits, options);
}

export interface PostgresOptions extends CommonOptions {
  readonly server: PostgresServer;
  /** URLs of the features' `store.ts` as built, imported in this process, in the order of their migrations. */
  readonly modules: readonly string[];
  /** Connections for queries. Default 2; more lets long queries hold up fewer others, each is a server process. */
  readonly readers?: number;
}

const READERS = 2;
const READERS_MAX = 32;

/**
 * Opens a PostgreSQL database: takes its lock, brings its tables up to date. When the connection is lost later the
 * store stays open, answers with code 24 and comes back by itself. Rejects with code 24 when another master has the
 * database (naming it), when it was written by a newer build (naming module and migration), when it cannot be reached
 * or is not fit (a pooler before it, a standby, another encoding or collation), and with 9 for a module or limit that
 * is not one.
 */
export async function openPostgresStore(options: PostgresOptions): Promise<Store> {
  const limits = fullLimits(options.limits);
  const { server, modules, readers = READERS, clock = () => wall(Date.now()), random = Math.random } = options;
  if (!Number.isSafeInteger(readers) || readers < 1 || readers > READERS_MAX) {
    const allowed = `a whole number from 1 to ${READERS_MAX}`;
    fail(code.INVALID_PARAMETER, `readers is ${readers}`, { field: 'readers', allowed });
  }
  if (limits.fileBytes !== 0) {
    fail(code.INVALID_PARAMETER, `limits.fileBytes is ${limits.fileBytes}`, {
      field: 'limits.fileBytes',
      allowed: '0 with PostgreSQL, where the file system of its tablespace is the bound',
    });
  }
  checkUrls(modules);
  const known = registry(await loadModules(modules));
  const { openPostgres } = await import('./postgresql/postgres-engine.ts');
  return new Shell(await openPostgres({ server, registry: known, limits, readers, clock, random }), limits, options);
}

function checkUrls(modules: readonly string[]): void {
  for (const [i, url] of modules.entries()) {
    if (!URL.canParse(url)) {
      fail(code.INVALID_PARAMETER, `modules[${i}] is ${url}`, { field: `modules[${i}]`, allowed: 'a URL' });
    }
  }
}

/** A store in memory, in the caller's thread, gone with `close`. Same interface, same behaviour, no file. */
export async function openMemoryStore(options: MemoryOptions): Promise<Store> {
  const limits = fullLimits(options.limits);
  const { LocalEngine } = await import('./sqlite/local-engine.ts');
  const { modules, clock = Date.now } = options;
  return new Shell(new LocalEngine(modules, limits, clock()), limits, options);
}
