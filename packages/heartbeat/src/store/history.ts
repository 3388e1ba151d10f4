/** History: a row a change, under the change's own number. */
import type { Wall } from '@csm/model';
import { deleteAmong, inSlice, type Tx } from '@csm/store';
import type { Change } from '../types.ts';

/** Rows are kept at most for so many changes of the whole database, however young they are. */
const SPAN_MAX = 4_000_000;

const COLUMNS = ['seq', 'component', 'time', 'kind', 'source', 'last_beat', 'stamp', 'status', 'gap', 'incident'];

export async function noteHistory(
  tx: Tx,
  changes: readonly Change[],
  ids: ReadonlyMap<string, number>,
  seqs: readonly number[],
): Promise<void> {
  const rows = changes.map((change, i) => [
    seqs[i] ?? 0,
    ids.get(change.name) ?? 0,
    change.at,
    change.kind,
    change.source,
    change.lastBeat,
    change.timestamp,
    change.status,
    Number(change.gap),
    change.incident,
  ]);
  await tx.insert('heartbeat_history', COLUMNS, rows);
}

interface Oldest {
  readonly seq: number;
  readonly time: number;
}

/**
 * Removes what is older, a few milliseconds' worth, and gives how many rows went; none: that was all. History goes in the
 * order of its numbers, up to the first row that stays; so do incidents that are over. A component that was forgotten
 * goes when no history speaks of it any more.
 */
export async function prune(
  tx: Tx,
  { olderThan, span = SPAN_MAX }: { readonly olderThan: Wall; readonly span?: number },
): Promise<number> {
  const head = (await tx.get<{ head: number | null }>('SELECT max(seq) AS head FROM heartbeat_history'))?.head ?? 0;
  const history = await inSlice(tx, async (most) => {
    const oldest = await tx.all<Oldest>('SELECT seq, time FROM heartbeat_history ORDER BY seq LIMIT $1', [most]);
    const kept = oldest.findIndex(({ seq, time }) => time >= olderThan && seq > head - span);
    const last = oldest[(kept === -1 ? oldest.length : kept) - 1];
    if (last === undefined) return 0;
    return (await tx.run('DELETE FROM heartbeat_history WHERE seq <= $1', [last.seq])).changes;
  });
  // What is left to do is for the next slice.
  if (history.more) return history.rows;
  const incidents = await inSlice(
    tx,
    async (most) =>
      (
        await tx.run(
          `DELETE FROM heartbeat_incident WHERE id IN (
             SELECT id FROM heartbeat_incident WHERE began < $1 AND ended < $1 ORDER BY began LIMIT $2)`,
          [olderThan, most],
        )
      ).changes,
  );
  const forgotten = await inSlice(tx, (most) => pruneForgotten(tx, most));
  return history.rows + incidents.rows + forgotten.rows;
}

async function pruneForgotten(tx: Tx, most: number): Promise<number> {
  const rows = await tx.all<{ id: number }>(
    `SELECT c.id FROM heartbeat_component c WHERE c.forgotten = 1
       AND NOT EXISTS (SELECT 1 FROM heartbeat_history h WHERE h.component = c.id) ORDER BY c.id LIMIT $1`,
    [most],
  );
  const ids = rows.map(({ id }) => [id]);
  await deleteAmong(tx, { table: 'heartbeat_seen', key: [['component', 'BIGINT']] }, ids);
  return deleteAmong(tx, { table: 'heartbeat_component', key: [['id', 'BIGINT']] }, ids);
}
