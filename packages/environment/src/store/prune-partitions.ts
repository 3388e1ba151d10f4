/** Retention where tables are divided: the oldest partition goes whole, with all that is known of its rows. */
import { dropPartition, type Tx } from '@csm/store';
import type { Divided, Part } from './divided.ts';
import { type Keep, oldestKept } from './keep.ts';
import { addUses } from './layouts.ts';
import type { Pruned } from './prune.ts';
import { noteGone, tooMuch } from './victim.ts';

/** Undefined when nothing is too old or too much; `busy` when what is to go is being read at this moment. */
export async function prunePartition(tx: Tx, divided: Divided, keep: Keep): Promise<Pruned | 'busy' | undefined> {
  const old = divided.parts().find(({ grain, to }) => to <= oldestKept(grain, tx.now, keep));
  if (old !== undefined) return remove(tx, old, false);
  const most = await tooMuch(tx, keep);
  const oldest = most === undefined ? undefined : divided.partWith(most.grain, most.item, most.bucket);
  return oldest === undefined ? undefined : remove(tx, oldest, true);
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
