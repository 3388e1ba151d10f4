/** How long figures are kept, as the writer knows it: an applier has no settings but what stands in the database. */
import { type Wall, wall } from '@csm/model';
import type { RowSource, Store, Tx } from '@csm/store';
import { DAILY, type Grain, HOURLY, isExpired, SAMPLE } from './slot.ts';

/** Milliseconds. */
export interface KeepTimes {
  readonly samples: number;
  readonly hourly: number;
  readonly daily: number;
}

export interface Keep extends KeepTimes {
  /** The figures may take so much; the names of values have a small share beside it (see room.ts). */
  readonly bytes: number;
}

/** Before a master has said anything all is kept. */
const FOREVER: Keep = {
  samples: Number.MAX_SAFE_INTEGER,
  hourly: Number.MAX_SAFE_INTEGER,
  daily: Number.MAX_SAFE_INTEGER,
  bytes: Number.MAX_SAFE_INTEGER,
};

/** How long figures of a grain are kept, ms. */
export const keepOf = (grain: Grain, keep: KeepTimes): number => {
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

export async function readKeep(source: RowSource): Promise<Keep> {
  return (await source.all<Keep>(KEEP_SQL))[0] ?? FOREVER;
}

/** The same for a reader. */
export async function queryKeep(store: Store): Promise<Keep> {
  return (await store.query<Keep>(KEEP_SQL))[0] ?? FOREVER;
}

const KEEP_SQL = 'SELECT samples, hourly, daily, bytes FROM env_keep WHERE id = 1';

/** Procedure: the settings of the master that leads now. */
export async function configure(tx: Tx, { samples, hourly, daily, bytes }: Keep): Promise<null> {
  await tx.run(
    `INSERT INTO env_keep (id, samples, hourly, daily, bytes) VALUES (1, $1, $2, $3, $4)
     ON CONFLICT (id) DO UPDATE SET samples = excluded.samples, hourly = excluded.hourly, daily = excluded.daily,
       bytes = excluded.bytes`,
    [samples, hourly, daily, bytes],
  );
  return null;
}
