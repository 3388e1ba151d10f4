/** Daemons and their links, as the tree's roster wants them remembered, and the nodes they make known. */
import { type DaemonId, type Json, parseDaemonId, roleRank } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { cursors, type Tx } from '@csm/store';
import type { DaemonRecord, RosterRecord, RosterRecorded, Telling } from '@csm/tree';

/** Longest list of names a change row spells out, characters folded. */
const NODES_TEXT_MAX = 100_000;
/** Nodes of one telling whose last sign of life it spells out. */
const LAST_SEEN_MAX = 1000;

/** Everything the roster wants remembered, with the cursors its claims are answered with. One transaction. */
export async function record(tx: Tx, input: RosterRecord): Promise<RosterRecorded> {
  for (const d of input.daemons) await upsertDaemon(tx, d);
  for (const { hub, linked } of input.hubs) {
    await tx.run(
      'INSERT INTO hub (hub, linked, since) VALUES ($1, $2, $3) ON CONFLICT (hub) DO UPDATE SET linked = excluded.linked, since = excluded.since',
      [hub, linked ? 1 : 0, tx.now],
    );
  }
  for (const telling of input.tellings) await tell(tx, telling);
  const streams = input.claims.map(({ daemon, incarnation }) => ({ daemon, incarnation }));
  const found = streams.length === 0 ? [] : (await cursors(tx, { streams })).cursors;
  const claims: { daemon: string; incarnation: string; cursor: number; inventory: string | null }[] = [];
  for (const { daemon, incarnation, cursor } of found) {
    const node = parseDaemonId(daemon)?.node ?? '';
    const row = await tx.get<{ inventory_hash: string | null }>(
      'SELECT inventory_hash FROM node WHERE node_name = $1',
      [node],
    );
    claims.push({ daemon, incarnation, cursor, inventory: row?.inventory_hash ?? null });
  }
  return { claims };
}

async function upsertDaemon(tx: Tx, d: DaemonRecord): Promise<void> {
  const id = parseDaemonId(d.daemon);
  if (id === undefined) return;
  const { changes } = await tx.run(
    `UPDATE daemon SET told = $2, connected = $3, primary_agg = $4, secondary_agg = $5, term = $6, incarnation = $7,
       incarnation_since = $8, last_seen = $9, address = COALESCE($10, address), version = COALESCE($11, version),
       session = COALESCE($12, session) WHERE daemon = $1`,
    daemonValues(d),
  );
  if (changes > 0) return;
  await tx.run(
    `INSERT INTO daemon (daemon, told, connected, primary_agg, secondary_agg, term, incarnation, incarnation_since, last_seen,
       address, version, session, role, node_name, first_seen) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [...daemonValues(d), id.role, id.node, tx.now],
  );
  await firstContact(tx, id.node, id.role);
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

/** A node never seen before is DISCOVERED; its type is that of its main daemon. */
export async function firstContact(
  tx: Tx,
  node: string,
  role: DaemonId extends `${infer R}/${string}` ? R : never,
): Promise<void> {
  const known = await tx.get<{ type: string }>('SELECT type FROM node WHERE node_name = $1', [node]);
  if (known === undefined) {
    await tx.run(
      `INSERT INTO node (node_name, type, state, first_seen, update_time) VALUES ($1, $2, 'DISCOVERED', $3, $3)`,
      [node, role, tx.now],
    );
    await tx.change('node', node, { state: 'DISCOVERED', cause: 'first contact', type: role });
  } else if (isRoleAbove(role, known.type)) {
    await tx.run('UPDATE node SET type = $2, update_time = $3 WHERE node_name = $1', [node, role, tx.now]);
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
  const seen: Record<string, number> = {};
  for (const daemon of daemons.slice(0, LAST_SEEN_MAX)) {
    const row = await tx.get<{ last_seen: number }>('SELECT last_seen FROM daemon WHERE daemon = $1', [daemon]);
    const node = parseDaemonId(daemon)?.node;
    if (row !== undefined && node !== undefined) seen[node] = row.last_seen;
  }
  return seen;
}

export async function touch(
  tx: Tx,
  input: { readonly seen: readonly { readonly daemon: string; readonly lastSeen: number }[] },
): Promise<null> {
  for (const { daemon, lastSeen } of input.seen) {
    await tx.run('UPDATE daemon SET last_seen = $2 WHERE daemon = $1 AND last_seen < $2', [daemon, lastSeen]);
  }
  return null;
}
