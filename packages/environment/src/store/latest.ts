/** When each item of each node last gave values; one call's view of it. */
import type { Wall } from '@csm/model';
import { rowsAmong, type Tx } from '@csm/store';
import { inParts } from './parts.ts';

/**
 * Whether what a node says of `time` is news after what it said of `stored`. A clock that was ahead and is right again
 * must not hide what follows: what is stored as newest and still to come gives way to whatever arrives.
 */
export const isNews = (time: number, stored: number, now: Wall): boolean => time >= stored || stored > now;

export class Latest {
  readonly #tx: Tx;
  readonly #times = new Map<number, number>();
  readonly #changed = new Set<number>();

  constructor(tx: Tx) {
    this.#tx = tx;
  }

  /** Reads what is asked for later. */
  async load(series: Iterable<number>): Promise<void> {
    const rows = await rowsAmong<{ series: number; time: number }>(
      this.#tx,
      { table: 'env_latest', columns: ['series', 'time'], key: [['series', 'BIGINT']] },
      [...new Set(series)].map((of) => [of]),
    );
    for (const { series: of, time } of rows) this.#times.set(of, time);
  }

  /** 0 when there were none. */
  of(series: number): number {
    return this.#times.get(series) ?? 0;
  }

  note(series: number, time: Wall): void {
    const stored = this.of(series);
    if (time === stored || !isNews(time, stored, this.#tx.now)) return;
    this.#times.set(series, time);
    this.#changed.add(series);
  }

  async write(): Promise<void> {
    for (const part of inParts([...this.#changed])) {
      await this.#tx.insert(
        'env_latest',
        ['series', 'time'],
        part.map((series) => [series, this.of(series)]),
        { onConflict: '(series) DO UPDATE SET time = excluded.time' },
      );
    }
    this.#changed.clear();
  }
}
