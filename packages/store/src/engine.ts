/**
 * What stands behind a store: something that runs batches of calls and answers queries. Three exist, SQLite in
 * threads, SQLite in the caller's thread, and PostgreSQL; the shell in front of them (queue, subscriptions, delivery)
 * is the same.
 */
import type { Problem } from '@csm/model';
import type { Sql, SqlRow, SqlValue } from './module.ts';

/** A call on its way to the writer. Input and output travel as JSON text: cheap to post, and its size is known. */
export interface CallText {
  readonly id: number;
  readonly procedure: string;
  readonly input: string;
  readonly now: number;
}

export type Answer =
  | { readonly kind: 'done'; readonly id: number; readonly output: string }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: Problem };

/** What one transaction came to; told only after its commit. */
export interface Committed {
  readonly answers: readonly Answer[];
  /** The newest change, when this commit may have made some. */
  readonly head: number | undefined;
  /** Milliseconds of COMMIT; undefined when there was none. */
  readonly commitMs: number | undefined;
}

export interface QueryText {
  readonly sql: Sql;
  readonly params: readonly SqlValue[];
  readonly limit: number;
}

/** Told by an engine whose database may be away and come back. */
export interface EngineWatcher {
  /** From here on everything is answered with this problem, at once. */
  away(problem: Problem): void;
  /** It works again. `head` is the newest change: the outcome of a COMMIT nobody answered shows here. */
  back(head: number): void;
}

export interface Engine {
  /** The term under which it was opened. */
  readonly term: number;
  /** The procedures it can run, as `module.procedure`. */
  readonly procedures: readonly string[];
  /** The newest change at the opening. */
  readonly head: number;
  /**
   * Runs calls in order, in one transaction or several; tells of each commit. Resolves when all are answered.
   * One batch at a time. Rejects when the engine is dead.
   */
  write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void>;
  read(query: QueryText): Promise<SqlRow[]>;
  /**
   * The texts of a query that gives one a row, to `take` in pages as they are read; each page in a turn of its own, so
   * that what is made of it leaves before the next comes. An engine without this has all rows at once.
   */
  texts?(query: QueryText, take: (texts: readonly string[]) => void): Promise<void>;
  sizes(): Promise<{ readonly fileBytes: number; readonly walBytes: number }>;
  /** Resolves with the reason when the engine dies by itself; not at `close`. */
  readonly died: Promise<Problem>;
  /** Why the database cannot be reached at present; an engine without this has its database in its own process. */
  readonly away?: Problem | undefined;
  /** At most one watcher. */
  watch?(watcher: EngineWatcher): void;
  /** After the last write has resolved. */
  close(): Promise<void>;
}
