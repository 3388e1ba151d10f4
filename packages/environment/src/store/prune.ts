/**
 * Retention, one slice a call: first what is too old, samples before hourly before daily figures; then, while all
 * together takes more than allowed, the oldest samples, then the oldest hourly, then the oldest daily figures. Then
 * faults nobody told again and lists of names no row has any more.
 */
import type { Tx } from '@csm/store';
import { forgetFaults } from './faults.ts';
import { type KeepTimes, oldestKept } from './keep.ts';
import { DAY_MS, GRAINS, type Grain, SAMPLE, slotBase, slotEnd } from './slot.ts';
import { grainById, rowBytes } from './volume.ts';

export interface Keep extends KeepTimes {
  /** All of it may take so much. */
  readonly bytes: number;
}

export interface PruneResult {
  readonly deleted: number;
  /** Another call has work. */
  readonly more: boolean;
  /** What was deleted was not too old, but too much: of this grain, from this moment. */
  readonly squeezed: { readonly grain: Grain['name']; readonly from: number } | null;
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
  readonly length: number;
}

/** Procedure: one slice. */
export async function prune(tx: Tx, keep: Keep): Promise<PruneResult> {
  const victim = (await tooOld(tx, keep)) ?? (await tooMuch(tx, keep));
  if (victim === undefined) {
    await forgetFaults(tx);
    const deleted = await forgetLayouts(tx, keep);
    return { deleted, more: deleted === SLICE_LAYOUTS, squeezed: null };
  }
  const deleted = await slice(tx, victim);
  const { grain, bucket, squeezed } = victim;
  return { deleted, more: true, squeezed: squeezed ? { grain: grain.name, from: bucket * grain.spanMs } : null };
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
  const names = await tx.get<{ bytes: number | null }>('SELECT sum(bytes) AS bytes FROM env_layout');
  if ((figures?.bytes ?? 0) + (names?.bytes ?? 0) <= bytes) return undefined;
  const row = await tx.get<{ grain: number; bucket: number; item: number }>(
    'SELECT grain, bucket, item FROM env_volume ORDER BY grain, bucket, item LIMIT 1',
  );
  const grain = row === undefined ? undefined : grainById(row.grain);
  return row === undefined || grain === undefined ? undefined : { ...row, grain, squeezed: true };
}

async function slice(tx: Tx, victim: Victim): Promise<number> {
  const { grain, bucket, item } = victim;
  const range = [slotBase(item, bucket), slotEnd(item, bucket)];
  const ms = grain === SAMPLE ? 'ms' : '0 AS ms';
  const keys = await tx.all<Key>(
    `SELECT slot, ${ms}, length(figures) AS length FROM ${grain.table} WHERE slot >= $1 AND slot < $2
     ORDER BY slot${grain === SAMPLE ? ', ms' : ''} LIMIT ${SLICE_ROWS}`,
    range,
  );
  let characters = 0;
  let count = 0;
  let bytes = 0;
  for (const { length } of keys) {
    if (count > 0 && characters + length > SLICE_CHARACTERS) break;
    characters += length;
    bytes += rowBytes(length);
    count += 1;
  }
  const last = keys[count - 1];
  if (last !== undefined) {
    const upTo = grain === SAMPLE ? '(slot, ms) <= ($2, $3)' : 'slot <= $2';
    await tx.run(
      `DELETE FROM ${grain.table} WHERE slot >= $1 AND ${upTo}`,
      grain === SAMPLE ? [range[0] ?? 0, last.slot, last.ms] : [range[0] ?? 0, last.slot],
    );
  }
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

/** Lists of names whose last row has gone, by the day they were last used. */
async function forgetLayouts(tx: Tx, keep: KeepTimes): Promise<number> {
  const longest = Math.max(keep.samples, keep.hourly, keep.daily);
  const before = Math.floor((tx.now - longest) / DAY_MS) - 1;
  const { changes } = await tx.run(
    `DELETE FROM env_layout WHERE id IN (SELECT id FROM env_layout WHERE used < $1 ORDER BY id LIMIT ${SLICE_LAYOUTS})`,
    [before],
  );
  return changes;
}
