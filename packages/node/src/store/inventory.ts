/** Inventory documents into the tables: the newest of a node counts, its parts are held against those known. */
import { isObject, wall } from '@csm/model';
import type { ReportApplier, ReportItem, Tx } from '@csm/store';
import { PART_KINDS, type Part, type PartKind } from '../hardware.ts';
import { HARDWARE_FACTS, profileOf } from '../parts/compare.ts';
import { readParts } from '../parts/read.ts';
import { type Applied, applyParts, knownParts } from './hardware.ts';
import { rebooted as noteReboot } from './reboot.ts';
import { firstContacts, isRoleAbove } from './roster.ts';

const TEXTS = [
  'machine_model',
  'serial_number',
  'architecture',
  'boot_id',
  'kernel_release',
  'kernel_version',
  'os_image_name',
  'cpu_model',
  'bios_version',
  'bmc_address',
] as const;
const NUMBERS = [
  'installed_memory',
  'installed_swap',
  'discovered_sockets',
  'discovered_cores',
  'discovered_threads',
] as const;
/** How many parts of a kind a node says it has; a daemon that tells of no parts leaves these columns alone. */
const COUNTS = {
  discovered_dimms: 'dimm',
  discovered_gpus: 'gpu',
  discovered_hcas: 'hca',
  discovered_nics: 'nic',
  discovered_ssds: 'ssd',
} as const;

/** It stands in messages to the node's hub: what breaks their schema must not get in. */
const HASH = /^[A-Za-z0-9_-]{1,64}$/;
/** A document as JSON, characters; a report's body is smaller. */
const DOCUMENT_MAX = 256 * 1024;

type Document = Readonly<Record<string, unknown>>;
interface Known {
  readonly type: string;
  readonly boot_id: string | null;
  readonly inventory_hash: string | null;
  readonly kinds_seen: string | null;
  readonly profile: string | null;
  readonly profile_facts: string | null;
}

/** A daemon of lesser role does not overwrite what the node's main one told. */
export const inventory: ReportApplier = async (tx, items) => {
  const bodies = items.map(({ body }) => readBody(body));
  await firstContacts(tx, items);
  for (const [i, item] of items.entries()) {
    const { hash, document } = bodies[i] as Body;
    const known = await tx.get<Known>(
      'SELECT type, boot_id, inventory_hash, kinds_seen, profile, profile_facts FROM node WHERE node_name = $1',
      [item.node],
    );
    if (known === undefined || isRoleAbove(known.type as typeof item.role, item.role)) continue;
    await storeDocument(tx, item, hash, document);
    const { events, leftOut } = await storeParts(tx, item, document, known);
    const bootId = textOf(document, 'boot_id');
    const rebooted = known.boot_id !== null && bootId !== null && known.boot_id !== bootId;
    if (rebooted) await noteReboot(tx, item.node, bootId);
    if (known.inventory_hash === hash && events.length === 0) continue;
    await tx.change('inventory', item.node, {
      hash,
      rebooted,
      ...(events.length === 0 ? {} : { parts: tally(events) }),
      ...(leftOut === 0 ? {} : { left_out: leftOut }),
    });
  }
};

interface Body {
  readonly hash: string;
  readonly document: Document;
}

function readBody(body: unknown): Body {
  if (!isObject(body) || typeof body['hash'] !== 'string' || !isObject(body['document'])) {
    throw new Error(`an inventory must be {hash, document}, not ${JSON.stringify(body)?.slice(0, 80)}`);
  }
  if (!HASH.test(body['hash']))
    throw new Error(
      `an inventory's hash must be 1 to 64 letters, digits, - or _, not ${JSON.stringify(body['hash'].slice(0, 80))}`,
    );
  return { hash: body['hash'], document: body['document'] };
}

async function storeDocument(tx: Tx, item: ReportItem, hash: string, document: Document): Promise<void> {
  const text = JSON.stringify(document);
  if (text.length > DOCUMENT_MAX)
    throw new Error(`an inventory document has ${text.length} characters; at most ${DOCUMENT_MAX} are allowed`);
  const values = [
    ...TEXTS.map((field) => textOf(document, field)),
    ...NUMBERS.map((field) => numberOf(document, field)),
  ];
  const sets = [...TEXTS, ...NUMBERS].map((field, i) => `${field} = $${i + 5}`).join(', ');
  await tx.run(
    `UPDATE node SET inventory_hash = $2, collection_time = $3, update_time = $4, ${sets} WHERE node_name = $1`,
    [item.node, hash, item.time, tx.now, ...values],
  );
  await tx.run(
    `INSERT INTO inventory (node_name, document) VALUES ($1, $2)
     ON CONFLICT (node_name) DO UPDATE SET document = excluded.document`,
    [item.node, text],
  );
}

/** What happened to its parts. */
async function storeParts(
  tx: Tx,
  item: ReportItem,
  document: Document,
  known: Known,
): Promise<Pick<Applied, 'events' | 'leftOut'>> {
  const report = readParts(document);
  if (report === undefined) {
    await storeProfile(tx, item.node, known, document, await knownParts(tx, item.node));
    return { events: [], leftOut: 0 };
  }
  const seen = new Set((known.kinds_seen ?? '').split(' ').filter(isKind));
  // A clock that is ahead must not make every later report of others look old.
  const where = { node: item.node, madeAt: wall(Math.min(item.time, tx.now)), seen };
  const { after, events, leftOut, seen: seenNow } = await applyParts(tx, where, report);
  const counts = Object.entries(COUNTS).map(([field, kind]) =>
    document[field] === undefined && !report.unread.has(kind)
      ? after.filter((part) => part.kind === kind).length
      : numberOf(document, field),
  );
  const sets = Object.keys(COUNTS)
    .map((field, i) => `${field} = $${i + 3}`)
    .join(', ');
  await tx.run(`UPDATE node SET kinds_seen = $2, ${sets} WHERE node_name = $1`, [
    item.node,
    [...seenNow].sort().join(' '),
    ...counts,
  ]);
  await storeProfile(tx, item.node, known, document, after);
  return { events, leftOut };
}

/**
 * What describes a profile is kept once, as long as a node has it. A fact that could not be read this time counts as it
 * was last known.
 */
async function storeProfile(
  tx: Tx,
  node: string,
  { profile: before, profile_facts }: Known,
  document: Document,
  parts: readonly Part[],
): Promise<void> {
  const last = (profile_facts === null ? {} : JSON.parse(profile_facts)) as Document;
  const facts = Object.fromEntries(HARDWARE_FACTS.map((field) => [field, document[field] ?? last[field] ?? null]));
  const text = JSON.stringify(facts);
  if (text !== profile_facts) await tx.run('UPDATE node SET profile_facts = $2 WHERE node_name = $1', [node, text]);
  const { profile, machine_model, cpu_model, summary } = profileOf({ document: facts, parts });
  if (profile === before) return;
  await tx.run('UPDATE node SET profile = $2 WHERE node_name = $1', [node, profile]);
  await tx.run(
    `INSERT INTO profile (profile, machine_model, cpu_model, summary) VALUES ($1, $2, $3, $4)
     ON CONFLICT (profile) DO NOTHING`,
    [profile, machine_model, cpu_model, summary],
  );
  if (before !== null)
    await tx.run('DELETE FROM profile WHERE profile = $1 AND NOT EXISTS (SELECT 1 FROM node WHERE node.profile = $1)', [
      before,
    ]);
}

const isKind = (word: string): word is PartKind => (PART_KINDS as readonly string[]).includes(word);

function tally(events: Applied['events']): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const event of events) counts[event] = (counts[event] ?? 0) + 1;
  return counts;
}

function textOf(document: Document, field: string): string | null {
  const value = document[field] ?? null;
  if (value !== null && (typeof value !== 'string' || value.length > 4096))
    throw new Error(`inventory field '${field}' must be text of at most 4096 characters or null`);
  return value;
}

/** What an INTEGER column of PostgreSQL holds. */
const COUNT_MAX = 2 ** 31 - 1;

function numberOf(document: Document, field: string): number | null {
  const value = document[field] ?? null;
  const most = field.startsWith('discovered_') ? COUNT_MAX : Number.MAX_SAFE_INTEGER;
  if (value !== null && (!Number.isSafeInteger(value) || (value as number) < 0 || (value as number) > most))
    throw new Error(`inventory field '${field}' must be a whole number from 0 to ${most} or null`);
  return value as number | null;
}
