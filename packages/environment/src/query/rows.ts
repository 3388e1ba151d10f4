/**
 * Pages of the tables. Each page is bounded in rows and found by the key it begins behind, so that however much a
 * query covers, little of it is in memory, and the database's reader serves others in between.
 */
import { CsmError, code } from '@csm/model';
import type { SqlValue, Store } from '@csm/store';
import { decodeTallies, type Tally } from '../store/figures.ts';
import { BUCKET_SLOTS, type Grain, HOUR_MS, nodeOfSlot, seriesOf, slotBase } from '../store/slot.ts';
import { LISTED_MAX, padded, placeholders } from './nodes.ts';

/** Rows of a page; fewer where rows are so long that a page would be more than the store gives. */
const PAGE_ROWS = 1000;
/** Names of layouts kept while a query runs. */
const LAYOUTS_MAX = 500;

/** One item's rows of some nodes in one bucket, from `since` up to but without `until`. */
export interface Cut {
  readonly itemId: number;
  readonly bucket: number;
  readonly since: number;
  readonly until: number;
  readonly nodes: ReadonlySet<number>;
}

export interface SampleRow {
  readonly node: number;
  readonly time: number;
  readonly names: readonly string[];
  readonly values: readonly number[];
}

export interface RollupRow {
  readonly node: number;
  /** The bucket's beginning. */
  readonly time: number;
  readonly names: readonly string[];
  readonly tallies: readonly Tally[];
}

interface Raw {
  readonly slot: number;
  readonly ms: number;
  readonly layout: number;
  readonly samples: number;
  readonly figures: string;
}

export class Rows {
  readonly #store: Store;
  readonly #layouts = new Map<number, readonly string[]>();
  #pageRows = PAGE_ROWS;

  constructor(store: Store) {
    this.#store = store;
  }

  /** Samples of a cut: by time, or by node and then time, which costs less. */
  async *samples(cut: Cut, by: 'time' | 'node'): AsyncGenerator<readonly SampleRow[]> {
    const base = slotBase(cut.itemId, cut.bucket);
    const begin = cut.bucket * HOUR_MS;
    const from = Math.max(0, cut.since - begin);
    const to = Math.min(HOUR_MS, cut.until - begin);
    const order = by === 'time' ? 's.ms, n.id' : 'n.id, s.ms';
    const behind =
      by === 'time'
        ? '(s.ms > $5 OR (s.ms = $5 AND n.id > $4))'
        : 'n.id >= $4 AND (n.id > $4 OR (n.id = $4 AND s.ms > $5))';
    const listed = listOf(cut.nodes, 7);
    const sql = `SELECT s.slot, s.ms, s.layout, 1 AS samples, s.figures FROM env_node n CROSS JOIN env_sample s
      WHERE s.slot = $1 + n.id AND s.ms >= $2 AND s.ms < $3 AND ${behind}${listed.where}
      ORDER BY ${order} LIMIT $6`;
    let last: readonly [node: number, ms: number] = by === 'time' ? [0, from - 1] : [0, -1];
    for (;;) {
      const { page, ended } = await this.#page(sql, (limit) => [base, from, to, ...last, limit, ...listed.values]);
      const rows: SampleRow[] = [];
      for (const { slot, ms, layout, figures } of page) {
        const node = nodeOfSlot(slot);
        last = [node, ms];
        const names = cut.nodes.has(node) ? await this.#names(layout) : undefined;
        if (names !== undefined) {
          rows.push({ node, time: begin + ms, names, values: JSON.parse(figures) as number[] });
        }
      }
      if (rows.length > 0) yield rows;
      if (ended) return;
    }
  }

  /** Rollups of a cut, by node. */
  async *rollups(grain: Grain, cut: Cut): AsyncGenerator<readonly RollupRow[]> {
    const base = slotBase(cut.itemId, cut.bucket);
    const listed = listOf(cut.nodes, 4);
    const sql = `SELECT s.slot, 0 AS ms, s.layout, s.samples, s.figures FROM env_node n CROSS JOIN ${grain.table} s
      WHERE s.slot = $1 + n.id AND n.id > $2${listed.where} ORDER BY n.id LIMIT $3`;
    for (let last = 0; ; ) {
      const { page, ended } = await this.#page(sql, (limit) => [base, last, limit, ...listed.values]);
      const rows: RollupRow[] = [];
      for (const { slot, layout, samples, figures } of page) {
        last = nodeOfSlot(slot);
        const names = cut.nodes.has(last) ? await this.#names(layout) : undefined;
        if (names !== undefined) {
          rows.push({
            node: last,
            time: cut.bucket * grain.spanMs,
            names,
            tallies: decodeTallies(figures, samples),
          });
        }
      }
      if (rows.length > 0) yield rows;
      if (ended) return;
    }
  }

  /** The buckets of a grain that have rows, from `first` to `last`, with how many. */
  async buckets(grain: Grain, itemId: number, first: number, last: number): Promise<Bucket[]> {
    return this.#store.query<Bucket>(
      `SELECT bucket, row_count AS rows FROM env_volume
       WHERE grain = $1 AND item = $2 AND bucket >= $3 AND bucket <= $4 ORDER BY bucket`,
      [grain.id, itemId, first, last],
      { limit: 200_000 },
    );
  }

  /** The newest sample of each node of an item, in pages. */
  async *newest(itemId: number, nodes: ReadonlySet<number>): AsyncGenerator<readonly SampleRow[]> {
    const listed = listOf(nodes, 5);
    const sql = `SELECT s.slot, l.time AS ms, s.layout, 1 AS samples, s.figures
      FROM env_node n CROSS JOIN env_latest l CROSS JOIN env_sample s
      WHERE l.series = $1 + n.id AND n.id > $2${listed.where}
        AND s.slot = $3 + (l.time / ${HOUR_MS}) * ${BUCKET_SLOTS} + n.id AND s.ms = l.time % ${HOUR_MS}
      ORDER BY n.id LIMIT $4`;
    for (let last = 0; ; ) {
      const { page, ended } = await this.#page(sql, (limit) => [
        seriesOf(itemId, 0),
        last,
        slotBase(itemId, 0),
        limit,
        ...listed.values,
      ]);
      const rows: SampleRow[] = [];
      for (const { slot, ms, layout, figures } of page) {
        last = nodeOfSlot(slot);
        const names = nodes.has(last) ? await this.#names(layout) : undefined;
        if (names !== undefined) {
          rows.push({ node: last, time: ms, names, values: JSON.parse(figures) as number[] });
        }
      }
      if (rows.length > 0) yield rows;
      if (ended) return;
    }
  }

  async #page(
    sql: string,
    params: (limit: number) => SqlValue[],
  ): Promise<{ readonly page: readonly Raw[]; readonly ended: boolean }> {
    for (;;) {
      const limit = this.#pageRows;
      try {
        const page = await this.#store.query<Raw>(sql, params(limit));
        return { page, ended: page.length < limit };
      } catch (thrown) {
        if (!(thrown instanceof CsmError) || thrown.code !== code.BUFFER_OVERFLOW || limit === 1) throw thrown;
        this.#pageRows = Math.ceil(limit / 8);
      }
    }
  }

  /** Undefined when retention has just taken the last row that named it. */
  async #names(layout: number): Promise<readonly string[] | undefined> {
    const known = this.#layouts.get(layout);
    if (known !== undefined) return known;
    const sql = 'SELECT names FROM env_layout WHERE id = $1';
    const [row] = await this.#store.query<{ names: string }>(sql, [layout]);
    if (row === undefined) return undefined;
    const names = JSON.parse(row.names) as string[];
    if (this.#layouts.size >= LAYOUTS_MAX) this.#layouts.clear();
    this.#layouts.set(layout, names);
    return names;
  }
}

export interface Bucket {
  readonly bucket: number;
  readonly rows: number;
}

/** A short list of nodes stands in the statement; of a long one the rows are picked here. */
function listOf(nodes: ReadonlySet<number>, from: number): { readonly where: string; readonly values: SqlValue[] } {
  if (nodes.size > LISTED_MAX) return { where: '', values: [] };
  const list = [...nodes];
  return { where: ` AND n.id IN (${placeholders(list, from)})`, values: padded(list) };
}
