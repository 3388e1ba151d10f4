/**
 * The store in front of an engine: the bounded queue, batches, subscriptions, deliveries, figures. One batch is with
 * the engine at a time; all calls that arrive meanwhile make the next one, so that the busier the database is, the
 * more calls share one sync of the disk.
 */
import { resolve } from 'node:path';
import { CsmError, code, nearest, type Problem, problem, toProblem, wall } from '@csm/model';
import type { Place } from './admin/reading.ts';
import * as changes from './changes.ts';
import { FollowerDelivery } from './delivery.ts';
import type { Answer, Committed, Engine, QueryText } from './engine.ts';
import { SharedReader } from './follow/reader.ts';
import type { Sql, SqlRow, SqlValue } from './module.ts';
import type { OnceKey } from './once.ts';
import type { PostgresServer } from './postgresql/server.ts';
import { CallQueue } from './queue.ts';
import {
  type CallOptions,
  type Changes,
  type CommonOptions,
  DEFAULT_LIMITS,
  type Delivery,
  type Follower,
  type QueryOptions,
  type Store,
  type StoreLimits,
  type StoreStats,
} from './store.ts';
import { textOf } from './text-row.ts';

/** Rows of a query when the caller names no limit. */
const QUERY_LIMIT = 10_000;
const NAME_MAX = 128;

/** The limits with the given ones put in. Throws code 9 for one that is not a whole number. */
export function fullLimits(given: Partial<StoreLimits> = {}): StoreLimits {
  const limits = { ...DEFAULT_LIMITS, ...given };
  for (const [field, value] of Object.entries(limits)) {
    if (!(field in DEFAULT_LIMITS) || !Number.isSafeInteger(value) || value < (field === 'fileBytes' ? 0 : 1)) {
      refuse(`limits.${field}`, value, `whole numbers for ${Object.keys(DEFAULT_LIMITS).join(', ')}`);
    }
  }
  return limits;
}

export class Shell implements Store {
  readonly term: number;
  readonly place: Place | undefined;
  readonly changes: Changes;
  readonly closed: Promise<Problem | undefined>;
  readonly #engine: Engine;
  readonly #limits: StoreLimits;
  readonly #clock: () => number;
  readonly #random: () => number;
  readonly #onFault: (where: string, problem: Problem) => void;
  readonly #procedures: ReadonlySet<string>;
  readonly #queue: CallQueue;
  readonly #listeners = new Set<(head: number) => void>();
  readonly #deliveries = new Map<string, FollowerDelivery>();
  readonly #reader: SharedReader;
  #settleClosed: (problem: Problem | undefined) => void = () => {};
  #closing: Promise<void> | undefined;
  /** Set once no further call or query is taken. */
  #refusal: CsmError | undefined;
  #writing: Promise<void> | undefined;
  #queries = 0;
  #nextId = 1;
  #head: number;
  #done = 0;
  #failed = 0;
  #commits = 0;
  #lastCommitMs = 0;
  #failure: StoreStats['failure'];

  constructor(engine: Engine, limits: StoreLimits, options: CommonOptions) {
    this.term = engine.term;
    this.place = placeOf(options);
    this.#engine = engine;
    this.#limits = limits;
    this.#clock = options.clock ?? Date.now;
    this.#random = options.random ?? Math.random;
    this.#onFault =
      options.onFault ?? ((where, { detail }) => process.emitWarning(`${where}: ${detail}`, { code: 'CSM_STORE' }));
    this.#procedures = new Set(engine.procedures);
    this.#queue = new CallQueue(limits);
    this.#head = engine.head;
    this.closed = new Promise((resolve) => {
      this.#settleClosed = resolve;
    });
    const query: Store['query'] = (sql, params, given) => this.query(sql, params, given);
    this.#reader = new SharedReader({
      query,
      head: () => this.#head,
      subscribe: (listener) => this.#subscribe(listener),
    });
    this.changes = {
      follow: (given) => this.#reader.follow(given),
      followStats: () => this.#reader.stats(),
      since: (seq, limit, filter) => changes.since(query, seq, limit, filter),
      head: () => changes.head(query),
      oldest: () => changes.oldest(query),
      subscribe: (listener) => this.#subscribe(listener),
      prune: (rule) => changes.prune((procedure, input) => this.call(procedure, input), rule),
    };
    void engine.died.then((reason) => this.#die(reason));
    engine.watch?.({
      away: (reason) => this.#onFault('the database', reason),
      back: (head) => {
        this.#failure = undefined;
        this.#raise(head);
      },
    });
  }

  call<O>(procedure: string, input: unknown, options: CallOptions = {}): Promise<O> {
    return new Promise<O>((resolve, reject) => {
      if (this.#refusal !== undefined) throw this.#refusal;
      if (!this.#procedures.has(procedure)) this.#unknown(procedure);
      const call = {
        id: this.#nextId++,
        ...asCalled(procedure, input, options.once),
        now: options.now ?? wall(this.#clock()),
      };
      const full = this.#queue.push({ call, resolve: (output) => resolve(JSON.parse(output) as O), reject });
      if (full !== undefined) throw new CsmError(full);
      // Later in this tick, so that calls made together share a transaction.
      if (this.#writing === undefined) this.#writing = Promise.resolve().then(() => this.#write());
    });
  }

  query<Row = SqlRow>(sql: Sql, params: readonly SqlValue[] = [], options: QueryOptions = {}): Promise<Row[]> {
    return this.#ask(sql, params, options, (query) => this.#engine.read(query)) as Promise<Row[]>;
  }

  texts(
    sql: Sql,
    params: readonly SqlValue[],
    take: (texts: readonly string[]) => void,
    options: QueryOptions = {},
  ): Promise<void> {
    return this.#ask(sql, params, options, async (query) => {
      if (this.#engine.texts !== undefined) return this.#engine.texts(query, take);
      const rows = await this.#engine.read(query);
      take(rows.map((row) => textOf(Object.values(row))));
    });
  }

  async #ask<T>(
    sql: Sql,
    params: readonly SqlValue[],
    options: QueryOptions,
    ask: (query: QueryText) => Promise<T>,
  ): Promise<T> {
    if (this.#refusal !== undefined) throw this.#refusal;
    const { limit = QUERY_LIMIT } = options;
    if (!Number.isSafeInteger(limit) || limit < 1) refuse('limit', limit, 'a whole number from 1');
    if (this.#queries >= this.#limits.queries) {
      const words = `${this.#queries} queries are waiting`;
      throw new CsmError(problem(code.MEMORY, words, { field: 'queries', allowed: `${this.#limits.queries} queries` }));
    }
    this.#queries += 1;
    try {
      return await ask({ sql, params, limit });
    } finally {
      this.#queries -= 1;
    }
  }

  deliver(follower: Follower): Delivery {
    if (this.#refusal !== undefined) throw this.#refusal;
    checkFollower(follower);
    const { name } = follower;
    if (this.#deliveries.has(name)) refuse('name', name, 'one delivery a name; stop the other first');
    const delivery = new FollowerDelivery(follower, {
      query: (sql, params, given) => this.query(sql, params, given),
      call: (procedure, input) => this.call(procedure, input),
      head: () => this.#head,
      subscribe: (listener) => this.#subscribe(listener),
      random: this.#random,
      onFault: this.#onFault,
    });
    this.#deliveries.set(name, delivery);
    return {
      status: () => delivery.status(),
      stop: async () => {
        await delivery.stop();
        if (this.#deliveries.get(name) === delivery) this.#deliveries.delete(name);
      },
    };
  }

  async forgetFollower(name: string): Promise<void> {
    if (this.#deliveries.has(name)) refuse('name', name, 'a follower whose delivery is stopped');
    await this.call('store.forgetFollower', { name });
  }

  get away(): Problem | undefined {
    return this.#engine.away;
  }

  async stats(): Promise<StoreStats> {
    const sizes = await this.#engine.sizes();
    return {
      queue: {
        calls: this.#queue.calls,
        bytes: this.#queue.bytes,
        limitCalls: this.#limits.queueCalls,
        limitBytes: this.#limits.queueBytes,
        refused: this.#queue.refused,
      },
      done: this.#done,
      failed: this.#failed,
      commits: this.#commits,
      averageBatch: this.#commits === 0 ? 0 : this.#done / this.#commits,
      lastCommitMs: this.#lastCommitMs,
      head: this.#head,
      ...sizes,
      ...(this.#failure === undefined ? {} : { failure: this.#failure }),
    };
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // Deliveries first: they may still store what they have sent.
    await Promise.all([...this.#deliveries.values()].map((delivery) => delivery.stop()));
    this.#deliveries.clear();
    this.#refusal ??= new CsmError(problem(code.DATABASE_UNAVAILABLE, 'the store is closed'));
    this.#reader.end(this.#refusal.problem);
    await this.#writing;
    this.#listeners.clear();
    await this.#engine.close();
    this.#settleClosed(undefined);
  }

  async #write(): Promise<void> {
    try {
      while (this.#queue.waiting > 0) {
        const calls = this.#queue.take(this.#limits.batchCalls, this.#limits.batchBytes);
        await this.#engine.write(calls, (commit) => this.#committed(commit));
      }
    } catch (thrown) {
      this.#die(toProblem(thrown, code.DATABASE_UNAVAILABLE));
    }
    this.#writing = undefined;
  }

  #committed({ answers, head, commitMs }: Committed): void {
    if (commitMs === undefined) {
      const failed = answers.find((answer) => answer.kind === 'failed' && isDatabase(answer.problem));
      if (failed?.kind === 'failed') this.#failure = { problem: failed.problem, time: wall(this.#clock()) };
    } else {
      this.#commits += 1;
      this.#lastCommitMs = commitMs;
    }
    for (const answer of answers) this.#answer(answer);
    if (head !== undefined) this.#raise(head);
  }

  #raise(head: number): void {
    if (head <= this.#head) return;
    this.#head = head;
    for (const listener of this.#listeners) {
      try {
        listener(head);
      } catch (thrown) {
        this.#onFault('a listener to changes', toProblem(thrown));
      }
    }
  }

  #answer(answer: Answer): void {
    const waiting = this.#queue.answered(answer.id);
    this.#done += 1;
    if (answer.kind === 'done') {
      waiting?.resolve(answer.output);
    } else {
      this.#failed += 1;
      waiting?.reject(new CsmError(answer.problem));
    }
  }

  #subscribe(listener: (head: number) => void): () => void {
    // A wrapper of its own, so that one function may subscribe twice.
    const own = (head: number): void => listener(head);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** The engine is gone: everything fails from here on, and `closed` tells why. */
  #die(reason: Problem): void {
    if (this.#refusal === undefined || this.#closing !== undefined) {
      this.#refusal = new CsmError(reason);
      this.#queue.rejectAll(this.#refusal);
      for (const delivery of this.#deliveries.values()) void delivery.stop();
      this.#reader.end(reason);
      this.#settleClosed(reason);
    }
  }

  #unknown(procedure: string): never {
    const near = nearest(procedure, this.#procedures);
    const hint = near === undefined ? {} : { allowed: `did you mean ${near}?` };
    throw new CsmError(
      problem(code.UNKNOWN_COMMAND, `there is no procedure ${procedure}`, { field: 'procedure', ...hint }),
    );
  }
}

/** Whether the database failed, rather than refused. */
const isDatabase = ({ code: given }: Problem): boolean => given === code.DATABASE_UNAVAILABLE;

/** What it was opened with says where it is. */
function placeOf(
  options: CommonOptions & { readonly file?: string; readonly server?: PostgresServer },
): Place | undefined {
  if (options.file !== undefined) return { engine: 'sqlite', file: resolve(options.file) };
  return options.server === undefined ? undefined : { engine: 'postgresql', server: options.server };
}

/** Under a key the store's own procedure runs it, in the same transaction. */
function asCalled(procedure: string, input: unknown, key: OnceKey | undefined) {
  if (key === undefined) return { procedure, input: jsonText(procedure, input) };
  const { owner, key: name, hash } = key;
  for (const [field, value, most] of [
    ['owner', owner, 256],
    ['key', name, 128],
    ['hash', hash, 128],
  ] as const) {
    if (value === '' || value.length > most) refuse(`once.${field}`, value, `text of 1 to ${most} characters`);
  }
  return { procedure: 'store.once', input: jsonText(procedure, { owner, key: name, hash, procedure, input }) };
}

function jsonText(procedure: string, input: unknown): string {
  try {
    return JSON.stringify(input ?? null);
  } catch (thrown) {
    return refuse(`the input of ${procedure}`, toProblem(thrown).detail, 'JSON');
  }
}

function checkFollower({ name, batch, kinds, attemptMs, backoff, maxAttempts }: Follower): void {
  if (name === '' || name.length > NAME_MAX) refuse('name', name, `text of 1 to ${NAME_MAX} characters`);
  if (kinds !== undefined && (kinds.length < 1 || kinds.length > 100)) refuse('kinds', kinds.length, '1 to 100 kinds');
  const whole = { batch, attemptMs, maxAttempts, firstMs: backoff?.firstMs, maxMs: backoff?.maxMs };
  for (const [field, value] of Object.entries(whole)) {
    const most = field === 'batch' ? changes.SINCE_MAX : 2 ** 31 - 1;
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 1 || value > most)) {
      refuse(field, value, `a whole number from 1 to ${most}`);
    }
  }
}

function refuse(field: string, given: unknown, allowed: string): never {
  throw new CsmError(problem(code.INVALID_PARAMETER, `${field} is ${String(given)}`, { field, allowed }));
}
