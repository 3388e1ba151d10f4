/**
 * How much history a node may make: what a broken or forged node tells anew at every report must not fill the database.
 * What goes beyond is not written, but counted in the change that tells of the report.
 */
import type { Tx } from '@csm/store';

/** Rows of history, and serials found to be shared, of one node and one day (UTC): all parts of a large one exchanged make some hundred. */
export const ROWS_PER_DAY = 1000;

const DAY_MS = 86_400_000;

export class Budget {
  readonly #node: string;
  readonly #day: number;
  readonly #before: number;
  #taken: number;
  /** Rows for which none was left. */
  leftOut = 0;

  private constructor(node: string, day: number, taken: number) {
    this.#node = node;
    this.#day = day;
    this.#before = taken;
    this.#taken = taken;
  }

  static async open(tx: Tx, node: string): Promise<Budget> {
    const row = await tx.get<{ history_day: number | null; history_rows: number | null }>(
      'SELECT history_day, history_rows FROM node WHERE node_name = $1',
      [node],
    );
    const day = Math.floor(tx.now / DAY_MS);
    return new Budget(node, day, row?.history_day === day ? (row.history_rows ?? 0) : 0);
  }

  /** Whether one more may be written. */
  take(): boolean {
    if (this.#taken < ROWS_PER_DAY) {
      this.#taken += 1;
      return true;
    }
    this.leftOut += 1;
    return false;
  }

  async save(tx: Tx): Promise<void> {
    if (this.#taken === this.#before) return;
    await tx.run('UPDATE node SET history_day = $2, history_rows = $3 WHERE node_name = $1', [
      this.#node,
      this.#day,
      this.#taken,
    ]);
  }
}
