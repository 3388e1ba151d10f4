/** Tables and procedures of the node feature: daemons and their links, node records, inventory. */
import { type DaemonId, isObject, type Json, parseDaemonId, roleRank } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { cursors, type Migration, type ReportApplier, type Tx } from '@csm/store';
import type { DaemonRecord, RosterRecord, RosterRecorded, Telling } from '@csm/tree';

export const name = 'node';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'daemons, hubs and nodes',
    sql: `
      CREATE TABLE daemon (
        daemon TEXT PRIMARY KEY, role TEXT NOT NULL, node_name TEXT NOT NULL,
        told INTEGER NOT NULL, connected INTEGER NOT NULL, primary_agg TEXT, secondary_agg TEXT,
        term BIGINT NOT NULL, incarnation TEXT NOT NULL, incarnation_since BIGINT NOT NULL,
        first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL, address TEXT, version TEXT, session TEXT
      );
      CREATE TABLE hub (hub TEXT PRIMARY KEY, linked INTEGER NOT NULL, since BIGINT NOT NULL);
      CREATE TABLE node (
        node_name TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, first_seen BIGINT NOT NULL,
        update_time BIGINT NOT NULL, collection_time BIGINT, inventory_hash TEXT,
        machine_model TEXT, serial_number TEXT, architecture TEXT, boot_id TEXT,
        kernel_release TEXT, kernel_version TEXT, os_image_name TEXT,
        installed_memory BIGINT, installed_swap BIGINT,
        discovered_sockets INTEGER, discovered_cores INTEGER, discovered_threads INTEGER
      )`,
  },
];

/** Longest list of names a change row spells out, characters folded. */
const NODES_TEXT_MAX = 100_000;
/** Nodes of one telling whose last sign of life it spells out. */
const LAST_SEEN_MAX = 1000;

/** Everything the roster wants remembered, with the cursors its claims are answered with. One transaction. */
async function record(tx: Tx, input: RosterRecord): Promise<RosterRecorded> {
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
async function firstContact(
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

const isRoleAbove = (role: Parameters<typeof roleRank>[0], than: string): boolean =>
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

async function touch(
  tx: Tx,
  input: { readonly seen: readonly { readonly daemon: string; readonly lastSeen: number }[] },
): Promise<null> {
  for (const { daemon, lastSeen } of input.seen) {
    await tx.run('UPDATE daemon SET last_seen = $2 WHERE daemon = $1 AND last_seen < $2', [daemon, lastSeen]);
  }
  return null;
}

export const procedures = { record, touch };

const TEXTS = [
  'machine_model',
  'serial_number',
  'architecture',
  'boot_id',
  'kernel_release',
  'kernel_version',
  'os_image_name',
] as const;
const NUMBERS = [
  'installed_memory',
  'installed_swap',
  'discovered_sockets',
  'discovered_cores',
  'discovered_threads',
] as const;

/** It stands in messages to the node's hub: what breaks their schema must not get in. */
const HASH = /^[A-Za-z0-9_-]{1,64}$/;

/** Whole inventory documents, the newest of a node counts. A daemon of lesser role does not overwrite the main one's. */
const inventory: ReportApplier = async (tx, items) => {
  for (const item of items) {
    const { body } = item;
    if (!isObject(body) || typeof body['hash'] !== 'string' || !isObject(body['document'])) {
      throw new Error(`an inventory must be {hash, document}, not ${JSON.stringify(body)?.slice(0, 80)}`);
    }
    if (!HASH.test(body['hash']))
      throw new Error(
        `an inventory's hash must be 1 to 64 letters, digits, - or _, not ${JSON.stringify(body['hash'].slice(0, 80))}`,
      );
    const document = body['document'];
    await firstContact(tx, item.node, item.role);
    const known = await tx.get<{ type: string; boot_id: string | null; inventory_hash: string | null }>(
      'SELECT type, boot_id, inventory_hash FROM node WHERE node_name = $1',
      [item.node],
    );
    if (known === undefined || isRoleAbove(known.type as typeof item.role, item.role)) continue;
    const values = [
      ...TEXTS.map((field) => textOf(document, field)),
      ...NUMBERS.map((field) => numberOf(document, field)),
    ];
    const sets = [...TEXTS, ...NUMBERS].map((field, i) => `${field} = $${i + 5}`).join(', ');
    await tx.run(
      `UPDATE node SET inventory_hash = $2, collection_time = $3, update_time = $4, ${sets} WHERE node_name = $1`,
      [item.node, body['hash'], item.time, tx.now, ...values],
    );
    if (known.inventory_hash !== body['hash']) {
      const rebooted = known.boot_id !== null && known.boot_id !== textOf(document, 'boot_id');
      await tx.change('inventory', item.node, { hash: body['hash'], rebooted });
    }
  }
};

function textOf(document: Readonly<Record<string, unknown>>, field: string): string | null {
  const value = document[field] ?? null;
  if (value !== null && (typeof value !== 'string' || value.length > 4096))
    throw new Error(`inventory field '${field}' must be text of at most 4096 characters or null`);
  return value;
}

function numberOf(document: Readonly<Record<string, unknown>>, field: string): number | null {
  const value = document[field] ?? null;
  if (value !== null && (!Number.isSafeInteger(value) || (value as number) < 0))
    throw new Error(`inventory field '${field}' must be a whole number from 0 or null`);
  return value as number | null;
}

export const reports = { 'node.inventory': inventory };
