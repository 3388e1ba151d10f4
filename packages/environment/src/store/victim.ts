/** Which figures go next: of one item and bucket. */
import type { Tx } from '@csm/store';
import { type Keep, type KeepTimes, oldestKept } from './keep.ts';
import { GRAINS, type Grain } from './slot.ts';
import { grainById } from './volume.ts';

export interface Victim {
  readonly grain: Grain;
  readonly bucket: number;
  readonly item: number;
}

export async function tooOld(tx: Tx, keep: KeepTimes): Promise<Victim | undefined> {
  for (const grain of GRAINS) {
    const row = await tx.get<{ bucket: number; item: number }>(
      'SELECT bucket, item FROM env_volume WHERE grain = $1 AND bucket < $2 ORDER BY bucket, item LIMIT 1',
      [grain.id, oldestKept(grain, tx.now, keep)],
    );
    if (row !== undefined) return { grain, ...row };
  }
  return undefined;
}

/** While all takes more than it may: the oldest of each item, the oldest first, all of the first grain there is. */
export async function tooMuch(tx: Tx, { bytes }: Keep): Promise<readonly Victim[]> {
  const figures = await tx.get<{ bytes: number | null }>('SELECT sum(byte_count) AS bytes FROM env_volume');
  if ((figures?.bytes ?? 0) <= bytes) return [];
  const rows = await tx.all<{ grain: number; bucket: number; item: number }>(
    `SELECT grain, min(bucket) AS bucket, item FROM env_volume WHERE grain = (SELECT min(grain) FROM env_volume)
     GROUP BY grain, item ORDER BY bucket, item`,
  );
  return rows.flatMap(({ grain: id, ...row }) => {
    const grain = grainById(id);
    return grain === undefined ? [] : [{ grain, ...row }];
  });
}

/** Notes that some of a bucket was removed: nothing from before is whole any more. */
export async function noteGone(tx: Tx, { grain, item, bucket }: Victim): Promise<void> {
  await tx.run(
    `INSERT INTO env_gone (grain, item, bucket) VALUES ($1, $2, $3)
     ON CONFLICT (grain, item) DO UPDATE SET bucket = excluded.bucket WHERE env_gone.bucket < excluded.bucket`,
    [grain.id, item, bucket],
  );
}
