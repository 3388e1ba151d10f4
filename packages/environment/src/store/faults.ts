/** Items that give nothing on a node that has them: until they give values again, or nothing was heard for long. */
import type { Wall } from '@csm/model';
import type { Tx } from '@csm/store';
import { DAY_MS } from './slot.ts';

/** A fault not told again for so long disappears: the longest execution_interval is a day. */
export const FAULT_KEEP_MS = 3 * DAY_MS;

/** Notes what a node's report of `time` said; `gave` and `failed` are item numbers. */
export async function noteFaults(
  tx: Tx,
  node: number,
  time: Wall,
  gave: readonly number[],
  failed: ReadonlyMap<number, string>,
): Promise<void> {
  const known = await tx.all<{ item: number; last: number }>('SELECT item, last FROM env_fault WHERE node = $1', [
    node,
  ]);
  for (const { item, last } of known) {
    if (last <= time && gave.includes(item))
      await tx.run('DELETE FROM env_fault WHERE node = $1 AND item = $2', [node, item]);
  }
  if (time < tx.now - FAULT_KEEP_MS) return;
  for (const [item, reason] of failed) {
    await tx.run(
      `INSERT INTO env_fault (node, item, reason, since, last) VALUES ($1, $2, $3, $4, $5)
       ON CONFLICT (node, item) DO UPDATE SET reason = excluded.reason, last = excluded.last
         WHERE env_fault.last <= excluded.last`,
      [node, item, reason, time, time],
    );
  }
}

/** Forgets those not told again. */
export async function forgetFaults(tx: Tx): Promise<void> {
  await tx.run('DELETE FROM env_fault WHERE last < $1', [tx.now - FAULT_KEEP_MS]);
}
