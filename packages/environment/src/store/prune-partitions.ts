/**
 * Retention where tables are divided: what is too old goes in whole partitions, with all that is known of its rows. So
 * does what is too much, the oldest first, until it comes to partitions that have not ended: they hold what is new, too,
 * and lose only the rows of their oldest hours or days.
 */
import { dropPartition, type Tx } from '@csm/store';
import type { Divided, Part } from './divided.ts';
import { type Keep, oldestKept } from './keep.ts';
import { addUses } from './layouts.ts';
import type { Pruned } from './prune.ts';
import { removeRows } from './prune-rows.ts';
import { bucketOf } from './slot.ts';
import { noteGone, tooMuch } from './victim.ts';

/** Undefined when nothing is too old or too much; `busy` when all that is to go is being read at this moment. */
export async function prunePartition(tx: Tx, divided: Divided, keep: Keep): Promise<Pruned | 'busy' | undefined> {
  const old = divided.parts().filter(({ grain, to }) => to <= oldestKept(grain, tx.now, keep));
  for (const part of old) {
    const removed = await remove(tx, part, false);
    if (removed !== 'busy') return removed;
  }
  // What is kept does not make room for what is only being read.
  return old.length > 0 ? 'busy' : squeeze(tx, divided, keep);
}

async function squeeze(tx: Tx, divided: Divided, keep: Keep): Promise<Pruned | 'busy' | undefined> {
  const victims = await tooMuch(tx, keep);
  for (const [i, victim] of victims.entries()) {
    const { grain, item, bucket } = victim;
    const part = divided.partWith(grain, item, bucket);
    if (part !== undefined && part.to <= bucketOf(grain, tx.now)) {
      const removed = await remove(tx, part, true);
      if (removed !== 'busy') return removed;
    } else {
      // What is newer stays while something older is read.
      if (i > 0) return 'busy';
      return { grain, bucket, deleted: await removeRows(tx, victim, undefined), squeezed: true };
    }
  }
  return victims.length > 0 ? 'busy' : undefined;
}

async function remove(
  tx: Tx,
  { grain, itemId, from, to, partition }: Part,
  squeezed: boolean,
): Promise<Pruned | 'busy'> {
  if (!(await dropPartition(tx, partition))) return 'busy';
  const where = 'WHERE grain = $1 AND item = $2 AND bucket >= $3 AND bucket < $4';
  const within = [grain.id, itemId, from, to];
  const held = await tx.get<{ rows: number | null; newest: number | null }>(
    `SELECT sum(row_count) AS rows, max(bucket) AS newest FROM env_volume ${where}`,
    within,
  );
  await tx.run(`DELETE FROM env_volume ${where}`, within);
  const newest = held?.newest ?? undefined;
  if (newest !== undefined) await noteGone(tx, { grain, item: itemId, bucket: newest });
  const lower = [grain.id, partition.from];
  const uses = await tx.all<{ layout: number }>('SELECT layout FROM env_use WHERE grain = $1 AND lower = $2', lower);
  await tx.run('DELETE FROM env_use WHERE grain = $1 AND lower = $2', lower);
  await addUses(tx, new Map(uses.map(({ layout }) => [layout, -1])));
  return { grain, bucket: from, deleted: held?.rows ?? 0, squeezed };
}
