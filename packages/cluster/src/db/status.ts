/** How the database is. */
import type { MasterPorts } from '@csm/feature';
import { code, fail, type Json } from '@csm/model';
import { loadAdmin, type Place } from '@csm/store';

const VERSION = {
  sqlite: 'SELECT sqlite_version() AS version',
  postgresql: `SELECT current_setting('server_version') AS version`,
};

export function placeOf({ store }: MasterPorts): Place {
  return store.place ?? fail(code.DATABASE_UNAVAILABLE, 'the database is in memory only');
}

export async function status(ports: MasterPorts): Promise<Json> {
  const { store } = ports;
  const place = placeOf(ports);
  const { placeWords } = await loadAdmin();
  const [version] = await store.query<{ version: string }>(VERSION);
  const schema = await store.query<{ module: string; id: number }>(
    'SELECT module, max(id) AS id FROM schema_migration GROUP BY module ORDER BY module',
  );
  const followers = await store.query<{ name: string; cursor: number; updated: number }>(
    'SELECT name, cursor, updated FROM follower ORDER BY name',
  );
  const [counts] = await store.query<{ streams: number; rejected: number }>(
    'SELECT (SELECT count(*) FROM stream) AS streams, (SELECT count(*) FROM rejected_report) AS rejected',
  );
  const stats = await store.stats();
  const newest = await store.changes.head();
  return {
    engine: place.engine,
    version: version?.version ?? '',
    place: placeWords(place),
    term: store.term,
    bytes: stats.fileBytes,
    log_bytes: stats.walBytes,
    commits: stats.commits,
    calls_per_commit: Math.round(stats.averageBatch * 10) / 10,
    last_commit_ms: Math.round(stats.lastCommitMs * 100) / 100,
    queued: stats.queue.calls,
    refused: stats.queue.refused,
    changes: { oldest: await store.changes.oldest(), newest },
    streams: counts?.streams ?? 0,
    rejected_reports: counts?.rejected ?? 0,
    schema: Object.fromEntries(schema.map(({ module, id }) => [module, id])),
    followers: followers.map(({ name, cursor, updated }) => ({
      name,
      behind: Math.max(0, newest - cursor),
      updated: new Date(updated).toISOString(),
    })),
  };
}
