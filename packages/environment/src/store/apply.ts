/**
 * Reports of rounds into the tables. The cursor of their stream lets each in once; here they are only added up. What is
 * no sample at all is rejected whole; an item that cannot be stored (see refusal.ts) is left out and noted as a fault
 * of the item, and the rest of its report is stored.
 */
import type { Wall } from '@csm/model';
import type { ReportApplier, ReportItem, Tx } from '@csm/store';
import type { Item, Values } from '../items.ts';
import { readSample, type SampleBody } from '../report.ts';
import { noteFaults, type Said } from './faults.ts';
import { compact, VALUE_MAX } from './figures.ts';
import { isTooOld, type Keep, type KeepTimes, oldestUseful, readKeep } from './keep.ts';
import { type Layout, Layouts, type Origin } from './layouts.ts';
import { Refusal } from './refusal.ts';
import { type Add, Rollups } from './rollups.ts';
import {
  bucketOf,
  DAILY,
  HOUR_MS,
  HOURLY,
  ITEM_ID,
  NODE_ID_MAX,
  SAMPLE,
  seriesOf,
  slotBase,
  TIME_MAX,
} from './slot.ts';
import { rowBytes, VolumeChanges } from './volume.ts';

/** How far a node's clock may be ahead of the master's. */
export const AHEAD_MAX_MS = HOUR_MS;

/** Writes a batch of reports. Throws an `Error` that names what is wrong; the store then finds the culprit. */
export const samples: ReportApplier = async (tx, items) => {
  const keep = await readKeep(tx);
  const bodies = items.map((item) => checkReport(item, tx.now, keep));
  const round = new Batch(tx, keep);
  for (const [i, item] of items.entries()) await round.add(item, bodies[i] as SampleBody);
  await round.write();
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

/**
 * Whether what a node says of `time` is news after what it said of `stored`. A clock that was ahead and is right again
 * must not hide what follows: what is stored as newest and still to come gives way to whatever arrives.
 */
const isNews = (time: number, stored: number, now: Wall): boolean => time >= stored || stored > now;

/** A sample's names as they came, sorted, and where each value of it stood. */
interface Arrangement {
  readonly names: readonly string[];
  readonly order: readonly number[];
}

/** One call's reports. */
class Batch {
  readonly #tx: Tx;
  readonly #keep: KeepTimes;
  readonly #layouts: Layouts;
  readonly #nodes = new Map<string, number>();
  readonly #arrangements = new Map<string, Arrangement>();
  readonly #rollups: Rollups;
  readonly #volumes = new VolumeChanges();
  readonly #latest = new Map<number, Wall>();

  constructor(tx: Tx, keep: Keep) {
    this.#tx = tx;
    this.#keep = keep;
    this.#layouts = new Layouts(tx, keep.bytes);
    this.#rollups = new Rollups(tx, this.#layouts);
  }

  async add({ node, time }: ReportItem, body: SampleBody): Promise<void> {
    const id = await this.#nodeId(node);
    const said = new Map<number, Said>();
    const { parts = {}, absent = [] } = body;
    for (const item of absent) said.set(ITEM_ID[item], 'sound');
    for (const [name, reason] of Object.entries(parts)) said.set(ITEM_ID[name as Item], { part: true, reason });
    for (const [name, reason] of Object.entries(body.failed) as [Item, string][]) {
      const item = ITEM_ID[name];
      // What is older than the newest values is news no more.
      if (isNews(time, await this.#newest(id, item), this.#tx.now)) said.set(item, { part: false, reason });
    }
    // Whoever gave values has not failed, whatever else is said.
    for (const [name, values] of Object.entries(body.items) as [Item, Values][]) {
      if (Object.keys(values).length === 0) continue;
      const origin = { node: id, nodeName: node, item: name, itemId: ITEM_ID[name] };
      const part = parts[name];
      const sound: Said = part === undefined ? 'sound' : { part: true, reason: part };
      const refused = await this.#addItem(origin, time, values);
      said.set(origin.itemId, refused === undefined ? sound : { part: false, reason: `not stored: ${refused}` });
    }
    await noteFaults(this.#tx, id, time, said);
  }

  async write(): Promise<void> {
    const tx = this.#tx;
    await this.#rollups.write(this.#volumes);
    await this.#layouts.write();
    await this.#volumes.write(tx);
    for (const [series, time] of this.#latest) {
      await tx.run(
        `INSERT INTO env_latest (series, time) VALUES ($1, $2)
         ON CONFLICT (series) DO UPDATE SET time = excluded.time
           WHERE env_latest.time < excluded.time OR env_latest.time > $3`,
        [series, time, tx.now],
      );
    }
  }

  /** Gives why the item was refused: nothing of it is stored then. */
  async #addItem(origin: Origin, time: Wall, values: Values): Promise<string | undefined> {
    try {
      await this.#store(origin, time, values);
      return undefined;
    } catch (thrown) {
      if (thrown instanceof Refusal) return thrown.message;
      throw thrown;
    }
  }

  /** First all that may be refused, then what is written. */
  async #store(origin: Origin, time: Wall, values: Values): Promise<void> {
    const hour = bucketOf(SAMPLE, time);
    const { names, order } = this.#arrange(values);
    const given = Object.values(values);
    const numbers = order.map((at) => compact(given[at] as number));
    const adds: Add[] = [];
    for (const grain of [HOURLY, DAILY]) {
      const bucket = bucketOf(grain, time);
      if (isTooOld(grain, bucket, this.#tx.now, this.#keep)) continue;
      const slot = slotBase(origin.itemId, bucket) + origin.node;
      adds.push(await this.#rollups.plan(grain, slot, bucket, origin, { names, values: numbers }));
    }
    const layout = await this.#layouts.of(names, origin);
    const kept = !isTooOld(SAMPLE, hour, this.#tx.now, this.#keep);
    // A node that tells one moment twice (two buckets with the same item) is believed the first time.
    if (kept && !(await this.#keepSample(origin, hour, time, layout, numbers))) return;
    for (const add of adds) add(layout);
    const series = seriesOf(origin.itemId, origin.node);
    if (isNews(time, this.#latest.get(series) ?? 0, this.#tx.now)) this.#latest.set(series, time);
  }

  async #keepSample(
    { node, itemId }: Origin,
    hour: number,
    time: Wall,
    layout: Layout,
    numbers: readonly number[],
  ): Promise<boolean> {
    const figures = JSON.stringify(numbers);
    const { changes } = await this.#tx.run(
      'INSERT INTO env_sample (slot, ms, layout, figures) VALUES ($1, $2, $3, $4) ON CONFLICT (slot, ms) DO NOTHING',
      [slotBase(itemId, hour) + node, time - hour * HOUR_MS, layout.id, figures],
    );
    if (changes === 0) return false;
    this.#layouts.use(layout.id, 1);
    this.#volumes.add(SAMPLE, hour, itemId, 1, rowBytes(figures.length));
    return true;
  }

  #arrange(values: Values): Arrangement {
    const given = Object.keys(values);
    const key = given.join('\n');
    let known = this.#arrangements.get(key);
    if (known === undefined) {
      const order = given.map((_, at) => at).sort((a, b) => ((given[a] as string) < (given[b] as string) ? -1 : 1));
      known = { order, names: order.map((at) => given[at] as string) };
      this.#arrangements.set(key, known);
    }
    return known;
  }

  async #nodeId(name: string): Promise<number> {
    const known = this.#nodes.get(name);
    if (known !== undefined) return known;
    const row = await this.#tx.get<{ id: number }>('SELECT id FROM env_node WHERE node_name = $1', [name]);
    const id = row?.id ?? (await this.#addNode(name));
    this.#nodes.set(name, id);
    return id;
  }

  async #addNode(name: string): Promise<number> {
    const last = await this.#tx.get<{ id: number | null }>('SELECT max(id) AS id FROM env_node');
    const id = (last?.id ?? 0) + 1;
    if (id > NODE_ID_MAX) throw new Error(`${name} would be node ${id}, at most ${NODE_ID_MAX} can have samples`);
    await this.#tx.run('INSERT INTO env_node (id, node_name) VALUES ($1, $2)', [id, name]);
    return id;
  }

  /** When an item of a node last gave values, in this call or before. */
  async #newest(node: number, item: number): Promise<number> {
    const series = seriesOf(item, node);
    const here = this.#latest.get(series);
    if (here !== undefined) return here;
    const row = await this.#tx.get<{ time: number }>('SELECT time FROM env_latest WHERE series = $1', [series]);
    return row?.time ?? 0;
  }
}
