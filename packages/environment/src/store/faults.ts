/**
 * Items that give nothing, or only a part, on a node that has them. A fault ends with the item's next values, or when
 * the item turns out to be absent. Where nothing more is heard of the item (it left the bucket, the node is gone) it is
 * forgotten by `lifeOf`: a fault told once stays for 25 hours, since the next round of a daily bucket may be that far;
 * one told again stays for three times the longest gap between two tellings, at least 30 minutes, at most three days.
 * A bucket of ten minutes that ends so is silent half an hour later, one of a day after three.
 *
 * Tellings are ordered by the report's time, one of a clock that is ahead by the moment it arrived.
 */
import type { Tx } from '@csm/store';
import { DAY_MS, HOUR_MS } from './slot.ts';

const ONCE_MS = DAY_MS + HOUR_MS;
const LEAST_MS = HOUR_MS / 2;
const MOST_MS = 3 * DAY_MS;
const GAPS = 3;

/** How long after its last telling a fault stays; `gap` is the longest between two tellings, 0 when it was told once. */
export const lifeOf = (gap: number): number =>
  gap === 0 ? ONCE_MS : Math.min(MOST_MS, Math.max(LEAST_MS, GAPS * gap));

/** What a report says of an item: that all is well with it or it is absent, or what fails. */
export type Said = 'sound' | { readonly part: boolean; readonly reason: string };

interface Known {
  readonly item: number;
  readonly part: number;
  readonly since: number;
  readonly last: number;
  readonly gap: number;
  readonly ends: number;
}

/** Notes what a node's report of `time` said, by the numbers of the items. */
export async function noteFaults(tx: Tx, node: number, time: number, said: ReadonlyMap<number, Said>): Promise<void> {
  if (said.size === 0) return;
  const at = Math.min(time, tx.now);
  const sql = 'SELECT item, part, since, last, gap, ends FROM env_fault WHERE node = $1';
  const all = new Map((await tx.all<Known>(sql, [node])).map((row) => [row.item, row]));
  for (const [item, word] of said) {
    const known = all.get(item);
    if (known !== undefined && known.last > at) continue;
    if (word !== 'sound') await note(tx, node, item, at, word, known);
    else if (known !== undefined) await tx.run('DELETE FROM env_fault WHERE node = $1 AND item = $2', [node, item]);
  }
}

async function note(
  tx: Tx,
  node: number,
  item: number,
  at: number,
  { part, reason }: Exclude<Said, 'sound'>,
  known: Known | undefined,
): Promise<void> {
  const again = known !== undefined && known.ends >= at ? known : undefined;
  const gap = again === undefined ? 0 : Math.max(again.gap, at - again.last);
  const since = again !== undefined && (again.part === 1) === part ? again.since : at;
  const ends = at + lifeOf(gap);
  if (ends < tx.now) return;
  await tx.run(
    `INSERT INTO env_fault (node, item, part, reason, since, last, gap, ends) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)
     ON CONFLICT (node, item) DO UPDATE SET part = excluded.part, reason = excluded.reason, since = excluded.since,
       last = excluded.last, gap = excluded.gap, ends = excluded.ends`,
    [node, item, part ? 1 : 0, reason, since, at, gap, ends],
  );
}

/** Forgets those that are over. */
export async function forgetFaults(tx: Tx): Promise<void> {
  await tx.run('DELETE FROM env_fault WHERE ends < $1', [tx.now]);
}
