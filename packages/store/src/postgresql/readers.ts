/**
 * The read-only connections: a few, opened when needed, each with one query at a time. Queries beyond them wait in
 * order; the shell bounds how many. One whose connection is lost fails, and the next opens another.
 */
import { CsmError, code, problem } from '@csm/model';
import type { QueryText } from '../engine.ts';
import type { SqlRow } from '../module.ts';
import { excerpt, textFor } from '../sql.ts';
import type { Connection } from './connection.ts';
import { isReadOnly } from './errors.ts';
import { tookTooLong } from './statement.ts';

export interface ReadersOptions {
  readonly size: number;
  readonly queryBytes: number;
  readonly queryMs: number;
  /** Opens another. Rejects with code 24, at once where the signal is aborted. */
  open(signal: AbortSignal): Promise<Connection>;
}

export class Readers {
  readonly #options: ReadersOptions;
  readonly #all = new Set<Connection>();
  #idle: Connection[] = [];
  #busy = 0;
  #waiting: (() => void)[] = [];
  #cutting = new AbortController();
  #closed = false;

  constructor(options: ReadersOptions) {
    this.#options = options;
  }

  async read({ sql, params, limit }: QueryText): Promise<SqlRow[]> {
    const { size, queryBytes, queryMs } = this.#options;
    const { signal } = this.#cutting;
    if (this.#busy >= size) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#busy += 1;
    let db: Connection | undefined;
    try {
      if (this.#closed) throw closed();
      db = await this.#take(signal);
      return await db.read(sql, params, { limit, bytes: queryBytes, ms: queryMs });
    } catch (thrown) {
      throw inWords(thrown, excerpt(textFor(sql, 'postgresql')), queryMs);
    } finally {
      if (db !== undefined && db.gone === undefined) this.#idle.push(db);
      // The place goes to the next in line, or is free.
      const next = this.#waiting.shift();
      if (next === undefined) this.#busy -= 1;
      else next();
    }
  }

  /** Ends all there are: what is asked or waits fails with this, and the next query opens another. */
  cut(why: CsmError): void {
    this.#cutting.abort(why);
    this.#cutting = new AbortController();
    for (const db of this.#all) db.cut(why);
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#all].map((db) => db.close()));
  }

  async #take(signal: AbortSignal): Promise<Connection> {
    signal.throwIfAborted();
    const ready = this.#idle.pop();
    if (ready !== undefined && ready.gone === undefined) return ready;
    // Where one was lost while idle, the others most likely were, too.
    this.#idle = this.#idle.filter((db) => db.gone === undefined);
    const db = this.#idle.pop() ?? (await this.#options.open(signal));
    this.#all.add(db);
    void db.ended.then(() => this.#all.delete(db));
    if (signal.aborted) db.cut(signal.reason as CsmError);
    if (!this.#closed) return db;
    await db.close();
    throw closed();
  }
}

function inWords(thrown: unknown, doing: string, queryMs: number): unknown {
  if (!(thrown instanceof CsmError)) return thrown;
  if (isReadOnly(thrown)) {
    const words = `a query may not change data: ${doing}`;
    return new CsmError(problem(code.DATABASE, words, { field: 'sql', allowed: 'SELECT' }), { cause: thrown.cause });
  }
  return thrown.code === code.TIMEOUT ? tookTooLong(queryMs) : thrown;
}

const closed = (): CsmError => new CsmError(problem(code.DATABASE_UNAVAILABLE, 'the store is closed'));
