/** What of parts, states and windows is not kept for ever. */
import { inSlice, type SqlValue, type Tx } from '@csm/store';
import { OPEN_MS } from '../parts/situation.ts';

/** Rows of history kept however young they are. */
const HISTORY_MAX = 2_000_000;
/** A serial that is no identity is forgotten when no node told it for so long, and beyond so many; ms. */
const SHARED_MS = 400 * 86_400_000;
const SHARED_MAX = 100_000;

/** Removes what is too old or too much, a few milliseconds' worth; `more` tells that another call has work. */
export async function prune(
  tx: Tx,
  { olderThan, states = olderThan }: { readonly olderThan: number; readonly states?: number },
): Promise<{ readonly more: boolean }> {
  let more = false;
  /** A statement on at most `most` rows, the last of its values, again and again while there is time. */
  const slice = async (sql: string, ...values: readonly SqlValue[]): Promise<void> => {
    const done = await inSlice(tx, async (most) => (await tx.run(sql, [...values, most])).changes);
    more ||= done.more;
  };
  await slice(
    'DELETE FROM hardware_history WHERE seq IN (SELECT seq FROM hardware_history WHERE time < $1 ORDER BY time LIMIT $2)',
    olderThan,
  );
  await slice(
    `DELETE FROM hardware_history WHERE seq IN
       (SELECT seq FROM hardware_history WHERE seq <= (SELECT max(seq) FROM hardware_history) - $1 ORDER BY seq LIMIT $2)`,
    HISTORY_MAX,
  );
  // What was removed so long ago has not moved; its fields are wanted no more.
  await slice(
    `UPDATE hardware_history SET part = NULL WHERE seq IN
       (SELECT seq FROM hardware_history WHERE part IS NOT NULL AND time <= $1 ORDER BY time LIMIT $2)`,
    tx.now - OPEN_MS,
  );
  // A node that never reported since its part was found elsewhere is gone.
  await slice(
    `DELETE FROM hardware_claim WHERE (node_name, kind, serial) IN
       (SELECT node_name, kind, serial FROM hardware_claim WHERE time < $1 LIMIT $2)`,
    olderThan,
  );
  await slice(
    `DELETE FROM hardware_shared WHERE (serial, kind) IN
       (SELECT serial, kind FROM hardware_shared WHERE seen < $1 ORDER BY seen LIMIT $2)`,
    tx.now - SHARED_MS,
  );
  // The newest row of a node that is known stays, however old it is: it says since when it is as it is.
  await slice(
    `DELETE FROM node_state_history WHERE seq IN (
       SELECT h.seq FROM node_state_history h WHERE h.time < $1 AND (
         EXISTS (SELECT 1 FROM node_state_history later WHERE later.node_name = h.node_name AND later.seq > h.seq)
         OR NOT EXISTS (SELECT 1 FROM node n WHERE n.node_name = h.node_name))
       ORDER BY h.time LIMIT $2)`,
    states,
  );
  await slice(
    `DELETE FROM node_window_node WHERE (window_id, node_name) IN (
       SELECT wn.window_id, wn.node_name FROM node_window w JOIN node_window_node wn ON wn.window_id = w.id
       WHERE w.phase IN ('ended', 'cancelled') AND w.ended_at < $1 LIMIT $2)`,
    states,
  );
  await slice(
    `DELETE FROM node_window WHERE id IN (
       SELECT w.id FROM node_window w WHERE w.phase IN ('ended', 'cancelled') AND w.ended_at < $1
         AND NOT EXISTS (SELECT 1 FROM node_window_node wn WHERE wn.window_id = w.id) LIMIT $2)`,
    states,
  );
  const shared = await tx.get<{ n: number }>('SELECT count(*) AS n FROM hardware_shared');
  let excess = (shared?.n ?? 0) - SHARED_MAX;
  if (excess > 0) {
    const oldest = `DELETE FROM hardware_shared WHERE (serial, kind) IN
      (SELECT serial, kind FROM hardware_shared ORDER BY seen, serial DESC, kind DESC LIMIT $1)`;
    const done = await inSlice(tx, async (most) => {
      const { changes } = await tx.run(oldest, [Math.min(most, excess)]);
      excess -= changes;
      return changes;
    });
    more ||= done.more && excess > 0;
  }
  return { more };
}
