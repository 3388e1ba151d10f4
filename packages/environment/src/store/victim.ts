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

export async function tooMuch(tx: Tx, { bytes }: Keep): Promise<Victim | undefined> {
  const figures = await tx.get<{ bytes: number | null }>('SELECT sum(byte_count) AS bytes FROM env_volume');
  if ((figures?.bytes ?? 0) <= bytes) return undefined;
  const row = await tx.get<{ grain: number; bucket: number; item: number }>(
    'SELECT grain, bucket, item FROM env_volume ORDER BY grain, bucket, item LIMIT 1',
  );
  const grain = row === undefined ? undefined : grainById(row.grain);
  return row === undefined || grain === undefined ? undefined : { ...row, grain };
}

/** Notes that some of a bucket was removed: nothing from before is whole any more. */
export async function noteGone(tx: Tx, { grain, item, bucket }: Victim): Promise<void> {
  await tx.run(
    `INSERT INTO env_gone (grain, item, bucket) VALUES ($1, $2, $3)
     ON CONFLICT (grain, item) DO UPDATE SET bucket = excluded.bucket WHERE env_gone.bucket < excluded.bucket`,
    [grain.id, item, bucket],
  );
}
