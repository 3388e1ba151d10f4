/** A store with the environment's tables, and reports into it. */
import type { CallContext } from '@csm/api';
import { type Json, wall } from '@csm/model';
import type { Bench } from '@csm/sim';
import type { Store, StoreLimits } from '@csm/store';
import type { Values } from '../src/items.ts';
import { SAMPLE_KIND } from '../src/report.ts';
import * as environmentStore from '../src/store.ts';

export const NOW = wall(Date.parse('2026-03-10T12:00:00Z'));
const MODULE = new URL('../src/store.js', import.meta.url).href;

export const HOUR = 3_600_000;
export const DAY = 24 * HOUR;

export interface Told {
  readonly node?: string;
  readonly time?: number;
  readonly items?: Readonly<Record<string, Values>>;
  readonly failed?: Readonly<Record<string, string>>;
  readonly parts?: Readonly<Record<string, string>>;
  readonly absent?: readonly string[];
  /** Instead of items and failed. */
  readonly body?: unknown;
}

export interface Rig {
  readonly store: Store;
  /** Sets the store's clock. */
  at(now: number): void;
  /** Commits reports in one transaction, each as the next of its node; gives how many were rejected. */
  tell(...told: readonly Told[]): Promise<number>;
  /** Reasons of rejected reports, oldest first. */
  reasons(): Promise<string[]>;
}

export async function openRig({ open }: Bench, limits: Partial<StoreLimits> = {}): Promise<Rig> {
  let now: number = NOW;
  const next = new Map<string, number>();
  const store = await open(environmentStore, MODULE, { clock: () => wall(now), limits });
  return {
    store,
    at: (moment) => {
      now = moment;
    },
    tell: async (...told) => {
      const batches = told.map(({ node = 'n1', time = now, items = {}, failed = {}, parts, absent, body }) => {
        const first = next.get(node) ?? 1;
        next.set(node, first + 1);
        const sample = { items, failed, ...(parts && { parts }), ...(absent && { absent }) };
        const item = { kind: SAMPLE_KIND, time, body: body === undefined ? sample : body };
        return { daemon: `compute/${node}`, incarnation: 'i1', first, items: [item] };
      });
      const { results } = await store.call<{ results: readonly { rejected: number }[] }>('store.commitReports', {
        batches,
      });
      return results.reduce((sum, { rejected }) => sum + rejected, 0);
    },
    reasons: async () =>
      (await store.query<{ reason: string }>('SELECT reason FROM rejected_report ORDER BY id')).map((r) => r.reason),
  };
}

export interface Heard {
  readonly ctx: CallContext;
  readonly items: Json[];
  readonly end: AbortController;
}

/** A caller who keeps what it is sent. */
export function listener(room: () => Promise<void> = async () => {}): Heard {
  const items: Json[] = [];
  const end = new AbortController();
  const ctx: CallContext = {
    caller: { user: 'u', uid: 1, gid: 1, groups: [], pid: 1, vouchedBy: 'utility/login1' },
    grant: 'granted',
    trace: '0123456789abcdef',
    signal: end.signal,
    remaining: () => Number.POSITIVE_INFINITY,
    emit: async (item) => {
      end.signal.throwIfAborted();
      items.push(item);
      await room();
    },
  };
  return { ctx, items, end };
}
