/**
 * Retention, one slice a call: first what is too old, samples before hourly before daily figures; then, while all
 * together takes more than allowed, the oldest samples, then the oldest hourly, then the oldest daily figures. Then
 * faults nobody told again and lists of names no row has any more. Names never cost figures (see room.ts).
 *
 * Whole tables lose rows, a few milliseconds' worth a call; divided ones lose whole partitions, once all of one is too
 * old, or when it is the oldest and there is too much (see prune-partitions.ts).
 */
import type { Tx } from '@csm/store';
import { Divided } from './divided.ts';
import { forgetFaults } from './faults.ts';
import type { Keep } from './keep.ts';
import { ALL_SERIES, forgetLayouts } from './layouts.ts';
import { prunePartition } from './prune-partitions.ts';
import { pruneRows } from './prune-rows.ts';
import { namesPool } from './room.ts';
import { fromSeries, type Grain } from './slot.ts';

export type { Keep } from './keep.ts';

export interface PruneResult {
  readonly deleted: number;
  /** Another call has work. */
  readonly more: boolean;
  /** What is to go is being read at this moment, and nobody waits for it: ask again soon. */
  readonly busy: boolean;
  /** What was deleted was not too old, but too much: of this grain, from this moment. */
  readonly squeezed: { readonly grain: Grain['name']; readonly from: number } | null;
  /** Set, once all else is done, while names take all the room they have: who has brought most. */
  readonly names: NamesFull | null;
}

export interface NamesFull {
  readonly bytes: number;
  readonly pool: number;
  readonly node: string;
  readonly item: number;
}

/** What one call removed of the figures. */
export interface Pruned {
  readonly grain: Grain;
  /** The oldest bucket of it. */
  readonly bucket: number;
  readonly deleted: number;
  readonly squeezed: boolean;
}

const SLICE_LAYOUTS = 100;
/** Partitions made in one call. */
const SLICE_PARTITIONS = 4;

/** Procedure: one slice. */
export async function prune(tx: Tx, keep: Keep): Promise<PruneResult> {
  const divided = await Divided.open(tx, keep);
  const pruned = divided === undefined ? await pruneRows(tx, keep) : await prunePartition(tx, divided, keep);
  if (pruned !== undefined && pruned !== 'busy') {
    const { grain, bucket, deleted, squeezed } = pruned;
    const from = squeezed ? { grain: grain.name, from: bucket * grain.spanMs } : null;
    return { deleted, more: true, busy: false, squeezed: from, names: null };
  }
  const made = (await divided?.makeAhead(SLICE_PARTITIONS)) ?? 0;
  await forgetFaults(tx);
  const deleted = await forgetLayouts(tx, SLICE_LAYOUTS);
  const more = deleted === SLICE_LAYOUTS || made === SLICE_PARTITIONS;
  return { deleted, more, busy: pruned === 'busy', squeezed: null, names: await fullNames(tx, keep) };
}

async function fullNames(tx: Tx, keep: Keep): Promise<NamesFull | null> {
  const pool = namesPool(keep.bytes);
  const all = await tx.get<{ bytes: number }>('SELECT bytes FROM env_names WHERE series = $1', [ALL_SERIES]);
  if (all === undefined || all.bytes <= pool) return null;
  const most = await tx.get<{ series: number }>(
    'SELECT series FROM env_names WHERE series <> $1 ORDER BY bytes DESC, series LIMIT 1',
    [ALL_SERIES],
  );
  const { node, item } = fromSeries(most?.series ?? 0);
  const row = await tx.get<{ name: string }>('SELECT node_name AS name FROM env_node WHERE id = $1', [node]);
  return { bytes: all.bytes, pool, node: row?.name ?? '', item };
}
