/**
 * The database as the rest of a master sees it. Data changes only by procedures; one call is one transaction, durable
 * when its promise resolves. The same interface stands before SQLite in threads (`openStore`), before PostgreSQL
 * (`openPostgresStore`), and before an in-memory database in the caller's thread (`openMemoryStore`); one test suite
 * runs over all three.
 */
import type { Problem, Wall } from '@csm/model';
import type { Place } from './admin/reading.ts';
import type { Sql, SqlRow, SqlValue } from './module.ts';
import type { OnceKey } from './once.ts';

/** One row of `change`: what a client may follow. */
export interface ChangeRow {
  /** Rises in commit order; the cursor of every stream. */
  readonly seq: number;
  readonly time: Wall;
  readonly kind: string;
  readonly subject: string;
  readonly body: unknown;
}

/** Which changes; what is left out matches all. Each list holds 1 to 100 names. */
export interface ChangeFilter {
  readonly kinds?: readonly string[];
  readonly subjects?: readonly string[];
}

export interface PruneRule {
  /** Rows older than this moment go. */
  readonly olderThan?: Wall;
  /** Only so many of the newest rows stay. */
  readonly keepRows?: number;
  /**
   * The two rules above spare rows a registered follower has yet to get. This one spares none: the follower counts
   * them as lost. It is what bounds the table while a follower is stuck.
   */
  readonly hardRows?: number;
  /** Nor does this one, for rows older than this moment. */
  readonly hardOlderThan?: Wall;
}

/** Whoever follows the changes for a while, without a name. */
export interface FollowOptions extends ChangeFilter {
  /** The last seq already known; when left out, it begins with what comes next. */
  readonly since?: number | undefined;
  /** Further choice among the rows of the filter; must be quick, since it runs for each of them. */
  readonly wants?: (row: ChangeRow) => boolean;
  /** Leaves. */
  readonly signal: AbortSignal;
  /**
   * Is given the next rows; the same objects are given to others. Resolves when there is room for more. What it throws
   * ends the following.
   */
  take(rows: readonly ChangeRow[]): Promise<void>;
  /** Milliseconds one `take` may last. Default 600,000. */
  readonly stallMs?: number;
}

/** Figures of all who follow; counts since the start. */
export interface FollowStats {
  readonly followers: number;
  /** Pages read for all who are near the head, and for one who was behind. */
  readonly sharedReads: number;
  readonly ownReads: number;
  /** Rows given, of all followers. */
  readonly given: number;
  /** Followers that took nothing for too long. */
  readonly cutOff: number;
  /** Rows in memory for all, and characters of all that is kept. */
  readonly ringRows: number;
  readonly size: number;
}

export interface Changes {
  /**
   * At most `limit` (1 to 10,000) changes after `seq`, in order. Code 37 when rows after `seq` have been pruned: the
   * follower has missed some and must read the present state anew.
   */
  since(seq: number, limit: number, filter?: ChangeFilter): Promise<ChangeRow[]>;
  /** The newest seq; 0 before the first change. */
  head(): Promise<number>;
  /** The oldest seq kept; 0 before the first change. */
  oldest(): Promise<number>;
  /**
   * Gives all changes behind `since` that match, in order, each once, and then those that come, until the signal fires;
   * then it resolves. Many may follow: new rows are read once for all, and who is slow waits alone. Rejects with code
   * 37 and `oldest` when rows behind the cursor are pruned, or the database ends before it; 5 when `take` lasted too
   * long; 13 when too many follow; 24 when the database fails or the store is closed.
   */
  follow(options: FollowOptions): Promise<void>;
  followStats(): FollowStats;
  /** Tells the new head after each commit that made changes. Returns what ends it. */
  subscribe(listener: (head: number) => void): () => void;
  /**
   * Deletes by the rule, in slices of a few milliseconds between which other calls run; gives the number deleted.
   * The newest row always stays: it carries the count.
   */
  prune(rule: PruneRule): Promise<number>;
}

/** A named consumer of changes. */
export interface Follower {
  /** Unique in the store; its cursor is kept under it. */
  readonly name: string;
  /** The kinds it wants; all when left out. */
  readonly kinds?: readonly string[];
  /** Where a name never seen before begins: after the present head (the default) or at the oldest row kept. */
  readonly from?: 'now' | 'oldest';
  /**
   * Delivers rows in seq order; resolving means delivered. A rejection is retried after a pause, beginning with
   * half as many rows; no later row is sent before. After `attemptMs` the signal is aborted and the attempt failed.
   * A row may come twice (after a crash, or when an attempt failed half-way).
   */
  send(rows: readonly ChangeRow[], signal: AbortSignal): Promise<void>;
  /** Rows in one send. Default 100; more is faster, and more is repeated after a failure. */
  readonly batch?: number;
  /** Milliseconds an attempt may take. Default 30,000. */
  readonly attemptMs?: number;
  /** Full jitter: before retry n a random pause below min(maxMs, firstMs·2^n). Defaults 500 and 60,000 ms. */
  readonly backoff?: { readonly firstMs: number; readonly maxMs: number };
  /**
   * Rows `from` to `to` were pruned before they could be sent. The cursor moves behind them when this has resolved; a
   * rejection is retried as one of `send` is, and rows pruned meanwhile are told with them.
   */
  lost?(from: number, to: number, signal: AbortSignal): Promise<void>;
  /** A single row that failed so often is skipped and counted. Default: never skipped, it blocks its follower. */
  readonly maxAttempts?: number;
}

export interface DeliveryStatus {
  readonly name: string;
  /** All up to here is delivered or passed over. */
  readonly cursor: number;
  readonly sent: number;
  /** Failed attempts since the last success. */
  readonly failures: number;
  readonly skipped: number;
  /** Rows pruned before they could be sent. */
  readonly lost: number;
  readonly lastProblem?: Problem;
}

export interface Delivery {
  status(): DeliveryStatus;
  /** Aborts the attempt under way, waits for it to settle and stops. The cursor stays stored. */
  stop(): Promise<void>;
}

export interface QueryOptions {
  /** More rows than this are refused with code 30. Default 10,000. */
  readonly limit?: number;
}

export interface CallOptions {
  /** The time of the transaction; the store's clock when left out. */
  readonly now?: Wall;
  /**
   * The call changes something and may be repeated: a repetition under the same owner and key within 24 h gets the
   * answer of the first, and waits for it while that is under way; another call under it is refused with code 9, field
   * Idempotency-Key. A call that was refused keeps no key. Code 30 for an answer of more than 1 MiB.
   */
  readonly once?: OnceKey | undefined;
}

export interface StoreStats {
  readonly queue: {
    readonly calls: number;
    readonly bytes: number;
    readonly limitCalls: number;
    readonly limitBytes: number;
    /** Calls turned away with code 13. */
    readonly refused: number;
  };
  /** Calls answered, with success and with an error. */
  readonly done: number;
  readonly failed: number;
  readonly commits: number;
  /** Calls per commit since the start. */
  readonly averageBatch: number;
  /** Milliseconds the last COMMIT took. */
  readonly lastCommitMs: number;
  readonly head: number;
  /** What the database takes on disk; with PostgreSQL the server's own figure, and no log beside it. */
  readonly fileBytes: number;
  readonly walBytes: number;
  /** The last transaction that failed for the database's own sake, such as a full disk; since it was away last. */
  readonly failure?: { readonly problem: Problem; readonly time: Wall };
}

export interface Store {
  /** The term under which this process writes: higher than that of every master before. */
  readonly term: number;
  /** Why every call and query is answered with code 24 at present; only PostgreSQL may be away and come back. */
  readonly away: Problem | undefined;
  /** Where the database is; undefined for one in memory. */
  readonly place: Place | undefined;
  /**
   * Runs `module.procedure` as one transaction and gives its answer once that is durable. Input and answer are JSON.
   * Rejects with `CsmError`: what the procedure threw; 11 unknown procedure; 13 at once when the queue is full; 24
   * when the database cannot work; 25 for any other exception; 5 when the procedure took too long.
   *
   * A 24 means that nothing was changed. On PostgreSQL the connection may end during COMMIT, when nobody is left to
   * ask what became of it: such a call is answered when the database is back and can tell. Only when this store is
   * closed or deposed before that is the answer a 24 that leaves it open, in words.
   */
  call<O>(procedure: string, input: unknown, options?: CallOptions): Promise<O>;
  /** Reads committed data; changes nothing. `$1`, `$2` … stand for `params`. */
  query<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[], options?: QueryOptions): Promise<Row[]>;
  /**
   * As `query`, where each row is one text: gives them to `take` in pages, where the engine can while later ones are yet to
   * be read; all as of one moment. Resolves behind the last. Rejects also behind pages that were given; what `take` throws
   * ends it.
   */
  texts(
    sql: Sql,
    params: readonly SqlValue[],
    take: (texts: readonly string[]) => void,
    options?: QueryOptions,
  ): Promise<void>;
  readonly changes: Changes;
  /** Starts delivery to a follower; its cursor is stored, so that delivery goes on where it was after a restart. */
  deliver(follower: Follower): Delivery;
  /** Removes a follower's stored cursor, so that it no longer holds changes back from pruning. */
  forgetFollower(name: string): Promise<void>;
  stats(): Promise<StoreStats>;
  /** Resolves when the store is closed: undefined after `close()`, else the problem it died of. Never rejects. */
  readonly closed: Promise<Problem | undefined>;
  /** Refuses new calls, finishes those waiting, stops deliveries, and frees the lock. */
  close(): Promise<void>;
}

/** Bounds; each may be set, all have a default. */
export interface StoreLimits {
  /** Calls waiting or running. Beyond it a call is refused at once. Lower: earlier refusals; higher: more memory. */
  readonly queueCalls: number;
  /** Characters of their inputs, as JSON. */
  readonly queueBytes: number;
  /** Calls in one transaction. Higher: fewer syncs of the disk per call, later answers for the first of them. */
  readonly batchCalls: number;
  readonly batchBytes: number;
  /** After so many milliseconds no further call joins the transaction. */
  readonly batchMs: number;
  /** Milliseconds one procedure may take. It holds up all others, so this is a stop for mistakes, not a budget. */
  readonly procedureMs: number;
  /** Queries waiting or running. */
  readonly queries: number;
  /** Characters and bytes of one query's rows. */
  readonly queryBytes: number;
  /** Milliseconds one query may take. */
  readonly queryMs: number;
  /** The database file may not grow past this; changes that need more are refused with code 24. 0: no bound. SQLite. */
  readonly fileBytes: number;
}

export const DEFAULT_LIMITS: StoreLimits = Object.freeze({
  queueCalls: 10_000,
  queueBytes: 64 * 1024 * 1024,
  batchCalls: 512,
  batchBytes: 4 * 1024 * 1024,
  batchMs: 20,
  procedureMs: 10_000,
  queries: 1_000,
  queryBytes: 32 * 1024 * 1024,
  queryMs: 5_000,
  fileBytes: 0,
});

/** What all ways to open a store take. */
export interface CommonOptions {
  /** Name of this master's node, for the leader row. Default: the host's name. */
  readonly master?: string;
  readonly limits?: Partial<StoreLimits>;
  /** The clock transactions get their time from. Default: the system's. */
  readonly clock?: () => Wall;
  /** Random numbers in [0, 1) for pauses. Default: Math.random. */
  readonly random?: () => number;
  /** Told what went wrong behind the scenes (a failed delivery, a listener that threw). Default: a process warning. */
  readonly onFault?: (where: string, problem: Problem) => void;
}
