/** What of the parts' tables is not kept for ever. */
import type { SqlValue, Tx } from '@csm/store';
import { OPEN_MS } from '../parts/situation.ts';

/** Rows of history kept however young they are. */
const HISTORY_MAX = 2_000_000;
/** A serial that is no identity is forgotten when no node told it for so long, and beyond so many; ms. */
const SHARED_MS = 400 * 86_400_000;
const SHARED_MAX = 100_000;
/** Rows pruned in one transaction. */
const SLICE = 1000;

/** Removes what is too old or too much, one slice of each; `more` tells that another has work. */
export async function prune(
  tx: Tx,
  { olderThan }: { readonly olderThan: number },
): Promise<{ readonly more: boolean }> {
  let more = false;
  const slice = async (sql: string, ...values: readonly SqlValue[]): Promise<void> => {
    const { changes } = await tx.run(sql, [...values, SLICE]);
    if (changes === SLICE) more = true;
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
       (SELECT serial, kind FROM hardware_shared WHERE seen < $1 LIMIT $2)`,
    tx.now - SHARED_MS,
  );
  await slice(
    `DELETE FROM hardware_shared WHERE (serial, kind) IN
       (SELECT serial, kind FROM hardware_shared ORDER BY seen DESC, serial, kind LIMIT $2 OFFSET $1)`,
    SHARED_MAX,
  );
  return { more };
}
