/** The two ways to a store. Both load SQLite only when called: a daemon without a database never does. */
import { code, fail } from '@csm/model';
import type { StoreModule } from './module.ts';
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
  for (const [i, url] of options.modules.entries()) {
    if (!URL.canParse(url)) {
      fail(code.INVALID_PARAMETER, `modules[${i}] is ${url}`, { field: `modules[${i}]`, allowed: 'a URL' });
    }
  }
  const { openThreads } = await import('./sqlite/thread-engine.ts');
  const { file, modules, lock = true, clock = Date.now } = options;
  return new Shell(await openThreads({ file, modules, lock, limits, now: clock() }), limits, options);
}

/** A store in memory, in the caller's thread, gone with `close`. Same interface, same behaviour, no file. */
export async function openMemoryStore(options: MemoryOptions): Promise<Store> {
  const limits = fullLimits(options.limits);
  const { LocalEngine } = await import('./sqlite/local-engine.ts');
  const { modules, clock = Date.now } = options;
  return new Shell(new LocalEngine(modules, limits, clock()), limits, options);
}
