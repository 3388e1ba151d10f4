import type { Host } from '@csm/host';
import type { Reading } from './reading.ts';

export interface Context {
  /** Ends when the item is given up for this round; programs are ended with it. */
  readonly signal: AbortSignal;
  /** Milliseconds until the bucket reads the item again. */
  readonly intervalMs: number;
  /** Says what is waited for now, for the reason when no answer comes. Files and programs of the host say it by themselves. */
  waitsFor(what: string): void;
  /** Waits about `ms`; rejects when the item is given up meanwhile. */
  pause(ms: number): Promise<void>;
  /** Monotonic ms. */
  now(): number;
  /** What the item's collector has learnt of this machine, kept for the life of the daemon. The collector bounds it. */
  readonly learnt: Set<string>;
}

/**
 * Reads one item. Throws `Absent` when the machine has nothing of the kind, else an `Error` with the reason in words
 * when nothing of it can be had or believed.
 */
export type Collector = (host: Host, context: Context) => Promise<Reading>;
