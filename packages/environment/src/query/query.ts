/**
 * `env.query`: which table answers it, and how it is cut into pieces that fit in memory. What is known of the volume of
 * each bucket tells how many rows a piece would have; empty times cost nothing.
 */
import type { CallContext } from '@csm/api';
import { code, fail, type Json, type Wall, wall } from '@csm/model';
import type { Store } from '@csm/store';
import type { Aggregate } from '../api.ts';
import type { Item } from '../items.ts';
import type { Tally } from '../store/figures.ts';
import { bucketOf, DAILY, type Grain, HOUR_MS, HOURLY, ITEM_ID, SAMPLE } from '../store/slot.ts';
import { SeenMetrics, type Selection, selection } from './metrics.ts';
import { type KnownNodes, knownNodes, LISTED_MAX } from './nodes.ts';
import { type Range, readRange } from './range.ts';
import { type Bucket, type RollupRow, Rows, type SampleRow } from './rows.ts';
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
/** Samples in one window when they go out as they are: they are sorted here. */
const WINDOW_ROWS = 4_000;
const WINDOW_MIN_MS = 1_000;
/** What a row counts for as one: of items with hundreds of values a row counts for several. */
const ROW_BYTES = 512;
/** Numbers held at a time; what would need more is done in smaller pieces, down to one step of one node. */
export const HELD_MAX = 2_000_000;

/** The coarsest table that can answer steps of this length. Step 0, and percentiles, need samples. */
export function grainFor(stepMs: number, agg: Aggregate): Grain {
  if (stepMs === 0 || agg === 'p95') return SAMPLE;
  return [DAILY, HOURLY].find((grain) => stepMs % grain.spanMs === 0) ?? SAMPLE;
}

/**
 * Streams the answer. Code 4 when nothing matches, 9 for an input that makes no sense, 30 when the percentile of a
 * single step of one node is of more than `heldMax` values.
 */
export async function query(
  store: Store,
  now: Wall,
  input: QueryInput,
  ctx: CallContext,
  heldMax: number = HELD_MAX,
): Promise<void> {
  const stepMs = (input.step ?? 0) * 1000;
  const range = readRange(input, stepMs, now);
  const select = selection(input.metrics);
  const known = await knownNodes(store, input.nodes);
  const rows = new Rows(store, known.total);
  const whole = stepMs === 0 ? range : await wholeSteps(rows, now, input, range, stepMs);
  const work = new Work(rows, now, input.item, known, whole, select, ctx, heldMax);
  if (stepMs === 0) await work.asSampled();
  else await work.inSteps(stepMs, input.agg ?? 'avg');
  if (work.emitted === 0) nothing(input, range, work.seen);
}

/** Without the steps of which some has been removed: they would be answered wrongly. Code 4 when none is left. */
async function wholeSteps(rows: Rows, now: Wall, input: QueryInput, range: Range, stepMs: number): Promise<Range> {
  const grain = grainFor(stepMs, input.agg ?? 'avg');
  const from = await rows.wholeFrom(grain, ITEM_ID[input.item], now);
  const since = Math.max(range.since, Math.ceil(from / stepMs) * stepMs);
  if (since < range.until) return { since: wall(since), until: range.until };
  const what = grain === SAMPLE ? 'samples' : `${grain.name} figures`;
  return fail(
    code.NO_RESULTS,
    `${what} of ${input.item}, which this is made from, reach back to ${new Date(from).toISOString()}; no whole step of ${stepMs / 1000} s before ${new Date(range.until).toISOString()} is left`,
    { field: 'since', allowed: 'later times, or whole hours or days with min, avg or max, which are kept longer' },
  );
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
  readonly #now: Wall;
  readonly #item: Item;
  readonly #itemId: number;
  readonly #range: Range;
  readonly #select: Selection;
  readonly #ctx: CallContext;
  readonly #rows: Rows;
  readonly #heldMax: number;
  /** What part of the rows is likely of the nodes asked for. */
  readonly #share: number;
  /** In natural order. */
  readonly #ids: readonly number[];
  readonly #names: ReadonlyMap<number, string>;
  readonly #ranks: ReadonlyMap<number, number>;
  /** For each list of names a row may have, those that are meant; one list is one object. */
  readonly #chosen = new WeakMap<readonly string[], readonly number[]>();

  constructor(
    rows: Rows,
    now: Wall,
    item: Item,
    { nodes, total }: KnownNodes,
    range: Range,
    select: Selection,
    ctx: CallContext,
    heldMax: number,
  ) {
    this.#now = now;
    this.#item = item;
    this.#itemId = ITEM_ID[item];
    this.#range = range;
    this.#select = select;
    this.#ctx = ctx;
    this.#rows = rows;
    this.#heldMax = heldMax;
    this.#share = nodes.length / total;
    this.#ids = nodes.map(({ id }) => id);
    this.#names = new Map(nodes.map(({ id, name }) => [id, name]));
    this.#ranks = new Map(nodes.map(({ id }, rank) => [id, rank]));
  }

  /** Samples as they are, by time, those of one moment by node. */
  async asSampled(): Promise<void> {
    const { since, until } = this.#range;
    const nodes = new Set(this.#ids);
    for (const of of await this.#buckets(SAMPLE)) {
      const { bucket } = of;
      const windows = Math.max(1, Math.ceil((weight(of) * this.#share) / WINDOW_ROWS));
      const windowMs = Math.max(WINDOW_MIN_MS, Math.ceil(HOUR_MS / windows));
      const end = Math.min(until, (bucket + 1) * HOUR_MS);
      for (let at = Math.max(since, bucket * HOUR_MS); at < end; at += windowMs) {
        const cut = { itemId: this.#itemId, bucket, since: at, until: Math.min(end, at + windowMs), nodes };
        const window: SampleRow[] = [];
        for await (const page of this.#rows.samples(cut)) {
          for (const row of page) window.push(row);
          this.#ctx.signal.throwIfAborted();
        }
        await this.#emitRows(window);
      }
    }
  }

  /** One item for each step and node. */
  async inSteps(stepMs: number, agg: Aggregate): Promise<void> {
    const grain = grainFor(stepMs, agg);
    const { until } = this.#range;
    const buckets = await this.#buckets(grain);
    const fold = new StepFold(stepMs, agg);
    let next = this.#range.since as number;
    for (let first = 0; first < buckets.length; ) {
      const of = buckets[first] as Bucket;
      const begin = Math.max(next, Math.floor((of.bucket * grain.spanMs) / stepMs) * stepMs);
      const perStep = Math.max(1, (weight(of) * this.#share * stepMs) / grain.spanMs);
      const steps = Math.max(1, Math.min(Math.floor(grain.spanMs / stepMs), Math.floor(PIECE_ROWS / perStep)));
      const end = Math.min(until, begin + steps * stepMs);
      const piece = buckets.filter((b) => b.bucket * grain.spanMs < end && (b.bucket + 1) * grain.spanMs > begin);
      await this.#window(grain, piece, { begin, end, stepMs }, fold);
      next = end;
      while (first < buckets.length && ((buckets[first] as Bucket).bucket + 1) * grain.spanMs <= next) first += 1;
      if (next >= until) return;
    }
  }

  /** Some whole steps of all nodes; when it is one step, of so many nodes at a time as fit. */
  async #window(grain: Grain, buckets: readonly Bucket[], span: Span, fold: StepFold): Promise<void> {
    let rows = 0;
    for (const b of buckets) {
      const begin = b.bucket * grain.spanMs;
      const part = (Math.min(span.end, begin + grain.spanMs) - Math.max(span.begin, begin)) / grain.spanMs;
      rows += weight(b) * this.#share * part;
    }
    const isOne = span.end - span.begin <= span.stepMs;
    const fitting = Math.max(1, Math.floor((this.#ids.length * PIECE_ROWS) / Math.max(1, rows)));
    // Parts so small that one statement can list them.
    const count = rows <= PIECE_ROWS || !isOne ? this.#ids.length : Math.min(LISTED_MAX, fitting);
    for (let at = 0; at < this.#ids.length; at += count) {
      await this.#fold(grain, buckets, span, this.#ids.slice(at, at + count), fold);
    }
  }

  /** Folds and sends a piece; one that turns out to hold too much is begun again as two. */
  async #fold(
    grain: Grain,
    buckets: readonly Bucket[],
    span: Span,
    ids: readonly number[],
    fold: StepFold,
  ): Promise<void> {
    if (await this.#read(grain, buckets, span, new Set(ids), fold)) {
      for (const { node, time, values } of fold.take(ids)) await this.#emit(node, time, values);
      return;
    }
    fold.clear();
    const { begin, end, stepMs } = span;
    const steps = Math.round((end - begin) / stepMs);
    if (steps > 1) {
      const middle = begin + Math.floor(steps / 2) * stepMs;
      await this.#fold(grain, buckets, { begin, end: middle, stepMs }, ids, fold);
      await this.#fold(grain, buckets, { begin: middle, end, stepMs }, ids, fold);
    } else if (ids.length > 1) {
      const middle = Math.ceil(ids.length / 2);
      await this.#fold(grain, buckets, span, ids.slice(0, middle), fold);
      await this.#fold(grain, buckets, span, ids.slice(middle), fold);
    } else this.#tooMuch(span, this.#names.get(ids[0] ?? 0) ?? '');
  }

  #tooMuch({ begin, stepMs }: Span, node: string): never {
    const what = `the step of ${stepMs / 1000} s at ${new Date(begin).toISOString()} has more than ${this.#heldMax} values of ${this.#item} of ${node}, which is all a query may hold at a time`;
    return fail(code.BUFFER_OVERFLOW, what, {
      field: 'step',
      allowed: 'a shorter step, or only some of the values (metrics)',
    });
  }

  /** Whether all fits: reading stops where it does not. */
  async #read(
    grain: Grain,
    buckets: readonly Bucket[],
    { begin: since, end: until }: Span,
    nodes: ReadonlySet<number>,
    fold: StepFold,
  ): Promise<boolean> {
    for (const { bucket } of buckets) {
      const cut = { itemId: this.#itemId, bucket, since, until, nodes };
      if ((bucket + 1) * grain.spanMs <= since || bucket * grain.spanMs >= until) continue;
      for await (const page of grain === SAMPLE ? this.#rows.samples(cut) : this.#rows.rollups(grain, cut)) {
        for (const row of page) this.#add(row, fold);
        if (fold.held > this.#heldMax) return false;
        this.#ctx.signal.throwIfAborted();
      }
    }
    return true;
  }

  #add(row: SampleRow | RollupRow, fold: StepFold): void {
    const { node, time, names } = row;
    for (const i of this.#choose(names)) {
      if ('values' in row) fold.addValue(node, time, names[i] ?? '', row.values[i] as number);
      else fold.addTally(node, time, names[i] ?? '', row.tallies[i] as Tally);
    }
  }

  async #emitRows(rows: SampleRow[]): Promise<void> {
    const rank = ({ node }: SampleRow): number => this.#ranks.get(node) ?? 0;
    rows.sort((a, b) => a.time - b.time || rank(a) - rank(b));
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
    return this.#rows.buckets(grain, this.#itemId, bucketOf(grain, since), bucketOf(grain, until - 1), this.#now);
  }
}

interface Span {
  readonly begin: number;
  readonly end: number;
  readonly stepMs: number;
}

/** Rows of a bucket, long ones counted as several. */
const weight = ({ rows, bytes }: Bucket): number => Math.max(rows, bytes / ROW_BYTES);
