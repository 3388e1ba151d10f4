/** Retention row by row: those of one item and bucket go, in steps, until the time of a slice is up. */
import { inSlice, type Tx } from '@csm/store';
import type { Keep } from './keep.ts';
import { addUses } from './layouts.ts';
import type { Pruned } from './prune.ts';
import { SAMPLE, slotBase, slotEnd } from './slot.ts';
import { noteGone, tooMuch, tooOld, type Victim } from './victim.ts';
import { rowBytes } from './volume.ts';

interface Key {
  readonly slot: number;
  readonly ms: number;
  readonly layout: number;
  readonly length: number;
}

/** Where tables are whole. Undefined when nothing is too old or too much. */
export async function pruneRows(tx: Tx, keep: Keep): Promise<Pruned | undefined> {
  const old = await tooOld(tx, keep);
  const victim = old ?? (await tooMuch(tx, keep))[0];
  if (victim === undefined) return undefined;
  const { grain, bucket } = victim;
  const uses = new Map<number, number>();
  const deleted = await removeRows(tx, victim, uses);
  await addUses(tx, uses);
  return { grain, bucket, deleted, squeezed: old === undefined };
}

/**
 * One slice of the rows; gives how many went. `uses` counts them by their layouts, below zero; undefined where a layout
 * is in use until a partition goes.
 */
export async function removeRows(tx: Tx, victim: Victim, uses: Map<number, number> | undefined): Promise<number> {
  const { grain, bucket, item } = victim;
  let bytes = 0;
  const { rows, more } = await inSlice(tx, async (most) => {
    const keys = await deleteFirst(tx, victim, most);
    for (const { length, layout } of keys) {
      bytes += rowBytes(length);
      uses?.set(layout, (uses.get(layout) ?? 0) - 1);
    }
    return keys.length;
  });
  await noteGone(tx, victim);
  const where = 'WHERE grain = $1 AND bucket = $2 AND item = $3';
  const key = [grain.id, bucket, item];
  if (more) {
    const sql = `UPDATE env_volume SET row_count = row_count - $4, byte_count = byte_count - $5 ${where}`;
    await tx.run(sql, [...key, rows, bytes]);
  } else {
    await tx.run(`DELETE FROM env_volume ${where}`, key);
  }
  return rows;
}

/** Deletes the first rows of the bucket; gives what they were. */
async function deleteFirst(tx: Tx, { grain, bucket, item }: Victim, most: number): Promise<readonly Key[]> {
  const first = slotBase(item, bucket);
  const own = grain === SAMPLE ? 'ms, length(figures)' : '0 AS ms, length(figures) + coalesce(length(extra), 0)';
  const keys = await tx.all<Key>(
    `SELECT slot, layout, ${own} AS length FROM ${grain.table} WHERE slot >= $1 AND slot < $2
     ORDER BY slot${grain === SAMPLE ? ', ms' : ''} LIMIT $3`,
    [first, slotEnd(item, bucket), most],
  );
  const last = keys.at(-1);
  if (last === undefined) return keys;
  const upTo = grain === SAMPLE ? '(slot, ms) <= ($2, $3)' : 'slot <= $2';
  const params = grain === SAMPLE ? [first, last.slot, last.ms] : [first, last.slot];
  await tx.run(`DELETE FROM ${grain.table} WHERE slot >= $1 AND ${upTo}`, params);
  return keys;
}
