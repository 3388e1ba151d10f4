/** What of the parts' tables is not kept for ever. */
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
  { olderThan }: { readonly olderThan: number },
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
