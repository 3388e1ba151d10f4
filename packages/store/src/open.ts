/** The ways to a store. Each loads its database only when called: a daemon without one never does. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { CsmError, code, fail, LEASE_DEFAULT, LEASE_MAX, LEASE_MIN, type Problem, wall } from '@csm/model';
import { registry } from './core.ts';
import type { Leader } from './leader.ts';
import { loadModules } from './load.ts';
import type { StoreModule } from './module.ts';
import type { Candidate } from './postgresql/candidate.ts';
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
  const { file, modules, lock = true, clock = Date.now, master = hostname() } = options;
  return new Shell(await openThreads({ file, modules, lock, limits, now: clock(), master }), limits, options);
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

/** A master that stands by until it leads. */
export interface Candidacy {
  /** Resolves once with the store when this process has become the leader; never rejects. Pending for ever after `close`. */
  readonly elected: Promise<Store>;
  /** Why it does not lead at present (code 24 with words), and who leads, as far as known. */
  status(): { readonly why: Problem; readonly leader?: Leader };
  /** Stands no more. After the election it does nothing: the store is closed by itself. */
  close(): Promise<void>;
}

export interface StandOptions extends PostgresOptions {
  readonly master: string;
  /**
   * Milliseconds without a renewal after which PostgreSQL frees the leader's lock. Default 3,000; 500 to 60,000. Shorter:
   * a standby takes over sooner from a leader that has stopped, and a busy moment costs a leader its lease. A leader that
   * died is followed at once either way.
   */
  readonly lease?: number;
}

/**
 * Stands for the lead of a PostgreSQL database. As soon as nobody else leads, it takes the lock, brings the tables up to
 * date, begins a term and gives the store. When the connection is lost later the store stays open, answers with code 24
 * and comes back by itself, unless another leads by then: then the store dies. Until the election a database that is
 * away, in use, newer than this build or not fit (a pooler before it, a standby, another encoding or collation) is only
 * a reason to wait. Rejects with code 9 for an option, module or limit that is not one.
 */
export async function standForLeader(options: StandOptions): Promise<Candidacy> {
  return candidacyOf(options, await stand(options));
}

/** How long the lock of a master that has just ended may take to come free, ms. */
const LOCK_MS = 1_000;

/**
 * Opens a PostgreSQL database, for tests and tools: stands for its lead, and rejects with code 24 when it is not elected
 * at once, because another has it (naming whom) or for any reason a candidate waits for.
 */
export async function openPostgresStore(options: PostgresOptions & Partial<StandOptions>): Promise<Store> {
  const candidate = await stand(options);
  const deadline = performance.now() + LOCK_MS;
  const refused = new Promise<void>((resolve) =>
    candidate.onTried((isHeld) => {
      if (!isHeld || performance.now() > deadline) resolve();
    }),
  );
  const candidacy = candidacyOf(options, candidate);
  const store = await Promise.race([candidacy.elected, refused]);
  if (store !== undefined) return store;
  if ((await candidate.close()) !== undefined) return candidacy.elected;
  throw new CsmError(candidate.status().why);
}

function candidacyOf(options: PostgresOptions, candidate: Candidate): Candidacy {
  return {
    elected: candidate.elected.then((engine) => new Shell(engine, fullLimits(options.limits), options)),
    status: () => candidate.status(),
    close: async () => {
      await candidate.close();
    },
  };
}

async function stand(options: PostgresOptions & Partial<StandOptions>): Promise<Candidate> {
  const limits = fullLimits(options.limits);
  const { server, modules, readers = READERS, lease = LEASE_DEFAULT } = options;
  const { clock = () => wall(Date.now()), random = Math.random, master = hostname() } = options;
  within('readers', readers, 1, READERS_MAX);
  within('lease', lease, LEASE_MIN, LEASE_MAX);
  if (limits.fileBytes !== 0) {
    fail(code.INVALID_PARAMETER, `limits.fileBytes is ${limits.fileBytes}`, {
      field: 'limits.fileBytes',
      allowed: '0 with PostgreSQL, where the file system of its tablespace is the bound',
    });
  }
  checkUrls(modules);
  const known = registry(await loadModules(modules));
  const { Candidate } = await import('./postgresql/candidate.ts');
  const session = randomUUID();
  return new Candidate({ server, registry: known, limits, readers, lease, master, session, clock, random });
}

function within(field: string, value: number, least: number, most: number): void {
  if (Number.isSafeInteger(value) && value >= least && value <= most) return;
  const allowed = `a whole number from ${least} to ${most}`;
  fail(code.INVALID_PARAMETER, `${field} is ${value}`, { field, allowed });
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
  const { modules, clock = Date.now, master = hostname() } = options;
  return new Shell(new LocalEngine(modules, limits, clock(), master), limits, options);
}
