/**
 * `env.query`: which table answers it, and how it is cut into pieces that fit in memory. What is known of the volume of
 * each bucket tells how many rows a piece would have; empty times cost nothing.
 */
import type { CallContext } from '@csm/api';
import { code, fail, type Json, type Wall } from '@csm/model';
import type { Store } from '@csm/store';
import type { Aggregate } from '../api.ts';
import type { Item } from '../items.ts';
import { bucketOf, DAILY, type Grain, HOUR_MS, HOURLY, ITEM_ID, SAMPLE } from '../store/slot.ts';
import { SeenMetrics, type Selection, selection } from './metrics.ts';
import { knownNodes, LISTED_MAX, type Node } from './nodes.ts';
import { type Range, readRange } from './range.ts';
import { type Bucket, type Cut, Rows, type SampleRow } from './rows.ts';
import { StepFold } from './step-fold.ts';

export interface QueryInput {
  readonly nodes?: string;
  readonly item: Item;
  readonly since?: string;
  readonly until?: string;
  /** Seconds. */
  readonly step?: number;
  readonly agg?: Aggregate;
  readonly metrics?: readonly string[];
}

/** Rows folded at a time, about: each becomes some kilobytes of numbers until its step is sent. */
const PIECE_ROWS = 6_000;
/** Samples in one window when they go out as they are: the database sorts them for each page. */
const WINDOW_ROWS = 4_000;
const WINDOW_MIN_MS = 1_000;

/** The coarsest table that can answer steps of this length. Step 0, and percentiles, need samples. */
export function grainFor(stepMs: number, agg: Aggregate): Grain {
  if (stepMs === 0 || agg === 'p95') return SAMPLE;
  return [DAILY, HOURLY].find((grain) => stepMs % grain.spanMs === 0) ?? SAMPLE;
}

/** Streams the answer. Code 4 when nothing matches, 9 for an input that makes no sense. */
export async function query(store: Store, now: Wall, input: QueryInput, ctx: CallContext): Promise<void> {
  const stepMs = (input.step ?? 0) * 1000;
  const range = readRange(input, stepMs, now);
  const select = selection(input.metrics);
  const nodes = await knownNodes(store, input.nodes);
  const work = new Work(store, input.item, nodes, range, select, ctx);
  if (stepMs === 0) await work.asSampled();
  else await work.inSteps(stepMs, input.agg ?? 'avg');
  if (work.emitted === 0) nothing(input, range, work.seen);
}

function nothing({ item, nodes, metrics }: QueryInput, { since, until }: Range, seen: SeenMetrics): never {
  if (seen.any) {
    fail(code.NO_RESULTS, `no value of ${item} is named '${(metrics ?? []).join(',').slice(0, 200)}'`, {
      field: 'metrics',
      allowed: `names such as ${seen.toString()}`,
    });
  }
  const when = `from ${new Date(since).toISOString()} to ${new Date(until).toISOString()}`;
  const whose = nodes === undefined ? 'any node' : `'${nodes.slice(0, 200)}'`;
  return fail(code.NO_RESULTS, `nothing is kept of ${item} of ${whose} ${when}`, { field: 'since' });
}

class Work {
  emitted = 0;
  readonly seen = new SeenMetrics();
  readonly #item: Item;
  readonly #itemId: number;
  readonly #range: Range;
  readonly #select: Selection;
  readonly #ctx: CallContext;
  readonly #rows: Rows;
  readonly #store: Store;
  /** In natural order. */
  readonly #ids: readonly number[];
  readonly #names: ReadonlyMap<number, string>;
  readonly #ranks: ReadonlyMap<number, number>;
  /** For each list of names a row may have, those that are meant; one list is one object. */
  readonly #chosen = new WeakMap<readonly string[], readonly number[]>();

  constructor(store: Store, item: Item, nodes: readonly Node[], range: Range, select: Selection, ctx: CallContext) {
    this.#item = item;
    this.#itemId = ITEM_ID[item];
    this.#range = range;
    this.#select = select;
    this.#ctx = ctx;
    this.#store = store;
    this.#rows = new Rows(store);
    this.#ids = nodes.map(({ id }) => id);
    this.#names = new Map(nodes.map(({ id, name }) => [id, name]));
    this.#ranks = new Map(nodes.map(({ id }, rank) => [id, rank]));
  }

  /** Samples as they are, by time, those of one moment by node. */
  async asSampled(): Promise<void> {
    const { since, until } = this.#range;
    const all = new Set(this.#ids);
    const share = await this.#share();
    for (const { bucket, rows } of await this.#buckets(SAMPLE)) {
      const windows = Math.max(1, Math.ceil((rows * share) / WINDOW_ROWS));
      const windowMs = Math.max(WINDOW_MIN_MS, Math.ceil(HOUR_MS / windows));
      const end = Math.min(until, (bucket + 1) * HOUR_MS);
      for (let at = Math.max(since, bucket * HOUR_MS); at < end; at += windowMs) {
        const cut = { itemId: this.#itemId, bucket, since: at, until: Math.min(end, at + windowMs), nodes: all };
        // Nodes that read in step with the clock read in the same millisecond: the natural order is ours to make.
        let moment: SampleRow[] = [];
        for await (const page of this.#rows.samples(cut, 'time')) {
          for (const row of page) {
            if (moment[0] !== undefined && moment[0].time !== row.time) {
              await this.#emitMoment(moment);
              moment = [];
            }
            moment.push(row);
          }
        }
        await this.#emitMoment(moment);
        this.#ctx.signal.throwIfAborted();
      }
    }
  }

  /** One item for each step and node. */
  async inSteps(stepMs: number, agg: Aggregate): Promise<void> {
    const grain = grainFor(stepMs, agg);
    const { until } = this.#range;
    const buckets = await this.#buckets(grain);
    const share = await this.#share();
    const fold = new StepFold(stepMs, agg);
    let next = this.#range.since as number;
    for (let first = 0; first < buckets.length; ) {
      const { bucket, rows } = buckets[first] as Bucket;
      const begin = Math.max(next, Math.floor((bucket * grain.spanMs) / stepMs) * stepMs);
      const perStep = Math.max(1, (rows * share * stepMs) / grain.spanMs);
      const steps = Math.max(1, Math.min(Math.floor(grain.spanMs / stepMs), Math.floor(PIECE_ROWS / perStep)));
      const end = Math.min(until, begin + steps * stepMs);
      const piece = buckets.filter((b) => b.bucket * grain.spanMs < end && (b.bucket + 1) * grain.spanMs > begin);
      await this.#window(grain, piece, begin, end, share, fold);
      next = end;
      while (first < buckets.length && ((buckets[first] as Bucket).bucket + 1) * grain.spanMs <= next) first += 1;
      if (next >= until) return;
    }
  }

  /** Some whole steps; of so many nodes at a time as fit. */
  async #window(
    grain: Grain,
    buckets: readonly Bucket[],
    since: number,
    until: number,
    share: number,
    fold: StepFold,
  ): Promise<void> {
    let rows = 0;
    for (const b of buckets) {
      const begin = b.bucket * grain.spanMs;
      const part = (Math.min(until, begin + grain.spanMs) - Math.max(since, begin)) / grain.spanMs;
      rows += b.rows * share * part;
    }
    // Parts so small that the statement can list them: from a longer list the database would read all for each part.
    const fitting = Math.max(1, Math.floor((this.#ids.length * PIECE_ROWS) / Math.max(1, rows)));
    const count = rows <= PIECE_ROWS ? this.#ids.length : Math.min(LISTED_MAX, fitting);
    for (let at = 0; at < this.#ids.length; at += count) {
      const ids = this.#ids.slice(at, at + count);
      const nodes = new Set(ids);
      for (const { bucket } of buckets) {
        await this.#read(grain, { itemId: this.#itemId, bucket, since, until, nodes }, fold);
        this.#ctx.signal.throwIfAborted();
      }
      for (const { node, time, values } of fold.take(ids)) await this.#emit(node, time, values);
    }
  }

  async #read(grain: Grain, cut: Cut, fold: StepFold): Promise<void> {
    if (grain === SAMPLE) {
      for await (const page of this.#rows.samples(cut, 'node')) {
        for (const { node, time, names, values } of page) {
          for (const i of this.#choose(names)) fold.addValue(node, time, names[i] ?? '', values[i] as number);
        }
      }
      return;
    }
    for await (const page of this.#rows.rollups(grain, cut)) {
      for (const { node, time, names, tallies } of page) {
        for (const i of this.#choose(names)) {
          const tally = tallies[i];
          if (tally !== undefined) fold.addTally(node, time, names[i] ?? '', tally);
        }
      }
    }
  }

  async #emitMoment(rows: SampleRow[]): Promise<void> {
    rows.sort((a, b) => (this.#ranks.get(a.node) ?? 0) - (this.#ranks.get(b.node) ?? 0));
    for (const { node, time, names, values } of rows) {
      const chosen = this.#choose(names).map((i) => [names[i] ?? '', values[i] as number]);
      if (chosen.length > 0) await this.#emit(node, time, Object.fromEntries(chosen));
    }
  }

  async #emit(node: number, time: number, values: Json): Promise<void> {
    this.emitted += 1;
    await this.#ctx.emit({
      node: this.#names.get(node) ?? '',
      item: this.#item,
      time: new Date(time).toISOString(),
      values,
    });
  }

  #choose(names: readonly string[]): readonly number[] {
    let chosen = this.#chosen.get(names);
    if (chosen === undefined) {
      this.seen.add(names);
      chosen = names.flatMap((name, i) => (this.#select(name) ? [i] : []));
      this.#chosen.set(names, chosen);
    }
    return chosen;
  }

  #buckets(grain: Grain): Promise<Bucket[]> {
    const { since, until } = this.#range;
    return this.#rows.buckets(grain, this.#itemId, bucketOf(grain, since), bucketOf(grain, until - 1));
  }

  /** What part of the rows is likely of the nodes asked for. */
  async #share(): Promise<number> {
    const [row] = await this.#store.query<{ n: number }>('SELECT count(*) AS n FROM env_node');
    return Math.min(1, this.#ids.length / Math.max(1, row?.n ?? 1));
  }
}
