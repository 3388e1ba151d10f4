/** The `Tx` of both databases: the statements of one procedure within the writer's open transaction. */
import { CsmError, code, fail, type Wall } from '@csm/model';
import { halfwayWithin, isHalfway, makeRoomForChanges } from './change-table.ts';
import { changeText, INSERT_CHANGE, NEWEST_CHANGE } from './core.ts';
import { checkInsert, type Insert, type InsertOptions } from './insert.ts';
import type { NewChange, Sql, SqlRow, SqlValue, Tx } from './module.ts';

/** What a transaction needs of its connection. SQLite answers at once, PostgreSQL later; statements run in order. */
export interface TxConnection {
  all(sql: Sql, params?: readonly SqlValue[]): unknown[] | Promise<unknown[]>;
  get(sql: Sql, params?: readonly SqlValue[]): unknown;
  run(sql: Sql, params?: readonly SqlValue[]): { readonly changes: number } | Promise<{ readonly changes: number }>;
  /** At least one row. */
  insert(rows: Insert): { readonly changes: number } | Promise<{ readonly changes: number }>;
  /** Runs text of ours as it stands, one statement or several. */
  exec(sql: string): void | Promise<void>;
  /** The first failure of the database itself in this transaction: it cannot be committed any more. */
  readonly fault: CsmError | undefined;
  readonly inTransaction: boolean;
}

/** Changes in one statement: fewer than half a partition holds, so that none of them outruns the room that is made. */
const CHANGES_EACH = 10_000;

export class StoreTx implements Tx {
  readonly now: Wall;
  /** Whether rows of `change` were added here or within. */
  changed = false;
  readonly #db: TxConnection;
  readonly #parent: StoreTx | undefined;
  readonly #depth: number;
  readonly #clock: () => number;
  readonly #began: number;
  #state: 'open' | 'inner' | 'over' = 'open';
  #spoiled: CsmError | undefined;

  /** `clock` gives milliseconds that only rise. */
  constructor(db: TxConnection, now: Wall, parent?: StoreTx, clock: () => number = () => performance.now()) {
    this.#db = db;
    this.now = now;
    this.#parent = parent;
    this.#clock = clock;
    this.#began = parent === undefined ? clock() : parent.#began;
    this.#depth = parent === undefined ? 0 : parent.#depth + 1;
  }

  /**
   * From here on every use, of attempts within it too, is refused: a promise that was left running must not write
   * into another transaction.
   */
  end(): void {
    this.#state = 'over';
  }

  /** Throws what a statement was refused with, though the procedure has swallowed it. */
  checkWhole(): void {
    if (this.#spoiled !== undefined) throw this.#spoiled;
  }

  get #over(): boolean {
    if (this.#state === 'over' || this.#parent === undefined) return this.#state === 'over';
    return this.#parent.#over;
  }

  all<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[]): Promise<Row[]> {
    return this.#statement(() => this.#db.all(sql, params)) as Promise<Row[]>;
  }

  get<Row = SqlRow>(sql: Sql, params?: readonly SqlValue[]): Promise<Row | undefined> {
    return this.#statement(() => this.#db.get(sql, params)) as Promise<Row | undefined>;
  }

  run(sql: Sql, params?: readonly SqlValue[]): Promise<{ readonly changes: number }> {
    return this.#statement(() => this.#db.run(sql, params));
  }

  insert(
    table: string,
    columns: readonly string[],
    rows: readonly (readonly SqlValue[])[],
    options: InsertOptions = {},
  ): Promise<{ readonly changes: number }> {
    return this.#statement(() => {
      const checked = checkInsert(table, columns, rows, options);
      return rows.length === 0 ? { changes: 0 } : this.#db.insert(checked);
    });
  }

  async change(kind: string, subject: string, body: unknown): Promise<number> {
    this.#check();
    const values = [this.now, kind, subject, changeText(kind, subject, body)];
    const row = await this.#statement(() => this.#db.get(INSERT_CHANGE, values));
    this.changed = true;
    const { seq } = row as { readonly seq: number };
    if (isHalfway(seq)) await makeRoomForChanges(this, seq);
    return seq;
  }

  async changes(rows: readonly NewChange[]): Promise<number> {
    this.#check();
    const texts = rows.map(({ kind, subject, body }) => [kind, subject, changeText(kind, subject, body)] as const);
    const { head } = (await this.#statement(() => this.#db.get(NEWEST_CHANGE))) as { readonly head: number };
    for (let done = 0; done < texts.length; done += CHANGES_EACH) {
      const some = texts.slice(done, done + CHANGES_EACH);
      const first = head + 1 + done;
      await this.insert(
        'change',
        ['seq', 'time', 'kind', 'subject', 'body'],
        some.map((text, i) => [first + i, this.now, ...text]),
      );
      this.changed = true;
      const halfway = halfwayWithin(first, first + some.length - 1);
      if (halfway !== undefined) await makeRoomForChanges(this, halfway);
    }
    return head + 1;
  }

  spent(): number {
    return this.#clock() - this.#began;
  }

  async attempt<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.#check();
    const point = `attempt_${this.#depth}`;
    const inner = new StoreTx(this.#db, this.now, this, this.#clock);
    this.#state = 'inner';
    try {
      await this.#db.exec(`SAVEPOINT ${point}`);
      const value = await work(inner);
      inner.checkWhole();
      this.#leave(inner);
      await this.#db.exec(`RELEASE ${point}`);
      this.changed ||= inner.changed;
      return value;
    } catch (thrown) {
      this.#leave(inner);
      // After a fault of the database the savepoint may be gone; the writer undoes everything then.
      if (this.#db.fault === undefined && this.#db.inTransaction) {
        await this.#db.exec(`ROLLBACK TO ${point}; RELEASE ${point}`);
      }
      throw thrown;
    }
  }

  async #statement<T>(work: () => T | Promise<T>): Promise<T> {
    this.#check();
    try {
      return await work();
    } catch (thrown) {
      // One that was not even sent, for its placeholders or values, has spoiled nothing.
      if (thrown instanceof CsmError && thrown.code !== code.INVALID_PARAMETER) this.#spoiled ??= thrown;
      throw thrown;
    }
  }

  /** Ends an inner transaction. Throws when this one ended meanwhile: nothing more may be done then. */
  #leave(inner: StoreTx): void {
    inner.end();
    if (this.#over) this.#check();
    this.#state = 'open';
  }

  #check(): void {
    const over = this.#over;
    if (this.#state === 'open' && !over) {
      this.checkWhole();
      return;
    }
    const why = over
      ? 'a transaction was used after its procedure had ended'
      : 'a transaction was used while an attempt within it was running';
    fail(code.BAD_STATE, why, { allowed: 'await every use of tx, and use only the inner tx within an attempt' });
  }
}
