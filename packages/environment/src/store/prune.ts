/**
 * Retention, one slice a call: first what is too old, samples before hourly before daily figures; then, while all
 * together takes more than allowed, the oldest samples, then the oldest hourly, then the oldest daily figures. Then
 * faults nobody told again and lists of names no row has any more. Names never cost figures (see room.ts).
 */
import type { Tx } from '@csm/store';
import { forgetFaults } from './faults.ts';
import { type Keep, type KeepTimes, oldestKept } from './keep.ts';
import { ALL_SERIES, addUses, forgetLayouts } from './layouts.ts';
import { namesPool } from './room.ts';
import { fromSeries, GRAINS, type Grain, SAMPLE, slotBase, slotEnd } from './slot.ts';
import { grainById, rowBytes } from './volume.ts';

export type { Keep } from './keep.ts';

export interface PruneResult {
  readonly deleted: number;
  /** Another call has work. */
  readonly more: boolean;
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

/** Rows of one slice; a few milliseconds. */
const SLICE_ROWS = 500;
/** Characters of one slice: a node with hundreds of disks has long rows. */
const SLICE_CHARACTERS = 512 * 1024;
const SLICE_LAYOUTS = 100;

interface Victim {
  readonly grain: Grain;
  readonly bucket: number;
  readonly item: number;
  readonly squeezed: boolean;
}

interface Key {
  readonly slot: number;
  readonly ms: number;
  readonly layout: number;
  readonly length: number;
}

/** Procedure: one slice. */
export async function prune(tx: Tx, keep: Keep): Promise<PruneResult> {
  const victim = (await tooOld(tx, keep)) ?? (await tooMuch(tx, keep));
  if (victim === undefined) {
    await forgetFaults(tx);
    const deleted = await forgetLayouts(tx, SLICE_LAYOUTS);
    return { deleted, more: deleted === SLICE_LAYOUTS, squeezed: null, names: await fullNames(tx, keep) };
  }
  const deleted = await slice(tx, victim);
  const { grain, bucket, squeezed } = victim;
  const from = squeezed ? { grain: grain.name, from: bucket * grain.spanMs } : null;
  return { deleted, more: true, squeezed: from, names: null };
}

async function tooOld(tx: Tx, keep: KeepTimes): Promise<Victim | undefined> {
  for (const grain of GRAINS) {
    const row = await tx.get<{ bucket: number; item: number }>(
      'SELECT bucket, item FROM env_volume WHERE grain = $1 AND bucket < $2 ORDER BY bucket, item LIMIT 1',
      [grain.id, oldestKept(grain, tx.now, keep)],
    );
    if (row !== undefined) return { grain, ...row, squeezed: false };
  }
  return undefined;
}

async function tooMuch(tx: Tx, { bytes }: Keep): Promise<Victim | undefined> {
  const figures = await tx.get<{ bytes: number | null }>('SELECT sum(byte_count) AS bytes FROM env_volume');
  if ((figures?.bytes ?? 0) <= bytes) return undefined;
  const row = await tx.get<{ grain: number; bucket: number; item: number }>(
    'SELECT grain, bucket, item FROM env_volume ORDER BY grain, bucket, item LIMIT 1',
  );
  const grain = row === undefined ? undefined : grainById(row.grain);
  return row === undefined || grain === undefined ? undefined : { ...row, grain, squeezed: true };
}

async function slice(tx: Tx, victim: Victim): Promise<number> {
  const { grain, bucket, item } = victim;
  const range = [slotBase(item, bucket), slotEnd(item, bucket)];
  const own = grain === SAMPLE ? 'ms, length(figures)' : '0 AS ms, length(figures) + coalesce(length(extra), 0)';
  const keys = await tx.all<Key>(
    `SELECT slot, layout, ${own} AS length FROM ${grain.table} WHERE slot >= $1 AND slot < $2
     ORDER BY slot${grain === SAMPLE ? ', ms' : ''} LIMIT ${SLICE_ROWS}`,
    range,
  );
  let characters = 0;
  let count = 0;
  let bytes = 0;
  const uses = new Map<number, number>();
  for (const { length, layout } of keys) {
    if (count > 0 && characters + length > SLICE_CHARACTERS) break;
    characters += length;
    bytes += rowBytes(length);
    count += 1;
    uses.set(layout, (uses.get(layout) ?? 0) - 1);
  }
  const last = keys[count - 1];
  if (last !== undefined) {
    const upTo = grain === SAMPLE ? '(slot, ms) <= ($2, $3)' : 'slot <= $2';
    await tx.run(
      `DELETE FROM ${grain.table} WHERE slot >= $1 AND ${upTo}`,
      grain === SAMPLE ? [range[0] ?? 0, last.slot, last.ms] : [range[0] ?? 0, last.slot],
    );
  }
  await addUses(tx, uses);
  await tx.run(
    `INSERT INTO env_gone (grain, item, bucket) VALUES ($1, $2, $3)
     ON CONFLICT (grain, item) DO UPDATE SET bucket = excluded.bucket WHERE env_gone.bucket < excluded.bucket`,
    [grain.id, item, bucket],
  );
  const where = 'WHERE grain = $1 AND bucket = $2 AND item = $3';
  if (count < SLICE_ROWS && count === keys.length) {
    await tx.run(`DELETE FROM env_volume ${where}`, [grain.id, bucket, item]);
  } else {
    await tx.run(`UPDATE env_volume SET row_count = row_count - $4, byte_count = byte_count - $5 ${where}`, [
      grain.id,
      bucket,
      item,
      count,
      bytes,
    ]);
  }
  return count;
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
