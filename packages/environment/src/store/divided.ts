/**
 * Samples and rollups as PostgreSQL keeps them: in partitions, each of one item and some hours or days. What a partition
 * spans follows how long its figures are kept, so that there are a few for each item, however long that is; spans are
 * powers of two, so that none reaches from one item into the next (see slot.ts). `env_use` knows which layouts the rows
 * of a partition have: with the partition they go together, and nobody ever counts rows.
 */
import {
  covers,
  gapAround,
  makePartition,
  type Partition,
  type Partitioned,
  partitionsOf,
  type Range,
  type RowSource,
  type Tx,
} from '@csm/store';
import { type KeepTimes, keepOf, readKeep } from './keep.ts';
import { BUCKET_SLOTS, GRAINS, type Grain, itemOfSlot, SAMPLE, slotBase } from './slot.ts';

/** Rows of rollups are changed again and again: with some room on its page a row stays there. */
const ROLLUP_FILL = 70;

/** Into how many partitions the time is cut that figures are kept, at least, and buckets of one, at most. */
const PARTS = 4;
const SPAN_MAX = 4_096;

/** Buckets of a new partition: the largest power of two that is no more than a quarter of what is kept. */
export function spanFor(grain: Grain, keep: KeepTimes): number {
  const buckets = Math.min(SPAN_MAX, Math.max(1, Math.floor(keepOf(grain, keep) / grain.spanMs / PARTS)));
  return 2 ** Math.floor(Math.log2(buckets));
}

const tableOf = (grain: Grain, keep: KeepTimes): Partitioned => ({
  table: grain.table,
  column: 'slot',
  span: spanFor(grain, keep) * BUCKET_SLOTS,
  ...(grain === SAMPLE ? {} : { fill: ROLLUP_FILL }),
});

const tablesOf = (keep: KeepTimes): Partitioned[] => GRAINS.map((grain) => tableOf(grain, keep));

/** The tables, for whoever fills them by other ways than reports, with as many partitions as reports would make. */
export const partitioned = async (source: RowSource): Promise<readonly Partitioned[]> =>
  tablesOf(await readKeep(source));

/** Slots of an item from the span that holds a bucket. */
function slotsOf(itemId: number, bucket: number, span: number): Range {
  const first = Math.floor(bucket / span) * span;
  return { from: slotBase(itemId, first), to: slotBase(itemId, first + span) };
}

/** A partition of figures, in terms of what it holds. */
export interface Part {
  readonly grain: Grain;
  readonly itemId: number;
  /** Its first bucket, and the first that is no longer its own. */
  readonly from: number;
  readonly to: number;
  readonly partition: Partition;
}

/** One call's view of the partitions. */
export class Divided {
  readonly #tx: Tx;
  readonly #keep: KeepTimes;
  readonly #there: ReadonlyMap<Grain, Partition[]>;
  /** Found before: by grain, item and bucket the first slot of the partition. */
  readonly #lower = new Map<string, number>();

  private constructor(tx: Tx, keep: KeepTimes, all: readonly Partition[]) {
    this.#tx = tx;
    this.#keep = keep;
    this.#there = new Map(GRAINS.map((grain) => [grain, all.filter(({ table }) => table === grain.table)]));
  }

  /** Undefined on SQLite, where tables are whole. */
  static async open(tx: Tx, keep: KeepTimes): Promise<Divided | undefined> {
    const all = await partitionsOf(tx, tablesOf(keep));
    return all === undefined ? undefined : new Divided(tx, keep, all);
  }

  /** The first slot of the partition of a bucket, which is made when there is none. */
  async room(grain: Grain, itemId: number, bucket: number): Promise<number> {
    const key = `${grain.id} ${itemId} ${bucket}`;
    const known =
      this.#lower.get(key) ?? this.#find(grain, itemId, bucket)?.from ?? (await this.#make(grain, itemId, bucket));
    this.#lower.set(key, known);
    return known;
  }

  /** All of them, in the order they go: by grain, then the oldest first. */
  parts(): readonly Part[] {
    return [...this.#there].flatMap(([grain, partitions]) =>
      partitions.map((partition) => partOf(grain, partition)).sort((a, b) => a.from - b.from || a.itemId - b.itemId),
    );
  }

  partWith(grain: Grain, itemId: number, bucket: number): Part | undefined {
    const found = this.#find(grain, itemId, bucket);
    return found === undefined ? undefined : partOf(grain, found);
  }

  /** Makes, ahead of time, at most so many of the partitions that are needed next; gives how many. */
  async makeAhead(most: number): Promise<number> {
    let made = 0;
    for (const [grain, partitions] of this.#there) {
      // An item that has had no values for a span is not waited for.
      const since = Math.floor(this.#tx.now / grain.spanMs);
      const next = since + spanFor(grain, this.#keep);
      const items = new Set(partitions.map((one) => partOf(grain, one)).flatMap((p) => (p.to > since ? p.itemId : [])));
      for (const itemId of items) {
        if (made === most) return made;
        if (this.#find(grain, itemId, next) !== undefined) continue;
        await this.#make(grain, itemId, next);
        made += 1;
      }
    }
    return made;
  }

  #find(grain: Grain, itemId: number, bucket: number): Partition | undefined {
    const slot = slotBase(itemId, bucket);
    return this.#there.get(grain)?.find((one) => covers(one, slot));
  }

  async #make(grain: Grain, itemId: number, bucket: number): Promise<number> {
    const there = this.#there.get(grain) ?? [];
    const slot = slotBase(itemId, bucket);
    const gap = gapAround(there, slot, slotsOf(itemId, bucket, spanFor(grain, this.#keep)));
    if (gap === undefined) return slot;
    const made = await makePartition(this.#tx, tableOf(grain, this.#keep), gap);
    there.push(made);
    return made.from;
  }
}

function partOf(grain: Grain, partition: Partition): Part {
  const itemId = itemOfSlot(partition.from);
  const bucket = (slot: number): number => (slot - slotBase(itemId, 0)) / BUCKET_SLOTS;
  return { grain, itemId, from: bucket(partition.from), to: bucket(partition.to), partition };
}
