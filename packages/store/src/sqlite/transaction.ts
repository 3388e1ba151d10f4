/** The `Tx` of SQLite: the statements of one procedure within the writer's open transaction. */
import { code, fail, type Wall } from '@csm/model';
import { changeText, INSERT_CHANGE } from '../core.ts';
import type { SqlRow, SqlValue, Tx } from '../module.ts';
import type { Connection } from './connection.ts';

export class SqliteTx implements Tx {
  readonly now: Wall;
  /** Whether rows of `change` were added here or within. */
  changed = false;
  readonly #db: Connection;
  readonly #parent: SqliteTx | undefined;
  readonly #depth: number;
  #state: 'open' | 'inner' | 'over' = 'open';

  constructor(db: Connection, now: Wall, parent?: SqliteTx) {
    this.#db = db;
    this.now = now;
    this.#parent = parent;
    this.#depth = parent === undefined ? 0 : parent.#depth + 1;
  }

  /**
   * From here on every use, of attempts within it too, is refused: a promise that was left running must not write
   * into another transaction.
   */
  end(): void {
    this.#state = 'over';
  }

  get #over(): boolean {
    if (this.#state === 'over' || this.#parent === undefined) return this.#state === 'over';
    return this.#parent.#over;
  }

  async all<Row = SqlRow>(sql: string, params?: readonly SqlValue[]): Promise<Row[]> {
    this.#check();
    return this.#db.all(sql, params) as Row[];
  }

  async get<Row = SqlRow>(sql: string, params?: readonly SqlValue[]): Promise<Row | undefined> {
    this.#check();
    return this.#db.get(sql, params) as Row | undefined;
  }

  async run(sql: string, params?: readonly SqlValue[]): Promise<{ readonly changes: number }> {
    this.#check();
    return this.#db.run(sql, params);
  }

  async change(kind: string, subject: string, body: unknown): Promise<number> {
    this.#check();
    const row = this.#db.get(INSERT_CHANGE, [this.now, kind, subject, changeText(kind, subject, body)]);
    this.changed = true;
    return (row as { readonly seq: number }).seq;
  }

  async attempt<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    this.#check();
    const point = `attempt_${this.#depth}`;
    const inner = new SqliteTx(this.#db, this.now, this);
    this.#db.exec(`SAVEPOINT ${point}`);
    this.#state = 'inner';
    try {
      const value = await work(inner);
      this.#leave(inner);
      this.#db.exec(`RELEASE ${point}`);
      this.changed ||= inner.changed;
      return value;
    } catch (thrown) {
      this.#leave(inner);
      // After a fault of the database the savepoint may be gone; the writer undoes everything then.
      if (this.#db.fault === undefined && this.#db.inTransaction) {
        this.#db.exec(`ROLLBACK TO ${point}`);
        this.#db.exec(`RELEASE ${point}`);
      }
      throw thrown;
    }
  }

  /** Ends an inner transaction. Throws when this one ended meanwhile: nothing more may be done then. */
  #leave(inner: SqliteTx): void {
    inner.end();
    if (this.#over) this.#check();
    this.#state = 'open';
  }

  #check(): void {
    const over = this.#over;
    if (this.#state === 'open' && !over) return;
    const why = over
      ? 'a transaction was used after its procedure had ended'
      : 'a transaction was used while an attempt within it was running';
    fail(code.BAD_STATE, why, { allowed: 'await every use of tx, and use only the inner tx within an attempt' });
  }
}
