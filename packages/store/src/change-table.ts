/**
 * The table `change` on both databases. On PostgreSQL it is divided by `seq`, which is its key and what everybody asks
 * by; `change_pruned` has the last number that is removed, though its row may still be there.
 */
import type { Sql, Tx } from './module.ts';
import { makeRoomFor, type Partitioned, type PartitionPort } from './postgresql/partitions.ts';

export const CHANGE: Partitioned = { table: 'change', column: 'seq', span: 100_000 };

export const CHANGE_POSTGRESQL = `
  CREATE TABLE change (
    seq BIGINT PRIMARY KEY, time BIGINT NOT NULL,
    kind TEXT NOT NULL, subject TEXT NOT NULL, body TEXT NOT NULL
  ) PARTITION BY RANGE (seq);
  CREATE TABLE change_pruned (seq BIGINT NOT NULL);
  INSERT INTO change_pruned (seq) VALUES (0);`;

/** The oldest change that is not removed; 0 when there is none. */
export const OLDEST: Sql = {
  sqlite: 'SELECT coalesce(min(seq), 0) AS oldest FROM change',
  postgresql: 'SELECT coalesce(min(seq), 0) AS oldest FROM change WHERE seq > (SELECT seq FROM change_pruned)',
};

/** The oldest so many. */
export const UNPRUNED: Sql = {
  sqlite: 'SELECT seq, time FROM change ORDER BY seq LIMIT $1',
  postgresql: 'SELECT seq, time FROM change WHERE seq > (SELECT seq FROM change_pruned) ORDER BY seq LIMIT $1',
};

/** Removes all up to a number. */
export async function removeChanges(tx: Tx, upTo: number): Promise<void> {
  const sql = { sqlite: 'DELETE FROM change WHERE seq <= $1', postgresql: 'UPDATE change_pruned SET seq = $1' };
  await tx.run(sql, [upTo]);
}

/** In the middle of a partition the next one is made, so that it is there before the first row of it. */
export const isHalfway = (seq: number): boolean => seq % CHANGE.span === CHANGE.span / 2;

/** The first such number from one to another, both included. */
export function halfwayWithin(first: number, last: number): number | undefined {
  const half = CHANGE.span / 2;
  const next = Math.ceil((first - half) / CHANGE.span) * CHANGE.span + half;
  return next <= last ? next : undefined;
}

/** Makes the partition of this number and the one after it, where they are missing. */
export async function makeRoomForChanges(db: PartitionPort, seq: number): Promise<void> {
  await makeRoomFor(db, CHANGE, [seq, seq + CHANGE.span]);
}
