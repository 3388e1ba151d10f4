/**
 * Removal of the oldest changes, slice by slice. Changes go in the order of their numbers, up to the first that the rule
 * keeps, so that what is kept has no holes. On PostgreSQL a mark moves on past what is removed, and partitions that lie
 * below it whole are dropped; on SQLite rows are deleted. Readers see the same: nothing up to the oldest that is kept.
 */
import { CHANGE, OLDEST, removeChanges, UNPRUNED } from './change-table.ts';
import type { Tx } from './module.ts';
import { dropPartition, partitionsOf } from './postgresql/partitions.ts';
import { inSlice } from './slice.ts';

export interface PruneSlice {
  readonly olderThan?: number | undefined;
  readonly keepRows?: number | undefined;
  readonly hardRows?: number | undefined;
  readonly hardOlderThan?: number | undefined;
}

interface Row {
  readonly seq: number;
  readonly time: number;
}

/** Whether a change goes; `behind` is what every follower has had. */
export function goes({ seq, time }: Row, rule: PruneSlice, head: number, behind: number): boolean {
  // The newest row carries the count on: the next seq is one above it.
  if (seq >= head) return false;
  if (rule.hardRows !== undefined && seq <= head - rule.hardRows) return true;
  if (rule.hardOlderThan !== undefined && time < rule.hardOlderThan) return true;
  if (seq > behind) return false;
  return (
    (rule.olderThan !== undefined && time < rule.olderThan) ||
    (rule.keepRows !== undefined && seq <= head - rule.keepRows)
  );
}

/** Procedure: removes the oldest changes the rule does not keep, one slice; `more` tells that another slice has work. */
export async function pruneChanges(
  tx: Tx,
  rule: PruneSlice,
): Promise<{ readonly deleted: number; readonly more: boolean }> {
  const head = (await tx.get<{ head: number | null }>('SELECT max(seq) AS head FROM change'))?.head ?? 0;
  const behind = (await tx.get<{ least: number | null }>('SELECT min(cursor) AS least FROM follower'))?.least ?? head;
  const { rows: deleted, more } = await inSlice(tx, async (most) => {
    const oldest = await tx.all<Row>(UNPRUNED, [most]);
    const kept = oldest.findIndex((row) => !goes(row, rule, head, behind));
    const count = kept === -1 ? oldest.length : kept;
    const last = oldest[count - 1];
    if (last !== undefined) await removeChanges(tx, last.seq);
    return count;
  });
  return { deleted, more: more || (await dropOne(tx)) };
}

/** Drops the oldest partition when all of it is removed; gives whether it did. One that is being read stays till next time. */
async function dropOne(tx: Tx): Promise<boolean> {
  const [oldest] = (await partitionsOf(tx, [CHANGE])) ?? [];
  if (oldest === undefined) return false;
  const first = await tx.get<{ oldest: number }>(OLDEST);
  return oldest.to <= (first?.oldest ?? 0) && (await dropPartition(tx, oldest));
}
