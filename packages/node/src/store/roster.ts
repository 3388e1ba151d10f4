/** Daemons and their links, as the tree's roster wants them remembered, and the nodes they make known. */
import { type DaemonId, type Json, parseDaemonId, type Role, roleRank } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { type Among, cursors, rowsAmong, type Sql, type Tx } from '@csm/store';
import type { DaemonRecord, RosterRecord, RosterRecorded, Telling } from '@csm/tree';
import { type NodeEvent, orphansOf, stepAll } from './contact.ts';
import { NODE_KEY, noteMoves } from './states.ts';

/** Longest list of names a change row spells out, characters folded. */
const NODES_TEXT_MAX = 100_000;
/** Nodes of one telling whose last sign of life it spells out. */
const LAST_SEEN_MAX = 1000;

/** Everything the roster wants remembered, with the cursors its claims are answered with. One transaction. */
export async function record(tx: Tx, input: RosterRecord): Promise<RosterRecorded> {
  await upsertDaemons(tx, input.daemons);
  for (const { hub, linked } of input.hubs) {
    await tx.run(
      'INSERT INTO hub (hub, linked, since) VALUES ($1, $2, $3) ON CONFLICT (hub) DO UPDATE SET linked = excluded.linked, since = excluded.since',
      [hub, linked ? 1 : 0, tx.now],
    );
  }
  for (const telling of input.tellings) await tell(tx, telling);
  await stepContacts(tx, input);
  if (input.claims.length === 0) return { claims: [] };
  const streams = input.claims.map(({ daemon, incarnation }) => ({ daemon, incarnation }));
  const found = (await cursors(tx, { streams })).cursors;
  const nodes = found.map(({ daemon }) => parseDaemonId(daemon)?.node ?? '');
  const rows = await rowsAmong<{ node_name: string; inventory_hash: string | null }>(
    tx,
    { table: 'node', columns: ['node_name', 'inventory_hash'], key: NODE_KEY },
    [...new Set(nodes)].map((node) => [node]),
  );
  const hashes = new Map(rows.map(({ node_name, inventory_hash }) => [node_name, inventory_hash]));
  const claims = found.map(({ daemon, incarnation, cursor }, i) => {
    return { daemon, incarnation, cursor, inventory: hashes.get(nodes[i] ?? '') ?? null };
  });
  return { claims };
}

/** What the tellings mean for the states of nodes. Only a node's main daemon stands for it. */
async function stepContacts(tx: Tx, { hubs, tellings }: RosterRecord): Promise<void> {
  const events: NodeEvent[] = [];
  for (const { hub, linked } of hubs) if (linked) events.push(...(await orphansOf(tx, hub)));
  const told: (NodeEvent & { readonly role: Role })[] = [];
  for (const { what, daemons, planned, cause, within } of tellings) {
    if (what !== 'up' && what !== 'down') continue;
    const hubOf = new Map(Object.entries(within ?? {}).flatMap(([hub, ids]) => ids.map((id) => [id, hub])));
    for (const daemon of daemons) {
      const id = parseDaemonId(daemon);
      // A master that is away is told by health: while no master leads, nobody could tell its goodbye from its death.
      if (id === undefined || id.role === 'master') continue;
      // An aggregator that is lost takes its own node with it.
      const away = hubOf.get(daemon) ?? null;
      const hub = away === id.node ? null : away;
      const event =
        what === 'up' ? ({ kind: 'linked' } as const) : ({ kind: 'lost', planned, hub, why: cause } as const);
      told.push({ node: id.node, event, role: id.role });
    }
  }
  if (told.length > 0) {
    const rows = await rowsAmong<{ node_name: string; type: Role }>(
      tx,
      { table: 'node', columns: ['node_name', 'type'], key: NODE_KEY },
      [...new Set(told.map(({ node }) => node))].map((node) => [node]),
    );
    const types = new Map(rows.map(({ node_name, type }) => [node_name, type]));
    events.push(...told.filter(({ node, role }) => types.get(node) === role));
  }
  await stepAll(tx, events);
}

const DAEMON_KEY: Among['key'] = [['daemon', 'TEXT']];
const DAEMON_COLUMNS = [
  'daemon',
  'told',
  'connected',
  'primary_agg',
  'secondary_agg',
  'term',
  'incarnation',
  'incarnation_since',
  'last_seen',
  'address',
  'version',
  'session',
  'role',
  'node_name',
  'first_seen',
];
/** What was not told this time stays as it was last told. */
const CHANGED_DAEMON = `(daemon) DO UPDATE SET told = excluded.told, connected = excluded.connected,
  primary_agg = excluded.primary_agg, secondary_agg = excluded.secondary_agg, term = excluded.term,
  incarnation = excluded.incarnation, incarnation_since = excluded.incarnation_since, last_seen = excluded.last_seen,
  address = COALESCE(excluded.address, daemon.address), version = COALESCE(excluded.version, daemon.version),
  session = COALESCE(excluded.session, daemon.session)`;

async function upsertDaemons(tx: Tx, records: readonly DaemonRecord[]): Promise<void> {
  const byId = new Map<string, { readonly record: DaemonRecord; readonly node: string; readonly role: Role }>();
  for (const record of records) {
    const id = parseDaemonId(record.daemon);
    if (id === undefined) continue;
    const before = byId.get(record.daemon)?.record;
    const { address, version, session } = record;
    const kept = {
      address: address ?? before?.address ?? null,
      version: version ?? before?.version ?? null,
      session: session ?? before?.session ?? null,
    };
    byId.set(record.daemon, { ...id, record: { ...record, ...kept } });
  }
  const known = await rowsAmong<{ daemon: string }>(
    tx,
    { table: 'daemon', columns: ['daemon'], key: DAEMON_KEY },
    [...byId.keys()].map((daemon) => [daemon]),
  );
  const rows = [...byId.values()].map(({ record: d, node, role }) => [...daemonValues(d), role, node, tx.now]);
  await tx.insert('daemon', DAEMON_COLUMNS, rows, { onConflict: CHANGED_DAEMON });
  const before = new Set(known.map(({ daemon }) => daemon));
  await firstContacts(
    tx,
    [...byId].filter(([daemon]) => !before.has(daemon)).map(([, { node, role }]) => ({ node, role })),
  );
}

function daemonValues(d: DaemonRecord) {
  return [
    d.daemon,
    d.told,
    d.connected ? 1 : 0,
    d.primary,
    d.secondary,
    d.term,
    d.incarnation,
    d.incarnationSince,
    d.lastSeen,
    d.address,
    d.version,
    d.session,
  ];
}

/** Nodes never seen before are DISCOVERED; the type of a node is that of its main daemon. */
export async function firstContacts(
  tx: Tx,
  contacts: readonly { readonly node: string; readonly role: Role }[],
): Promise<void> {
  const rows = await rowsAmong<{ node_name: string; type: Role }>(
    tx,
    { table: 'node', columns: ['node_name', 'type'], key: NODE_KEY },
    [...new Set(contacts.map(({ node }) => node))].map((node) => [node]),
  );
  const before = new Map(rows.map(({ node_name, type }) => [node_name, type]));
  const types = new Map(before);
  for (const { node, role } of contacts) {
    const type = types.get(node);
    if (type === undefined || isRoleAbove(role, type)) types.set(node, role);
  }
  const fresh = [...types].filter(([node]) => !before.has(node));
  await tx.insert(
    'node',
    ['node_name', 'type', 'state', 'state_since', 'state_cause', 'first_seen', 'update_time'],
    fresh.map(([node, type]) => [node, type, 'DISCOVERED', tx.now, 'inventory', tx.now, tx.now]),
  );
  await noteMoves(
    tx,
    fresh.map(([node, type]) => ({
      node,
      from: null,
      to: 'DISCOVERED',
      cause: 'inventory',
      reason: 'first contact',
      by: null,
      more: { type },
    })),
  );
  for (const [node, type] of types) {
    if (!before.has(node) || before.get(node) === type) continue;
    await tx.run('UPDATE node SET type = $2, update_time = $3 WHERE node_name = $1', [node, type, tx.now]);
  }
}

export const isRoleAbove = (role: Parameters<typeof roleRank>[0], than: string): boolean =>
  roleRank(role) > roleRank(than as Parameters<typeof roleRank>[0]);

/** One row however many nodes it names: a lost aggregator is one incident. */
async function tell(tx: Tx, t: Telling): Promise<void> {
  const folded = NodeSet.of(t.daemons.map((d) => parseDaemonId(d)?.node ?? '').filter((n) => n !== '')).toString();
  const nodes = folded.length > NODES_TEXT_MAX ? `${folded.slice(0, NODES_TEXT_MAX)}…` : folded;
  const subject = t.hub ?? (t.daemons.length === 1 ? (parseDaemonId(t.daemons[0] ?? '')?.node ?? '?') : '*');
  const body = { event: t.what, nodes, count: t.daemons.length, cause: t.cause, planned: t.planned, at: t.at };
  const more = t.what === 'down' ? { last_seen: await lastSeen(tx, t.daemons) } : {};
  await tx.change('link', subject, { ...body, ...more } as unknown as Json);
}

/** When each daemon's node was last heard of, by its name: whoever died while the master was away died before `at`. */
async function lastSeen(tx: Tx, daemons: readonly DaemonId[]): Promise<Record<string, number>> {
  const rows = await rowsAmong<{ daemon: string; last_seen: number }>(
    tx,
    { table: 'daemon', columns: ['daemon', 'last_seen'], key: DAEMON_KEY },
    daemons.slice(0, LAST_SEEN_MAX).map((daemon) => [daemon]),
  );
  const seen: Record<string, number> = {};
  for (const { daemon, last_seen } of rows) {
    const node = parseDaemonId(daemon)?.node;
    if (node !== undefined) seen[node] = last_seen;
  }
  return seen;
}

/** Notes signs of life; the newest counts, and a daemon that is not known is passed over. */
export async function touch(
  tx: Tx,
  input: { readonly seen: readonly { readonly daemon: string; readonly lastSeen: number }[] },
): Promise<null> {
  const newest = new Map<string, number>();
  for (const { daemon, lastSeen } of input.seen) newest.set(daemon, Math.max(lastSeen, newest.get(daemon) ?? 0));
  if (newest.size > 0) await tx.run(TOUCH, [JSON.stringify([...newest])]);
  return null;
}

const TOUCH: Sql = {
  sqlite: `UPDATE daemon SET last_seen = json_extract(k.value, '$[1]') FROM json_each($1) k
    WHERE daemon.daemon = json_extract(k.value, '$[0]') AND daemon.last_seen < json_extract(k.value, '$[1]')`,
  postgresql: `UPDATE daemon SET last_seen = CAST(k.value ->> 1 AS BIGINT)
    FROM json_array_elements(CAST($1 AS json)) k(value)
    WHERE daemon.daemon = k.value ->> 0 AND daemon.last_seen < CAST(k.value ->> 1 AS BIGINT)`,
};
