/// <reference types="mocha" />
/** The store module over both databases, each test in one of its own. */
import { CsmError, type Problem, type Wall, wall } from '@csm/model';
import { overEngines } from '@csm/sim';
import type { ChangeRow, Store } from '@csm/store';
import type { Arrival, Change, ChangeKind, Incident, Procedures } from '../src/types.ts';
import * as module from './store-counting.ts';

const URL_OF = new URL('./store-counting.js', import.meta.url).href;

/** The store's clock in these tests. */
export const NOW = wall(1_800_000_000_000);
/** Of what hangs; each call takes a fraction of it. */
const LIMITS = { procedureMs: 60_000, queryMs: 60_000 };

export interface World {
  readonly store: Store;
  record(given: Partial<Procedures['record']>): Promise<void>;
  changes(kind?: string): Promise<ChangeRow[]>;
  count(table: string): Promise<number>;
}

const worldOf = (store: Store): World => ({
  store,
  record: async (given) => void (await store.call('heartbeat.record', inputOf(given))),
  changes: async (kind) => {
    const rows: ChangeRow[] = [];
    const filter = kind === undefined ? undefined : { kinds: [kind] };
    for (;;) {
      const more = await store.changes.since(rows.at(-1)?.seq ?? 0, 10_000, filter);
      if (more.length === 0) return rows;
      rows.push(...more);
    }
  },
  count: async (table) => (await store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`))[0]?.n ?? 0,
});

/** What `heartbeat.record` takes, with all that is not said left empty. */
export const inputOf = (given: Partial<Procedures['record']>): Procedures['record'] => ({
  changes: [],
  arrivals: [],
  incidents: [],
  manager: 'builtin',
  discover: true,
  watchedUntil: NOW,
  ...given,
});

/**
 * A suite over a store in memory and over PostgreSQL. What SQLite does in its threads is the same statements; that rows and
 * inputs pass between threads is shown in packages/store, and for what the HTTP rows reach here in `rows-api.test.ts`.
 */
export function overStores(title: string, suite: (open: () => Promise<World>) => void): void {
  overEngines(title, (bench) => {
    suite(async () => worldOf(await bench.open(module, URL_OF, { clock: () => NOW, limits: LIMITS })));
  });
}

export const change = (name: string, kind: ChangeKind, at: number, more: Partial<Change> = {}): Change => ({
  name,
  kind,
  source: 'beat',
  at: wall(at),
  lastBeat: wall(at),
  timestamp: 'Jan 1, 0000',
  status: 'OK',
  gap: false,
  incident: null,
  ...more,
});

export const arrival = (name: string, at: number): Arrival => ({ name, at: wall(at) });

export const incident = (id: string, began: number, ended: number | null, more: Partial<Incident> = {}): Incident => ({
  id,
  scope: 'x3',
  kind: 'dead',
  began: wall(began),
  ended: ended === null ? null : wall(ended),
  components: 'x3c0s[0-1]b0n0',
  count: 2,
  words: '2 components of x3 fell silent',
  ...more,
});

/** Names of nodes, 64 to a chassis and 512 to a cabinet. */
export const nodeName = (n: number): string =>
  `x${1000 + Math.floor(n / 512)}c${Math.floor(n / 64) % 8}s${Math.floor(n / 8) % 8}b${Math.floor(n / 2) % 4}n${n % 2}`;

export const nodeNames = (count: number, from = 0): string[] =>
  Array.from({ length: count }, (_, i) => nodeName(from + i));

/** The problem a promise rejects with; fails when it does not. */
export async function problemOf(promise: Promise<unknown>): Promise<Problem> {
  try {
    await promise;
  } catch (thrown) {
    if (thrown instanceof CsmError) return thrown.problem;
    throw thrown;
  }
  throw new Error('it was not refused');
}

export const at = (ms: number): Wall => wall(ms);
