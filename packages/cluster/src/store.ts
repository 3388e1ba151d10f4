/** Orders that were begun, so that a repetition after a master's restart is known as one; peers refused; aggregators drained; what daemons say of themselves. */
import { code, fail, isObject } from '@csm/model';
import type { Migration, ReportApplier, SqlValue, Tx } from '@csm/store';

export const name = 'cluster';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'orders begun',
    sql: 'CREATE TABLE begun_order (id TEXT PRIMARY KEY, hash TEXT NOT NULL, begun_at BIGINT NOT NULL); CREATE INDEX begun_order_at ON begun_order (begun_at)',
  },
  {
    id: 2,
    title: 'peers refused anywhere',
    sql: `CREATE TABLE refused_peer (
      hub TEXT NOT NULL, daemon TEXT NOT NULL, code TEXT NOT NULL, address TEXT NOT NULL, reason TEXT NOT NULL,
      last BIGINT NOT NULL, times BIGINT NOT NULL, PRIMARY KEY (hub, daemon, code, address)
    )`,
  },
  {
    id: 3,
    title: 'aggregators that are drained',
    sql: `CREATE TABLE drained_hub (
      hub TEXT PRIMARY KEY, per_second INTEGER, reason TEXT, who TEXT NOT NULL, since BIGINT NOT NULL
    )`,
  },
  {
    id: 4,
    title: 'what daemons say of themselves',
    sql: `CREATE TABLE daemon_self (
      daemon TEXT PRIMARY KEY, version TEXT NOT NULL, started BIGINT NOT NULL, issued BIGINT NOT NULL, expires BIGINT NOT NULL,
      clock_ahead BIGINT, clock_of TEXT, dropped BIGINT NOT NULL, refused BIGINT NOT NULL, problems TEXT NOT NULL,
      features TEXT NOT NULL, told BIGINT NOT NULL
    );
    CREATE INDEX daemon_self_told ON daemon_self (told)`,
  },
];

/** An idempotency key is kept for so long, ms. */
const KEEP_MS = 24 * 3_600_000;

/** Notes an order, or tells when it was begun before. Another order under the same key is refused. */
async function begin(
  tx: Tx,
  input: { readonly id: string; readonly hash: string },
): Promise<{ readonly begunAt: number | null }> {
  await tx.run('DELETE FROM begun_order WHERE begun_at < $1', [tx.now - KEEP_MS]);
  const known = await tx.get<{ hash: string; begun_at: number }>(
    'SELECT hash, begun_at FROM begun_order WHERE id = $1',
    [input.id],
  );
  if (known === undefined) {
    await tx.run('INSERT INTO begun_order (id, hash, begun_at) VALUES ($1, $2, $3)', [input.id, input.hash, tx.now]);
    return { begunAt: null };
  }
  if (known.hash !== input.hash) {
    fail(code.INVALID_PARAMETER, 'this Idempotency-Key was used within the last 24 h for another order', {
      field: 'Idempotency-Key',
      allowed: 'a new key for a new order',
    });
  }
  return { begunAt: known.begun_at };
}

/** An aggregator is drained, or, with no rate, drained no longer: the row stays until the aggregator has been told. */
async function drain(
  tx: Tx,
  {
    hub,
    perSecond,
    reason,
    by,
  }: { readonly hub: string; readonly perSecond: number | null; readonly reason: string | null; readonly by: string },
): Promise<{ readonly hub: string; readonly changed: boolean }> {
  const known = await tx.get<{ per_second: number | null }>('SELECT per_second FROM drained_hub WHERE hub = $1', [hub]);
  if (known === undefined && perSecond === null) return { hub, changed: false };
  const wasDrained = known !== undefined && known.per_second !== null;
  await tx.run(
    `INSERT INTO drained_hub (hub, per_second, reason, who, since) VALUES ($1, $2, $3, $4, $5)
     ON CONFLICT (hub) DO UPDATE SET per_second = excluded.per_second, reason = excluded.reason, who = excluded.who,
       since = excluded.since`,
    [hub, perSecond, reason, by, tx.now],
  );
  const isDrained = perSecond !== null;
  if (wasDrained !== isDrained)
    await tx.change('link', hub, {
      event: isDrained ? 'drained' : 'undrained',
      nodes: hub,
      count: 1,
      reason,
      by,
      at: tx.now,
    });
  return { hub, changed: wasDrained !== isDrained };
}

/** The aggregator knows that it is drained no longer. */
async function undrained(tx: Tx, { hub }: { readonly hub: string }): Promise<null> {
  await tx.run('DELETE FROM drained_hub WHERE hub = $1 AND per_second IS NULL', [hub]);
  return null;
}

export const procedures = { begin, drain, undrained };

/** A daemon whose clock is ahead must not make a row that never ages. */
const momentOf = (value: unknown, now: number): number =>
  typeof value === 'number' && value >= 0 ? Math.min(Math.trunc(value), now) : now;
const countOf = (value: unknown): number =>
  Number.isSafeInteger(value) && (value as number) > 0 ? (value as number) : 1;
const textOf = (value: unknown): string => (typeof value === 'string' ? value.slice(0, 1000) : '');

/** Refusals older than this are forgotten, ms, and no more than so many are kept. */
const REFUSED_KEEP_MS = 24 * 3_600_000;
const REFUSED_MAX = 1000;

const REFUSED_COLUMNS = ['hub', 'daemon', 'code', 'address', 'reason', 'last', 'times'];

/** Peers that a daemon's listeners refused since it last told; `times` is its count of the same, the newest counts. */
const refused: ReportApplier = async (tx, items) => {
  const rows = new Map<string, SqlValue[]>();
  for (const { daemon: hub, body } of items) {
    if (!isObject(body) || !Array.isArray(body['peers']))
      throw new Error('a report of refused peers must be {peers: [...]}');
    for (const peer of body['peers'] as unknown[]) {
      if (!isObject(peer)) throw new Error(`a refused peer must be an object, not ${JSON.stringify(peer)}`);
      const [daemon = '', why = '', address = '', reason = ''] = ['daemon', 'code', 'address', 'reason'].map((field) =>
        textOf(peer[field]),
      );
      const row = [hub, daemon, why, address, reason, momentOf(peer['at'], tx.now), countOf(peer['count'])];
      rows.set(JSON.stringify([hub, daemon, why, address]), row);
    }
  }
  await tx.insert('refused_peer', REFUSED_COLUMNS, [...rows.values()], {
    onConflict: `(hub, daemon, code, address) DO UPDATE SET reason = excluded.reason, last = excluded.last,
      times = excluded.times`,
  });
  await tx.run('DELETE FROM refused_peer WHERE last < $1', [tx.now - REFUSED_KEEP_MS]);
  await tx.run(
    `DELETE FROM refused_peer WHERE (hub, daemon, code, address) NOT IN
       (SELECT hub, daemon, code, address FROM refused_peer ORDER BY last DESC, hub, daemon, code, address LIMIT $1)`,
    [REFUSED_MAX],
  );
};

/** A daemon tells of itself daily at least; one that has not for so long is forgotten, ms. */
const SELF_KEEP_MS = 30 * 24 * 3_600_000;
const SELF_COLUMNS = [
  'daemon',
  'version',
  'started',
  'issued',
  'expires',
  'clock_ahead',
  'clock_of',
  'dropped',
  'refused',
  'problems',
  'features',
  'told',
];
const PROBLEMS_MAX = 10;
const FEATURES_MAX = 4096;
/** The latest moment that a date can tell. */
const TIME_MAX = 8.64e15;

const numberOf = (value: unknown, max: number): number =>
  typeof value === 'number' && value >= 0 ? Math.min(Math.trunc(value), max) : 0;

/** What a daemon says of itself; its newest word counts. */
const self: ReportApplier = async (tx, items) => {
  const rows = new Map<string, SqlValue[]>();
  for (const { daemon, body } of items) {
    if (!isObject(body)) throw new Error(`a daemon's word of itself must be an object, not ${JSON.stringify(body)}`);
    const { started, issued, expires, clock_ahead: ahead, dropped, refused: turnedAway, problems, features } = body;
    const sentences = Array.isArray(problems) ? problems.slice(0, PROBLEMS_MAX).map(textOf) : [];
    const states = JSON.stringify(isObject(features) ? features : {});
    rows.set(daemon, [
      daemon,
      textOf(body['version']),
      momentOf(started, tx.now),
      numberOf(issued, TIME_MAX),
      numberOf(expires, TIME_MAX),
      Number.isSafeInteger(ahead) ? (ahead as number) : null,
      typeof body['clock_of'] === 'string' ? textOf(body['clock_of']) : null,
      numberOf(dropped, Number.MAX_SAFE_INTEGER),
      numberOf(turnedAway, Number.MAX_SAFE_INTEGER),
      JSON.stringify(sentences),
      states.length > FEATURES_MAX ? '{}' : states,
      tx.now,
    ]);
  }
  const set = SELF_COLUMNS.slice(1).map((column) => `${column} = excluded.${column}`);
  await tx.insert('daemon_self', SELF_COLUMNS, [...rows.values()], {
    onConflict: `(daemon) DO UPDATE SET ${set.join(', ')}`,
  });
  await tx.run('DELETE FROM daemon_self WHERE told < $1', [tx.now - SELF_KEEP_MS]);
};

export const reports = { 'cluster.refused': refused, 'cluster.daemon': self };
