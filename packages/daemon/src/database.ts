/** The tree's questions to the database, as procedures of the store. */
import { systemClock } from '@csm/kit';
import { CsmError, code, type DaemonId, wall } from '@csm/model';
import type { BatchResult, Store } from '@csm/store';
import type { CommitBatch, CommitResult, CoreDatabase, KnownDaemon, RosterRecorded } from '@csm/tree';
import type { StoredReports } from './stored.ts';

interface Row {
  readonly daemon: string;
  readonly told: number;
  readonly term: number;
  readonly incarnation: string;
  readonly incarnation_since: number;
  readonly primary_agg: string | null;
  readonly secondary_agg: string | null;
  readonly last_seen: number;
}

/** An aggregator that has been away for longer is not missed any more, ms. */
const MISSED_MS = 7 * 86_400_000;

/** Most daemons a master can know. */
const DAEMONS_MAX = 200_000;

/** `stored` is told what has been committed. */
export function coreDatabase(store: Store, stored: StoredReports): CoreDatabase {
  return {
    async load() {
      const rows = await store.query<Row>(
        'SELECT daemon, told, term, incarnation, incarnation_since, primary_agg, secondary_agg, last_seen FROM daemon',
        [],
        { limit: DAEMONS_MAX },
      );
      const hubs = await store.query<{ hub: string; linked: number; since: number }>(
        'SELECT hub, linked, since FROM hub',
      );
      const missedSince = systemClock.now().wall - MISSED_MS;
      return {
        known: rows.map(known),
        hubs: hubs.filter(({ linked }) => linked === 1).map(({ hub }) => hub),
        missed: hubs
          .filter(({ linked, since }) => linked === 0 && since > missedSince)
          .map(({ hub, since }) => ({ hub, since: wall(since) })),
      };
    },
    record: (record) => store.call<RosterRecorded>('node.record', record),
    async commit(batches) {
      const results = await commitReports(store, batches);
      stored.tell(batches, results);
      return results;
    },
    async touch(seen) {
      await store.call('node.touch', { seen });
    },
  };
}

function known(row: Row): KnownDaemon {
  const { daemon, told, term, incarnation } = row;
  return {
    daemon: daemon as DaemonId,
    told,
    term,
    incarnation,
    incarnationSince: wall(row.incarnation_since),
    lastSeen: wall(row.last_seen),
    ...(row.primary_agg === null ? {} : { primary: row.primary_agg }),
    hubs: [row.primary_agg, row.secondary_agg].filter((hub) => hub !== null),
  };
}

/**
 * Commits batches. Where the database refuses them for what they are (and not because it cannot work), they are tried
 * by halves, so that one daemon's nonsense holds up nobody else's reports; that daemon gets no acknowledgement.
 */
async function commitReports(store: Store, batches: readonly CommitBatch[]): Promise<readonly CommitResult[]> {
  try {
    const { results } = await store.call<{ results: readonly BatchResult[] }>('store.commitReports', { batches });
    return results;
  } catch (error) {
    const isContent = error instanceof CsmError && error.code === code.INVALID_PARAMETER;
    if (!isContent) throw error;
    if (batches.length <= 1) return [];
    const half = batches.length >> 1;
    const first = await commitReports(store, batches.slice(0, half));
    return [...first, ...(await commitReports(store, batches.slice(half)))];
  }
}
