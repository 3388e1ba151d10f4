/**
 * Pages of the tables. Each page is bounded in rows and found by the key it begins behind, so that however much a
 * query covers, little of it is in memory, and the database's reader serves others in between.
 */
import { CsmError, code, type Wall } from '@csm/model';
import type { SqlValue, Store } from '@csm/store';
import { decodeTallies, type Tally } from '../store/figures.ts';
import { oldestKept, queryKeep } from '../store/keep.ts';
import { BUCKET_SLOTS, type Grain, HOUR_MS, nodeOfSlot, SAMPLE, seriesOf, slotBase } from '../store/slot.ts';
import { LISTED_MAX, lists, padded, placeholders } from './nodes.ts';

/** Rows of the first page, and at most of any: the length of the last page's rows tells how many the next has. */
const FIRST_ROWS = 64;
const PAGE_ROWS = 1000;
/** Characters of figures in a page, about, and those that are read before others have their turn: some milliseconds. */
const PAGE_CHARACTERS = 512 * 1024;
const TURN_CHARACTERS = 128 * 1024;
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
  /** Names beyond those of the layout. */
  readonly extra?: string | null;
}

interface Asked {
  readonly sql: string;
  /** Values of the statement, for a page of so many rows behind a node and moment. */
  readonly params: (last: { readonly node: number; readonly ms: number }, limit: number) => SqlValue[];
  readonly nodes: ReadonlySet<number>;
}

export class Rows {
  readonly #store: Store;
  readonly #nodesTotal: number;
  readonly #layouts = new Map<number, readonly string[]>();
  #pageRows = FIRST_ROWS;

  /** `nodesTotal`: how many nodes have samples. */
  constructor(store: Store, nodesTotal: number) {
    this.#store = store;
    this.#nodesTotal = nodesTotal;
  }

  /** Samples of a cut. By list of nodes; within one by node, then time. */
  async *samples(cut: Cut): AsyncGenerator<readonly SampleRow[]> {
    const base = slotBase(cut.itemId, cut.bucket);
    const begin = cut.bucket * HOUR_MS;
    const from = Math.max(0, cut.since - begin);
    const to = Math.min(HOUR_MS, cut.until - begin);
    for (const list of this.#lists(cut.nodes)) {
      const sql = `SELECT s.slot, s.ms, s.layout, 1 AS samples, s.figures FROM env_node n CROSS JOIN env_sample s
        WHERE s.slot = $1 + n.id AND s.ms >= $2 AND s.ms < $3
          AND n.id >= $4 AND (n.id > $4 OR (n.id = $4 AND s.ms > $5))${where(list, 7)}
        ORDER BY n.id, s.ms LIMIT $6`;
      const params: Asked['params'] = ({ node, ms }, limit) => [base, from, to, node, ms, limit, ...values(list)];
      for await (const raws of this.#pages({ sql, params, nodes: cut.nodes })) {
        yield raws.map(({ raw, node, names }) => ({ node, time: begin + raw.ms, names, values: numbers(raw) }));
      }
    }
  }

  /** Rollups of a cut. By list of nodes; within one by node. */
  async *rollups(grain: Grain, cut: Cut): AsyncGenerator<readonly RollupRow[]> {
    const base = slotBase(cut.itemId, cut.bucket);
    const time = cut.bucket * grain.spanMs;
    for (const list of this.#lists(cut.nodes)) {
      const sql = `SELECT s.slot, 0 AS ms, s.layout, s.samples, s.figures, s.extra
        FROM env_node n CROSS JOIN ${grain.table} s
        WHERE s.slot = $1 + n.id AND n.id > $2${where(list, 4)} ORDER BY n.id LIMIT $3`;
      const params: Asked['params'] = ({ node }, limit) => [base, node, limit, ...values(list)];
      for await (const raws of this.#pages({ sql, params, nodes: cut.nodes })) {
        yield raws.map(({ raw, node, names }) => {
          return { node, time, names, tallies: decodeTallies(raw.figures, raw.samples) };
        });
      }
    }
  }

  /** The buckets of a grain that have rows, from `first` to `last`, with how many; not what is only still there. */
  async buckets(grain: Grain, itemId: number, first: number, last: number, now: Wall): Promise<Bucket[]> {
    const kept = oldestKept(grain, now, await queryKeep(this.#store));
    return this.#store.query<Bucket>(
      `SELECT bucket, row_count AS "rows", byte_count AS bytes FROM env_volume
       WHERE grain = $1 AND item = $2 AND bucket >= $3 AND bucket <= $4 ORDER BY bucket`,
      [grain.id, itemId, Math.max(first, kept), last],
      { limit: 200_000 },
    );
  }

  /** The newest sample of each node of an item, in pages. */
  async *newest(itemId: number, nodes: ReadonlySet<number>, now: Wall): AsyncGenerator<readonly SampleRow[]> {
    const since = oldestKept(SAMPLE, now, await queryKeep(this.#store)) * HOUR_MS;
    for (const list of this.#lists(nodes)) {
      const sql = `SELECT s.slot, l.time AS ms, s.layout, 1 AS samples, s.figures
        FROM env_node n CROSS JOIN env_latest l CROSS JOIN env_sample s
        WHERE l.series = $1 + n.id AND n.id > $2 AND l.time >= $5${where(list, 6)}
          AND s.slot = $3 + (l.time / ${HOUR_MS}) * ${BUCKET_SLOTS} + n.id AND s.ms = l.time % ${HOUR_MS}
        ORDER BY n.id LIMIT $4`;
      const first = [seriesOf(itemId, 0), slotBase(itemId, 0)] as const;
      const params: Asked['params'] = ({ node }, limit) => [first[0], node, first[1], limit, since, ...values(list)];
      for await (const raws of this.#pages({ sql, params, nodes })) {
        yield raws.map(({ raw, node, names }) => ({ node, time: raw.ms, names, values: numbers(raw) }));
      }
    }
  }

  /** The first moment from which on a grain of an item is whole: nothing of it was removed, or never let in. */
  async wholeFrom(grain: Grain, itemId: number, now: Wall): Promise<number> {
    const sql = 'SELECT bucket FROM env_gone WHERE grain = $1 AND item = $2';
    const [gone] = await this.#store.query<{ bucket: number }>(sql, [grain.id, itemId]);
    const kept = oldestKept(grain, now, await queryKeep(this.#store));
    return Math.max(kept, gone === undefined ? 0 : gone.bucket + 1) * grain.spanMs;
  }

  /**
   * A few nodes stand in the statement. Of so many that most rows are theirs all rows are read, and theirs are picked.
   */
  #lists(nodes: ReadonlySet<number>): readonly (readonly number[] | undefined)[] {
    if (nodes.size > LISTED_MAX && nodes.size * 2 > this.#nodesTotal) return [undefined];
    return lists([...nodes].sort((a, b) => a - b));
  }

  /** Rows of the nodes with their names, in portions that are quickly worked through. */
  async *#pages({ sql, params, nodes }: Asked): AsyncGenerator<readonly Named[]> {
    for (let last = { node: 0, ms: -1 }; ; ) {
      const { page, ended } = await this.#page(sql, (limit) => params(last, limit));
      let portion: Named[] = [];
      let characters = 0;
      for (const raw of page) {
        last = { node: nodeOfSlot(raw.slot), ms: raw.ms };
        const names = nodes.has(last.node) ? await this.#names(raw) : undefined;
        if (names === undefined) continue;
        portion.push({ raw, node: last.node, names });
        characters += raw.figures.length;
        if (characters < TURN_CHARACTERS) continue;
        yield portion;
        portion = [];
        characters = 0;
        await new Promise((resolve) => setImmediate(resolve));
      }
      if (portion.length > 0) yield portion;
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
        const characters = page.reduce((sum, { figures }) => sum + figures.length, 1);
        const fitting = Math.floor((PAGE_CHARACTERS * page.length) / characters);
        if (page.length > 0) this.#pageRows = Math.max(1, Math.min(PAGE_ROWS, 4 * limit, fitting));
        return { page, ended: page.length < limit };
      } catch (thrown) {
        if (!(thrown instanceof CsmError) || thrown.code !== code.BUFFER_OVERFLOW || limit === 1) throw thrown;
        this.#pageRows = Math.ceil(limit / 8);
      }
    }
  }

  /** Undefined when retention has just taken the last row that named it. */
  async #names({ layout, extra }: Raw): Promise<readonly string[] | undefined> {
    const names = await this.#listOf(layout);
    return names === undefined || typeof extra !== 'string' ? names : [...names, ...(JSON.parse(extra) as string[])];
  }

  async #listOf(layout: number): Promise<readonly string[] | undefined> {
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

/** A row of a page, and the names of its figures. */
interface Named {
  readonly raw: Raw;
  readonly node: number;
  readonly names: readonly string[];
}

export interface Bucket {
  readonly bucket: number;
  readonly rows: number;
  readonly bytes: number;
}

const numbers = ({ figures }: Raw): number[] => JSON.parse(figures) as number[];

const where = (list: readonly number[] | undefined, from: number): string =>
  list === undefined ? '' : ` AND n.id IN (${placeholders(list, from)})`;

const values = (list: readonly number[] | undefined): SqlValue[] => (list === undefined ? [] : padded(list));
