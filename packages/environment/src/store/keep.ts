/** How long figures are kept, as the writer knows it: an applier has no settings but what stands in the database. */
import { type Wall, wall } from '@csm/model';
import type { Tx } from '@csm/store';
import { DAILY, type Grain, HOURLY, isExpired, SAMPLE } from './slot.ts';

/** Milliseconds. */
export interface KeepTimes {
  readonly samples: number;
  readonly hourly: number;
  readonly daily: number;
}

/** Before a master has said anything all is kept. */
const FOREVER: KeepTimes = {
  samples: Number.MAX_SAFE_INTEGER,
  hourly: Number.MAX_SAFE_INTEGER,
  daily: Number.MAX_SAFE_INTEGER,
};

const keepOf = (grain: Grain, keep: KeepTimes): number => {
  if (grain === SAMPLE) return keep.samples;
  return grain === HOURLY ? keep.hourly : keep.daily;
};

/** Whether a bucket of a grain is too old to be kept. */
export const isTooOld = (grain: Grain, bucket: number, now: Wall, keep: KeepTimes): boolean =>
  isExpired(grain, bucket, now, keepOf(grain, keep));

/** The oldest bucket of a grain that is kept. */
export const oldestKept = (grain: Grain, now: Wall, keep: KeepTimes): number =>
  Math.max(0, Math.floor((now - keepOf(grain, keep)) / grain.spanMs));

/** Samples from before this moment leave no trace in any table. */
export function oldestUseful(now: Wall, keep: KeepTimes): Wall {
  const starts = [SAMPLE, HOURLY, DAILY].map((grain) => oldestKept(grain, now, keep) * grain.spanMs);
  return wall(Math.min(...starts));
}

export async function readKeep(tx: Tx): Promise<KeepTimes> {
  return (await tx.get<KeepTimes>('SELECT samples, hourly, daily FROM env_keep WHERE id = 1')) ?? FOREVER;
}

/** Procedure: the settings of the master that leads now. */
export async function configure(tx: Tx, { samples, hourly, daily }: KeepTimes): Promise<null> {
  await tx.run(
    `INSERT INTO env_keep (id, samples, hourly, daily) VALUES (1, $1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET samples = excluded.samples, hourly = excluded.hourly, daily = excluded.daily`,
    [samples, hourly, daily],
  );
  return null;
}
