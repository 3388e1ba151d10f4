/** Reports of rounds into the tables. The cursor of their stream lets each in once; here they are only added up. */
import { type Wall, wall } from '@csm/model';
import type { ReportApplier, ReportItem, Tx } from '@csm/store';
import type { Item, Values } from '../items.ts';
import { readSample, type SampleBody } from '../report.ts';
import { noteFaults } from './faults.ts';
import { compact, VALUE_MAX } from './figures.ts';
import { isTooOld, type KeepTimes, oldestUseful, readKeep } from './keep.ts';
import { type Layout, Layouts, type Origin } from './layouts.ts';
import { Rollups } from './rollups.ts';
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

/** A sample's names as they came → their sorted layout, and where each value of it stood. */
interface Arrangement {
  readonly layout: Layout;
  readonly order: readonly number[];
}

/** One call's reports. */
class Batch {
  readonly #tx: Tx;
  readonly #keep: KeepTimes;
  readonly #layouts: Layouts;
  readonly #nodes = new Map<string, number>();
  readonly #arrangements = new Map<string, Arrangement>();
  readonly #rollups = new Rollups();
  readonly #volumes = new VolumeChanges();
  readonly #latest = new Map<number, Wall>();

  constructor(tx: Tx, keep: KeepTimes) {
    this.#tx = tx;
    this.#keep = keep;
    this.#layouts = new Layouts(tx);
  }

  async add({ node, time }: ReportItem, body: SampleBody): Promise<void> {
    const id = await this.#nodeId(node);
    const gave: number[] = [];
    for (const [name, values] of Object.entries(body.items) as [Item, Values][]) {
      if (Object.keys(values).length === 0) continue;
      const origin = { node: id, nodeName: node, item: name, itemId: ITEM_ID[name] };
      await this.#addItem(origin, time, values);
      gave.push(origin.itemId);
    }
    const failed = new Map<number, string>();
    for (const [name, reason] of Object.entries(body.failed) as [Item, string][]) {
      const item = ITEM_ID[name];
      // Whoever gave values has not failed; and what is older than the newest values is news no more.
      if (!gave.includes(item) && (await this.#newest(id, item)) <= time) failed.set(item, reason);
    }
    await noteFaults(this.#tx, id, time, gave, failed);
  }

  async write(): Promise<void> {
    const tx = this.#tx;
    await this.#rollups.write(tx, this.#layouts, this.#volumes);
    await this.#volumes.write(tx);
    for (const [series, time] of this.#latest) {
      await tx.run(
        `INSERT INTO env_latest (series, time) VALUES ($1, $2)
         ON CONFLICT (series) DO UPDATE SET time = excluded.time WHERE env_latest.time < excluded.time`,
        [series, time],
      );
    }
  }

  async #addItem(origin: Origin, time: Wall, values: Values): Promise<void> {
    const hour = bucketOf(SAMPLE, time);
    const day = bucketOf(DAILY, time);
    const { layout, order } = await this.#arrange(values, day, origin);
    const given = Object.values(values);
    const numbers = order.map((at) => compact(given[at] as number));
    const kept = !isTooOld(SAMPLE, hour, this.#tx.now, this.#keep);
    // A node that tells one moment twice (two buckets with the same item) is believed the first time.
    if (kept && !(await this.#keepSample(origin, hour, time, layout, numbers))) return;
    for (const grain of [HOURLY, DAILY]) {
      const bucket = bucketOf(grain, time);
      if (isTooOld(grain, bucket, this.#tx.now, this.#keep)) continue;
      this.#rollups.add(grain, slotBase(origin.itemId, bucket) + origin.node, bucket, origin, layout.names, numbers);
    }
    const series = seriesOf(origin.itemId, origin.node);
    this.#latest.set(series, wall(Math.max(time, this.#latest.get(series) ?? 0)));
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
    if (changes > 0) this.#volumes.add(SAMPLE, hour, itemId, 1, rowBytes(figures.length));
    return changes > 0;
  }

  async #arrange(values: Values, day: number, origin: Origin): Promise<Arrangement> {
    const names = Object.keys(values);
    const key = `${day} ${names.join('\n')}`;
    let known = this.#arrangements.get(key);
    if (known === undefined) {
      const order = names.map((_, at) => at).sort((a, b) => ((names[a] as string) < (names[b] as string) ? -1 : 1));
      const sorted = order.map((at) => names[at] as string);
      known = { order, layout: await this.#layouts.of(sorted, day, origin) };
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
    const row = await this.#tx.get<{ time: number }>('SELECT time FROM env_latest WHERE series = $1', [series]);
    return Math.max(row?.time ?? 0, this.#latest.get(series) ?? 0);
  }
}
