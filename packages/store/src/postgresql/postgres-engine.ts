/**
 * PostgreSQL behind the store of a leading master: procedures run in this process, on the one connection that writes;
 * queries on a few that only read; and the lease on one more.
 *
 * Three states. *Open*: lease and writer stand. When either is lost the engine is *away*: what was under way fails with
 * code 24, everything that comes is answered so at once, and it connects anew with full jitter between the tries, until
 * it holds the lock again, its term is still the newest, and the writer is checked; then it is open, and tells the
 * newest change. A lock it holds for one lease without a writer it gives up, and leaves others time to take it. A transaction whose COMMIT nobody answered stays *undecided* meanwhile: the mark it leaves tells then
 * what became of it. When another master has taken the lock, or begun a term, it is *dead*: what this process knows may
 * no longer be true. `close` leaves from each.
 */
import { CsmError, code, type Problem, problem } from '@csm/model';
import { fullJitter } from '../backoff.ts';
import type { Answer, CallText, Committed, Engine, EngineWatcher, QueryText } from '../engine.ts';
import { GroupWriter } from '../group-writer.ts';
import type { SqlRow } from '../module.ts';
import { Pause } from '../pause.ts';
import { Connection } from './connection.ts';
import { asAway, asError, isFull, isReadOnly } from './errors.ts';
import { CONNECT_MS, Lease } from './lease.ts';
import { Readers } from './readers.ts';
import { endBackend, inUse, isMarked } from './reign.ts';
import { type Backend, configure, sessionName } from './session.ts';
import { GRACE_MS, type TakenOver, takeOver, type WriterOptions } from './take-over.ts';

export interface EngineOptions extends WriterOptions {
  readonly readers: number;
  readonly random: () => number;
}

/** The longest pause is also below half a lease, so that a leader comes back before others give it up. */
const BACKOFF = { firstMs: 100, maxMs: 2_000, leastMs: 20 };

type Led = Extract<TakenOver, { kind: 'leads' }>;

/** Calls whose COMMIT nobody has answered. */
interface Undecided {
  readonly mark: number;
  readonly commit: Committed;
  readonly fault: CsmError;
  readonly committed: (commit: Committed) => void;
}

/** Sessions remembered; one that holds the lock and has lost its client ends with its lease, long before so many follow. */
const OWN_MAX = 1_000;

const keyOf = ({ pid, started }: Backend): string => `${pid} ${started}`;

export class PostgresEngine implements Engine {
  readonly term: number;
  readonly procedures: readonly string[];
  readonly head: number;
  readonly died: Promise<Problem>;
  readonly #options: EngineOptions;
  readonly #writer: GroupWriter;
  readonly #readers: Readers;
  #db: Connection;
  /** The last one: while the server believes in it, it holds the lock. */
  #lease: Lease;
  #marks = 0;
  #undecided: Undecided | undefined;
  #away: CsmError | undefined;
  #watcher: EngineWatcher | undefined;
  #die: (reason: Problem) => void = () => {};
  #closing = false;
  #dead = false;
  readonly #pause = new Pause();
  /** Every session that tried to take the lock for this process, by `keyOf`, oldest first. */
  readonly #own = new Set<string>();
  /** Since when the lease has been of no use, ms of `performance.now()`. */
  #uselessSince = 0;
  #returning: Promise<void> = Promise.resolve();
  #fileBytes = 0;

  constructor(options: EngineOptions, lease: Lease, { db, term, head }: Led) {
    const { registry, limits, server, readers } = options;
    this.#options = options;
    this.#db = db;
    this.#lease = lease;
    this.term = term;
    this.head = head;
    this.procedures = [...registry.procedures.keys()];
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
    const port = {
      connection: () => this.#writable(),
      recover: (fault: CsmError) => this.#recover(fault),
      undecided: (commit: Committed, fault: CsmError, committed: (commit: Committed) => void) =>
        this.#setAside(commit, fault, committed),
      isFull,
      asError,
    };
    this.#writer = new GroupWriter(port, registry, limits);
    const { queryBytes, queryMs } = limits;
    const open = async (signal: AbortSignal): Promise<Connection> => {
      const name = sessionName('reader');
      const answerMs = queryMs + GRACE_MS;
      const reader = await Connection.open({ server, name, connectMs: CONNECT_MS, answerMs, signal });
      const cut = (): void => reader.cut(signal.reason as CsmError);
      signal.addEventListener('abort', cut);
      try {
        await configure(reader, { statementMs: queryMs, readOnly: true });
        return reader;
      } catch (thrown) {
        await reader.close();
        throw thrown;
      } finally {
        signal.removeEventListener('abort', cut);
      }
    };
    this.#readers = new Readers({ size: readers, queryBytes, queryMs, open });
    this.#remember(lease);
    this.#watchLease(lease);
    this.#watchWriter(db);
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

  async read(query: QueryText): Promise<SqlRow[]> {
    if (this.#away !== undefined) throw this.#away;
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
    this.#pause.end();
    await this.#returning;
    await Promise.all([this.#readers.close(), this.#db.close()]);
    // Last: whoever gets the lock finds nothing under way.
    await this.#lease.close();
    this.#decide(false);
  }

  /** Cuts all connections where they stand, as a crash would; for tests. */
  async crash(): Promise<void> {
    this.#closing = true;
    this.#pause.end();
    const cut = new CsmError(problem(code.DATABASE_UNAVAILABLE, 'the connection was cut'));
    this.#db.cut(cut);
    this.#lease.db.cut(cut);
    await this.#returning;
    await this.#readers.close();
  }

  #writable(): Connection {
    // A connection may be gone before its end was told here.
    const why = this.#away ?? this.#lease.db.gone ?? this.#db.gone;
    if (why !== undefined) throw why;
    return this.#db;
  }

  /** Rejects when another term has begun: then there is nothing to come back to. */
  async #recover(fault: CsmError): Promise<void> {
    const db = this.#db;
    // A session goes on refusing changes though the database takes them again, and a primary may be one no more.
    if (isReadOnly(fault)) db.cut(fault);
    try {
      await db.rollback();
    } catch (thrown) {
      // A connection that cannot even roll back is of no more use.
      db.cut(asError(thrown, 'ROLLBACK'));
    }
    if (db.deposed !== undefined) throw this.#end(db.deposed);
  }

  /** Whether the calls are to wait until it is known what became of them. */
  #setAside(commit: Committed, fault: CsmError, committed: (commit: Committed) => void): boolean {
    const mark = this.#db.unanswered;
    if (mark === undefined || this.#closing) return false;
    this.#undecided = { mark, commit, fault, committed };
    return true;
  }

  #decide(isCommitted: boolean, words = ''): void {
    const undecided = this.#undecided;
    if (undecided === undefined) return;
    this.#undecided = undefined;
    const { commit, fault, committed } = undecided;
    if (isCommitted) {
      committed(commit);
      return;
    }
    const { detail } = fault.problem;
    const why = problem(code.DATABASE_UNAVAILABLE, words === '' ? detail : words);
    const answers = commit.answers.map(({ id }): Answer => ({ kind: 'failed', id, problem: why }));
    committed({ answers, head: undefined, commitMs: undefined });
  }

  #watchLease(lease: Lease): void {
    void lease.db.ended.then((why) => {
      if (lease === this.#lease) this.#lost(why);
    });
  }

  #watchWriter(db: Connection): void {
    db.reign({ term: this.term, session: this.#options.session, nextMark: () => ++this.#marks });
    void db.ended.then((why) => {
      if (db === this.#db) this.#lost(why);
    });
  }

  #lost(why: CsmError): void {
    if (this.#closing || this.#away !== undefined || this.#dead) return;
    this.#away = why;
    this.#uselessSince = performance.now();
    // Without the lease nothing more may be written, and without the writer it is to be opened anew.
    this.#db.cut(why);
    // Most likely they are lost, too, and nobody is to wait until that shows.
    this.#readers.cut(why);
    this.#watcher?.away(why.problem);
    this.#returning = this.#return();
  }

  /** Tries until it is open again, dead, or closing. Never rejects. */
  async #return(): Promise<void> {
    const { firstMs, maxMs, leastMs } = BACKOFF;
    const longest = Math.min(maxMs, this.#options.lease / 2);
    for (let failures = 0; ; failures++) {
      await this.#pause.for(leastMs + fullJitter(failures, firstMs, longest, this.#options.random()));
      if (this.#closing) return;
      try {
        const outcome = await this.#comeBack();
        if (outcome === 'back') return;
        this.#away = outcome.why;
        if (!outcome.isFinal) continue;
        this.#end(outcome.why);
        return await this.#readers.close();
      } catch (thrown) {
        this.#away = asAway(thrown, 'coming back');
        await this.#giveUp();
      }
    }
  }

  async #comeBack(): Promise<'back' | { readonly why: CsmError; readonly isFinal: boolean }> {
    const holder = this.#lease.db.gone === undefined ? undefined : await this.#takeAnew();
    if (holder !== undefined) {
      // A backend of ours that has outlived its connection is no other master.
      const isFinal = holder.pid !== 0 && !this.#own.has(keyOf(holder));
      return { why: inUse(this.#options.server.database, holder), isFinal };
    }
    const taken = await takeOver(this.#options, this.#lease, this.term);
    if (taken.kind === 'deposed') return { why: taken.why, isFinal: true };
    const undecided = this.#undecided;
    const isCommitted = undecided !== undefined && (await this.#isMarked(taken.db, undecided.mark));
    if (this.#closing) {
      await taken.db.close();
      return 'back';
    }
    this.#db = taken.db;
    this.#away = undefined;
    this.#watchWriter(taken.db);
    this.#decide(isCommitted, `${undecided?.fault.problem.detail}; it is known by now: they were not made`);
    this.#watcher?.back(taken.head);
    // Lost while the writer was opened: its end was told when nobody could do anything about it.
    if (this.#lease.db.gone !== undefined) this.#lost(this.#lease.db.gone);
    return 'back';
  }

  async #isMarked(db: Connection, mark: number): Promise<boolean> {
    try {
      return await isMarked(db, this.term, mark);
    } catch (thrown) {
      // The next try opens another.
      await db.close();
      throw thrown;
    }
  }

  /** A lock it can do nothing with is in the way of whoever could: they get a lease of time to take it. */
  async #giveUp(): Promise<void> {
    const { lease: ms } = this.#options;
    if (this.#lease.db.gone !== undefined || performance.now() - this.#uselessSince < ms) return;
    await this.#lease.close();
    await this.#pause.for(ms);
  }

  #remember({ backend }: Lease): void {
    this.#own.add(keyOf(backend));
    for (const oldest of this.#own) {
      if (this.#own.size <= OWN_MAX) return;
      this.#own.delete(oldest);
    }
  }

  /** Takes the lock with a new session; tells who has it instead. */
  async #takeAnew(): Promise<Backend | undefined> {
    const lease = await Lease.open(this.#options.server, this.#options.lease);
    this.#remember(lease);
    try {
      const holder = await lease.take();
      if (holder === undefined) {
        this.#lease = lease;
        this.#uselessSince = performance.now();
        this.#watchLease(lease);
        return undefined;
      }
      if (this.#own.has(keyOf(holder))) await endBackend(lease.db, holder);
      await lease.close();
      return holder;
    } catch (thrown) {
      await lease.close();
      throw thrown;
    }
  }

  /** It is over: gives the reason. */
  #end(why: CsmError): CsmError {
    this.#dead = true;
    this.#away = why;
    this.#decide(false);
    this.#die(why.problem);
    return why;
  }
}
