/**
 * When buckets are read. Pure: wall clock in, rounds out.
 *
 * A bucket is due at the multiples of its interval on the wall clock (UTC since 1970), all nodes together where the
 * site wants it aligned, else behind them by an offset drawn from the node's name. One of more than an hour is due once
 * soon after the start, too: aligned at the next multiple of ten minutes, else at the node's place in ten minutes.
 *
 * | at a tick the bucket…                          | then                                                              |
 * |-----------------------------------------------|-------------------------------------------------------------------|
 * | is not due                                     | waits; a clock set back by more than an interval plans it anew    |
 * | is due, and its former round has ended         | is read; due next at the multiple after now                       |
 * | is due while its former round still runs       | is skipped and counted                                            |
 * | was due long ago, since the machine slept or   | is not read; due next at the multiple after now: what was missed  |
 * | the clock was set forward                      | is not made up                                                    |
 *
 * Long ago is half an interval; where the site wants it aligned a minute, since the others are not read now either.
 *
 * The clocks are looked at every ten minutes at least, so that a step of the wall clock is noticed before long.
 *
 * Buckets due at one tick are one round: an item in several of them is read once for all of them. The shortest interval
 * comes first: of two figures of one moment the master believes the first, and that one is the finer.
 */
import { createHash } from 'node:crypto';
import { after, type Mono, type Now } from '@csm/model';
import type { Item } from './items.ts';

export interface Bucket {
  /** Milliseconds. */
  readonly execution_interval: number;
  readonly item_list: readonly Item[];
}

export interface RoundsConfig {
  readonly buckets: readonly Bucket[];
  readonly aligned: boolean;
  /** The node's name. */
  readonly node: string;
}

/** A timer may fire a little before its time on the wall clock, which is read in whole milliseconds and gets slewed. */
const EARLY_MS = 20;
/** An aligned round this late is still read; one later no longer falls together with those of other nodes. */
const LATE_MAX_MS = 60_000;
/** How long no clock is looked at: a wall clock set forward meanwhile may jump over what was due. */
const WAKE_MAX_MS = 600_000;
/** Buckets of longer intervals are read once within SOON_MS of the start, lest a new node shows nothing for a day. */
const LONG_MS = 3_600_000;
const SOON_MS = 600_000;

interface BucketState {
  /** The name's place in an interval, in [0, 1). */
  readonly share: number;
  readonly interval: number;
  /** Longest delay that leaves a round worth reading, ms. */
  readonly lateMax: number;
  /** Of a long interval, and not read since the start. */
  isNew: boolean;
  /** Wall ms. */
  due: number;
  isRunning: boolean;
  /** Rounds skipped in a row because the former still ran. */
  skipped: number;
}

export type RoundsEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  /** The round of these buckets has ended. */
  | { readonly kind: 'ended'; readonly buckets: readonly number[] };

export interface RoundEffect {
  readonly kind: 'round';
  /** Indexes of the buckets to read, that of the shortest interval first. */
  readonly buckets: readonly number[];
}

export interface RoundsState {
  readonly buckets: readonly BucketState[];
}

export function initialRounds({ buckets, aligned, node }: RoundsConfig): RoundsState {
  const share = aligned ? 0 : shareOf(node);
  return {
    buckets: buckets.map(({ execution_interval: interval }) => ({
      share,
      interval,
      lateMax: aligned ? LATE_MAX_MS : Number.POSITIVE_INFINITY,
      isNew: interval > LONG_MS,
      due: Number.POSITIVE_INFINITY,
      isRunning: false,
      skipped: 0,
    })),
  };
}

/** A name's place in [0, 1), the same on every machine and in every version. */
export const shareOf = (node: string): number => createHash('sha256').update(node).digest().readUInt32BE(0) / 2 ** 32;

export function stepRounds(
  state: RoundsState,
  event: RoundsEvent,
  now: Now,
): { readonly effects: readonly RoundEffect[]; readonly wakeAt: Mono | undefined } {
  switch (event.kind) {
    case 'start':
      for (const bucket of state.buckets) bucket.due = dueAfter(bucket, now.wall);
      return { effects: [], wakeAt: wakeAt(state, now) };
    case 'ended':
      for (const i of event.buckets) {
        const bucket = state.buckets[i];
        if (bucket !== undefined) bucket.isRunning = false;
      }
      return { effects: [], wakeAt: wakeAt(state, now) };
    case 'tick': {
      const due = state.buckets.flatMap((bucket, i) => (tick(bucket, now.wall) ? [i] : []));
      const interval = (i: number): number => state.buckets[i]?.interval ?? 0;
      due.sort((a, b) => interval(a) - interval(b));
      return { effects: due.length === 0 ? [] : [{ kind: 'round', buckets: due }], wakeAt: wakeAt(state, now) };
    }
    default:
      return event satisfies never;
  }
}

/** Whether the bucket is to be read now. */
function tick(bucket: BucketState, wall: number): boolean {
  const late = wall - bucket.due;
  const period = bucket.isNew ? SOON_MS : bucket.interval;
  if (late < -EARLY_MS) {
    if (-late > period + EARLY_MS) bucket.due = dueAfter(bucket, wall);
    return false;
  }
  const isWorth = late <= Math.min(bucket.interval / 2, bucket.lateMax);
  if (isWorth) bucket.isNew = false;
  bucket.due = dueAfter(bucket, Math.max(wall, bucket.due));
  if (!isWorth) return false;
  if (bucket.isRunning) {
    bucket.skipped++;
    return false;
  }
  bucket.isRunning = true;
  bucket.skipped = 0;
  return true;
}

/** The first moment after `wall` at the bucket's place in an interval; sooner while it is new. */
function dueAfter({ interval, share, isNew }: BucketState, wall: number): number {
  const next = placeAfter(wall, interval, share);
  return isNew ? Math.min(next, placeAfter(wall, SOON_MS, share)) : next;
}

/** The first moment after `wall` that is a multiple of `period` and this share of it. */
function placeAfter(wall: number, period: number, share: number): number {
  const offset = Math.floor(share * period);
  return (Math.floor((wall - offset) / period) + 1) * period + offset;
}

function wakeAt({ buckets }: RoundsState, now: Now): Mono | undefined {
  if (buckets.length === 0) return undefined;
  let due = Number.POSITIVE_INFINITY;
  for (const bucket of buckets) due = Math.min(due, bucket.due);
  return after(now.mono, Math.min(Math.max(0, due - now.wall), WAKE_MAX_MS));
}
