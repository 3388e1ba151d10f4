/** The sample configuration of a compute daemon, as it is delivered, and what a measurement makes of it. */
import { readFileSync } from 'node:fs';
import { isObject, type JsonObject } from '@csm/model';

export interface Bucket {
  /** Seconds, or HH:MM:SS. */
  readonly execution_interval: number | string;
  readonly item_list: readonly string[];
}

export interface Sample {
  /** What stands under `csm`. */
  readonly csm: JsonObject;
  readonly buckets: readonly Bucket[];
  /** Seconds. */
  readonly heartbeat: number;
}

const objectIn = (of: unknown, key: string): JsonObject =>
  isObject(of) && isObject(of[key]) ? (of[key] as JsonObject) : {};

/** Reads the sample. Throws an `Error` that names what is missing in it. */
export function readSample(file: string): Sample {
  const csm = objectIn(JSON.parse(readFileSync(file, 'utf8')), 'csm');
  const { buckets } = objectIn(csm, 'data_collection');
  const { heartbeat_interval: heartbeat } = objectIn(csm, 'net');
  if (!Array.isArray(buckets) || buckets.length === 0)
    throw new Error(
      `${file} has no csm.data_collection.buckets; a list of buckets is needed to measure what they cost`,
    );
  for (const bucket of buckets as unknown[]) {
    if (!isObject(bucket) || !Array.isArray(bucket['item_list']) || seconds(bucket['execution_interval']) === undefined)
      throw new Error(
        `${file}: a bucket must have an item_list and an execution_interval, not ${JSON.stringify(bucket)}`,
      );
  }
  if (typeof heartbeat !== 'number') throw new Error(`${file} has no csm.net.heartbeat_interval in seconds`);
  return { csm, buckets: buckets as unknown as readonly Bucket[], heartbeat };
}

/** Seconds of an interval as configurations write it: a number, or HH:MM:SS. */
export function seconds(given: unknown): number | undefined {
  if (typeof given === 'number') return given > 0 ? given : undefined;
  const [, h, m, s] = /^(\d+):(\d{2}):(\d{2})$/.exec(String(given)) ?? [];
  return s === undefined ? undefined : Number(h) * 3600 + Number(m) * 60 + Number(s);
}

/** The bucket that comes round most often. */
export const quickest = (buckets: readonly Bucket[]): Bucket | undefined =>
  buckets.toSorted((a, b) => (seconds(a.execution_interval) ?? 0) - (seconds(b.execution_interval) ?? 0))[0];

/** The same buckets, the one that comes round most often every `interval` seconds. */
export function withInterval(buckets: readonly Bucket[], interval: number): Bucket[] {
  const quick = quickest(buckets);
  return buckets.map((bucket) => (bucket === quick ? { ...bucket, execution_interval: interval } : bucket));
}
