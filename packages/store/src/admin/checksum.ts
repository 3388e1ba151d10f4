/** A checksum of a table's rows that does not depend on their order: both databases must come to the same. */
import { createHash } from 'node:crypto';
import type { SqlRow, SqlValue } from '../module.ts';

const LANES = 4;

export class TableSum {
  readonly #columns: readonly string[];
  readonly #lanes = new Uint32Array(LANES);
  rows = 0;

  constructor(columns: readonly string[]) {
    this.#columns = [...columns].sort();
  }

  add(row: SqlRow): void {
    const text = JSON.stringify(this.#columns.map((column) => plain(row[column] ?? null)));
    const digest = createHash('sha256').update(text).digest();
    for (let lane = 0; lane < LANES; lane++) {
      // Sums wrap round within the lane.
      this.#lanes[lane] = (this.#lanes[lane] ?? 0) + digest.readUInt32LE(4 * lane);
    }
    this.rows += 1;
  }

  /** Hexadecimal digits. */
  get value(): string {
    return [...this.#lanes].map((lane) => lane.toString(16).padStart(8, '0')).join('');
  }
}

/** What tells a value from every other, as JSON has it. */
function plain(value: SqlValue): unknown {
  if (value instanceof Uint8Array) return { bytes: Buffer.from(value).toString('base64') };
  if (typeof value === 'number') return Number.isFinite(value) ? value : { number: String(value) };
  return typeof value === 'bigint' ? Number(value) : value;
}
