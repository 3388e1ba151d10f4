/**
 * Where a row stands: item, hour or day, and node in one integer of at most 47 bits. Rows of one item and hour lie side
 * by side, nodes in order within, so that one node's day is 24 short reads, all nodes of an hour are one range, and
 * what has grown too old goes range by range. One integer also keeps the rollups in an ordinary SQLite table, which
 * holds rows of up to 4 KiB on one page; a table ordered by several columns would spill all above 1 KiB.
 */
import type { Wall } from '@csm/model';
import { ITEMS, type Item } from '../items.ts';

/** Numbers that stand in the database: one never changes, nor is used again. At most 63. */
export const ITEM_ID: Readonly<Record<Item, number>> = {
  cpu: 1,
  memory: 2,
  network: 3,
  disk: 4,
  gpu: 5,
  temperature: 6,
  power: 7,
  ssd: 8,
  infiniband: 9,
  filesystem: 10,
};

/** The item of such a number; undefined for one of a later build. */
export const itemOf = (id: number): Item | undefined => ITEMS.find((item) => ITEM_ID[item] === id);

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** How fine figures are: what was sampled, or rolled up by the hour or the day. Samples are kept by the hour too. */
export interface Grain {
  /** Stands in the database. */
  readonly id: 0 | 1 | 2;
  readonly name: 'sample' | 'hourly' | 'daily';
  readonly table: 'env_sample' | 'env_hourly' | 'env_daily';
  /** Length of a bucket. */
  readonly spanMs: number;
}

export const SAMPLE: Grain = { id: 0, name: 'sample', table: 'env_sample', spanMs: HOUR_MS };
export const HOURLY: Grain = { id: 1, name: 'hourly', table: 'env_hourly', spanMs: HOUR_MS };
export const DAILY: Grain = { id: 2, name: 'daily', table: 'env_daily', spanMs: DAY_MS };
export const GRAINS: readonly Grain[] = [SAMPLE, HOURLY, DAILY];

const NODES = 2 ** 20;
const BUCKETS = 2 ** 21;
/** Slots of one item and bucket, one a node. */
export const BUCKET_SLOTS = NODES;
/** Node ids go from 1 to this. */
export const NODE_ID_MAX = NODES - 1;
/** Hours from 1970 into the year 2209. */
export const TIME_MAX = BUCKETS * HOUR_MS - 1;

/** Which bucket of a grain a moment lies in: hours or days since 1970, UTC. */
export const bucketOf = (grain: Grain, time: number): number => Math.floor(time / grain.spanMs);

/** The slot before the first node's of this item and bucket; add a node's id. */
export const slotBase = (itemId: number, bucket: number): number => (itemId * BUCKETS + bucket) * NODES;

/** The first slot that no longer belongs to this item and bucket. */
export const slotEnd = (itemId: number, bucket: number): number => slotBase(itemId, bucket) + NODES;

/** The number of the item a slot is of. */
export const itemOfSlot = (slot: number): number => Math.floor(slot / (BUCKETS * NODES));

export const nodeOfSlot = (slot: number): number => slot % NODES;

/** Key of what there is once for a node and item. */
export const seriesOf = (itemId: number, node: number): number => itemId * NODES + node;

export const fromSeries = (series: number): { readonly item: number; readonly node: number } => ({
  item: Math.floor(series / NODES),
  node: series % NODES,
});

/** Whether all of a bucket is older than what is kept. */
export const isExpired = (grain: Grain, bucket: number, now: Wall, keepMs: number): boolean =>
  (bucket + 1) * grain.spanMs <= now - keepMs;
