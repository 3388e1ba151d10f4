/**
 * Reports of rounds into the tables. The cursor of their stream lets each in once; here they are only added up. What is
 * no sample at all is rejected whole; an item that cannot be stored (see refusal.ts) is left out and noted as a fault
 * of the item, and the rest of its report is stored.
 */
import type { Wall } from '@csm/model';
import { type Among, type ReportApplier, type ReportItem, rowsAmong, type Tx } from '@csm/store';
import type { Item, Values } from '../items.ts';
import { readSample, type SampleBody } from '../report.ts';
import { Divided } from './divided.ts';
import { Faults, type Said } from './faults.ts';
import { compact, VALUE_MAX } from './figures.ts';
import { isTooOld, type Keep, type KeepTimes, oldestUseful, readKeep } from './keep.ts';
import { isNews, Latest } from './latest.ts';
import { Layouts, type NameList, nameList, type Origin } from './layouts.ts';
import { nodeIds } from './nodes.ts';
import { inParts } from './parts.ts';
import { Refusal } from './refusal.ts';
import { type Add, Rollups } from './rollups.ts';
import { bucketOf, DAILY, HOUR_MS, HOURLY, ITEM_ID, SAMPLE, seriesOf, slotBase, TIME_MAX } from './slot.ts';
import { rowBytes, VolumeChanges } from './volume.ts';

/** How far a node's clock may be ahead of the master's. */
export const AHEAD_MAX_MS = HOUR_MS;

/**
 * How many are read, added up and written at once on SQLite, where a statement costs hardly more than its rows: what few
 * reports touch is garbage while it is young, which saves a tenth of the processor's time of 500 at once.
 */
const FEW_REPORTS = 32;

/** Writes a batch of reports. Throws an `Error` that names what is wrong; the store then finds the culprit. */
export const samples: ReportApplier = async (tx, items) => {
  const keep = await readKeep(tx);
  const divided = await Divided.open(tx, keep);
  const most = divided === undefined ? FEW_REPORTS : items.length;
  for (let at = 0; at < items.length; at += most) {
    const some = items.slice(at, at + most);
    const bodies = some.map((item) => checkReport(item, tx.now, keep));
    await new Batch(tx, keep, divided).apply(some, bodies);
  }
};

/** The body of a report that may be stored. */
function checkReport({ time, body }: ReportItem, now: Wall, keep: KeepTimes): SampleBody {
  const shown = (ms: number): string => (Math.abs(ms) <= TIME_MAX ? new Date(ms).toISOString() : `${ms} ms`);
  if (time > now + AHEAD_MAX_MS || time > TIME_MAX)
    throw new Error(
      `the sample's time ${shown(time)} is more than 1 h ahead of the master's ${shown(now)}; check the clocks`,
    );
  const oldest = oldestUseful(now, keep);
  if (time < oldest)
    throw new Error(`the sample's time ${shown(time)} is older than ${shown(oldest)}, from when on figures are kept`);
  const sample = readSample(body);
  for (const [item, values] of Object.entries(sample.items)) {
    for (const [name, value] of Object.entries(values)) {
      if (Math.abs(value) > VALUE_MAX)
        throw new Error(`items.${item}.${name} is ${value}, which is not within ±${VALUE_MAX}`);
    }
  }
  return sample;
}

/** A sample's names as they came, sorted, and where each value of it stood. */
interface Arrangement {
  readonly list: NameList;
  readonly order: readonly number[];
}

/** One item of a report, and where its sample stands. */
interface Sample {
  readonly origin: Origin;
  readonly time: Wall;
  readonly series: number;
  readonly hour: number;
  readonly slot: number;
  readonly list: NameList;
  readonly numbers: readonly number[];
}

/** A row of `env_sample`. */
interface SampleRow {
  readonly slot: number;
  readonly ms: number;
  readonly layout: number;
  readonly figures: string;
}

/** One report. */
interface Told {
  readonly node: number;
  readonly time: Wall;
  readonly body: SampleBody;
  readonly samples: readonly Sample[];
}

/** One call's reports: all they touch is read at once, added up here, and written at once. */
class Batch {
  readonly #tx: Tx;
  readonly #keep: KeepTimes;
  readonly #layouts: Layouts;
  readonly #arrangements = new Map<string, Arrangement>();
  readonly #divided: Divided | undefined;
  readonly #rollups: Rollups;
  readonly #volumes = new VolumeChanges();
  readonly #latest: Latest;
  readonly #faults: Faults;
  /** Moments of which there is a sample, by `momentOf`. */
  readonly #moments = new Set<string>();
  #rows: SampleRow[] = [];

  constructor(tx: Tx, keep: Keep, divided: Divided | undefined) {
    this.#tx = tx;
    this.#keep = keep;
    this.#layouts = new Layouts(tx, keep.bytes);
    this.#divided = divided;
    this.#rollups = new Rollups(tx, this.#layouts, divided);
    this.#latest = new Latest(tx);
    this.#faults = new Faults(tx);
  }

  async apply(items: readonly ReportItem[], bodies: readonly SampleBody[]): Promise<void> {
    const ids = await nodeIds(
      this.#tx,
      items.map(({ node }) => node),
    );
    const all = items.map((item, i) => this.#read(item, bodies[i] as SampleBody, ids.get(item.node) ?? 0));
    await this.#load(all);
    for (const told of all) await this.#add(told);
    await this.#write();
  }

  #read({ node: nodeName, time }: ReportItem, body: SampleBody, node: number): Told {
    const samples: Sample[] = [];
    for (const [name, values] of Object.entries(body.items) as [Item, Values][]) {
      const given = Object.values(values);
      if (given.length === 0) continue;
      const itemId = ITEM_ID[name];
      const { list, order } = this.#arrange(values);
      const hour = bucketOf(SAMPLE, time);
      samples.push({
        origin: { node, nodeName, item: name, itemId },
        time,
        series: seriesOf(itemId, node),
        hour,
        slot: slotBase(itemId, hour) + node,
        list,
        numbers: order.map((at) => compact(given[at] as number)),
      });
    }
    return { node, time, body, samples };
  }

  async #load(all: readonly Told[]): Promise<void> {
    const samples = all.flatMap((told) => told.samples);
    await this.#layouts.loadNames(new Set(samples.map(({ list }) => list)));
    for (const grain of [HOURLY, DAILY]) {
      const slots = samples.map(({ origin, time }) => slotBase(origin.itemId, bucketOf(grain, time)) + origin.node);
      await this.#rollups.load(grain, slots);
    }
    for (const part of inParts(samples)) {
      const rows = await rowsAmong<{ slot: number; ms: number }>(
        this.#tx,
        SAMPLE_KEY,
        part.map(({ slot, hour, time }) => [slot, time - hour * HOUR_MS]),
      );
      for (const { slot, ms } of rows) this.#moments.add(momentOf(slot, ms));
    }
    const failed = all.flatMap(({ node, body }) => Object.keys(body.failed).map((name) => [node, name] as const));
    await this.#latest.load([
      ...samples.map(({ series }) => series),
      ...failed.map(([node, name]) => seriesOf(ITEM_ID[name as Item], node)),
    ]);
    await this.#faults.load(all.map(({ node }) => node));
  }

  async #add({ node, time, body, samples }: Told): Promise<void> {
    const said = new Map<number, Said>();
    const { parts = {}, absent = [] } = body;
    for (const item of absent) said.set(ITEM_ID[item], 'sound');
    for (const [name, reason] of Object.entries(parts)) said.set(ITEM_ID[name as Item], { part: true, reason });
    for (const [name, reason] of Object.entries(body.failed) as [Item, string][]) {
      const item = ITEM_ID[name];
      // What is older than the newest values is news no more.
      if (isNews(time, this.#latest.of(seriesOf(item, node)), this.#tx.now)) said.set(item, { part: false, reason });
    }
    // Whoever gave values has not failed, whatever else is said.
    for (const sample of samples) {
      const { item, itemId } = sample.origin;
      const part = parts[item as Item];
      const sound: Said = part === undefined ? 'sound' : { part: true, reason: part };
      const refused = await this.#addItem(sample);
      said.set(itemId, refused === undefined ? sound : { part: false, reason: `not stored: ${refused}` });
    }
    this.#faults.note(node, time, said);
  }

  async #write(): Promise<void> {
    await this.#flush();
    await this.#rollups.write(this.#volumes);
    await this.#layouts.write();
    await this.#volumes.write(this.#tx);
    await this.#latest.write();
    await this.#faults.write();
  }

  /** Gives why the item was refused: nothing of it is stored then. */
  async #addItem(sample: Sample): Promise<string | undefined> {
    try {
      await this.#store(sample);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.message;
      throw thrown;
    }
  }

  /** First all that may be refused, then what is written. */
  async #store({ origin, time, series, hour, slot, list, numbers }: Sample): Promise<void> {
    const { now } = this.#tx;
    const adds: Add[] = [];
    for (const grain of [HOURLY, DAILY]) {
      const bucket = bucketOf(grain, time);
      if (isTooOld(grain, bucket, now, this.#keep)) continue;
      const at = slotBase(origin.itemId, bucket) + origin.node;
      adds.push(this.#rollups.plan(grain, at, bucket, origin, { names: list.names, values: numbers }));
    }
    const layout = await this.#layouts.of(list, origin);
    if (!isTooOld(SAMPLE, hour, now, this.#keep)) {
      const ms = time - hour * HOUR_MS;
      // A node that tells one moment twice (two buckets with the same item) is believed the first time.
      const moment = momentOf(slot, ms);
      if (this.#moments.has(moment)) return;
      this.#moments.add(moment);
      const figures = JSON.stringify(numbers);
      this.#rows.push({ slot, ms, layout: layout.id, figures });
      this.#layouts.use(layout.id, SAMPLE, await this.#divided?.room(SAMPLE, origin.itemId, hour));
      this.#volumes.add(SAMPLE, hour, origin.itemId, 1, rowBytes(figures.length));
    }
    for (const add of adds) add(layout);
    this.#latest.note(series, time);
  }

  async #flush(): Promise<void> {
    // In the order of the table, so that what lies close together is written together.
    this.#rows.sort((a, b) => a.slot - b.slot || a.ms - b.ms);
    for (const part of inParts(this.#rows)) {
      const rows = part.map(({ slot, ms, layout, figures }) => [slot, ms, layout, figures]);
      await this.#tx.insert('env_sample', ['slot', 'ms', 'layout', 'figures'], rows);
    }
    this.#rows = [];
  }

  #arrange(values: Values): Arrangement {
    const given = Object.keys(values);
    const key = given.join('\n');
    let known = this.#arrangements.get(key);
    if (known === undefined) {
      const order = given.map((_, at) => at).sort((a, b) => ((given[a] as string) < (given[b] as string) ? -1 : 1));
      known = { order, list: nameList(order.map((at) => given[at] as string)) };
      this.#arrangements.set(key, known);
    }
    return known;
  }
}

const SAMPLE_KEY: Among = {
  table: 'env_sample',
  columns: ['slot', 'ms'],
  key: [
    ['slot', 'BIGINT'],
    ['ms', 'BIGINT'],
  ],
};

const momentOf = (slot: number, ms: number): string => `${slot} ${ms}`;
