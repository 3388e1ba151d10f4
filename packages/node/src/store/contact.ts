/** Facts about contact in the database, and what the machine of `states/contact.ts` makes of them. */
import { deleteAmong, rowsAmong, type Tx } from '@csm/store';
import { type Contact, type ContactEvent, type Spans, type Standing, stepContact } from '../states/contact.ts';
import { moveAll, NODE_KEY, readStates, type StateMove, standingOf } from './states.ts';

interface ContactRow {
  readonly node_name: string;
  readonly what: Contact['what'];
  readonly since: number;
  readonly judge_from: number;
  readonly hub: string | null;
  readonly why: string | null;
}

const COLUMNS = ['node_name', 'what', 'since', 'judge_from', 'hub', 'why'];
const CHANGED = `(node_name) DO UPDATE SET what = excluded.what, since = excluded.since,
  judge_from = excluded.judge_from, hub = excluded.hub, why = excluded.why`;

/** Nodes of one aggregator that are told at once that it is back. */
const ORPHANS_MAX = 100_000;
/** Where no deadline is judged. */
const NEVER: Spans = {
  grace: Number.MAX_SAFE_INTEGER,
  orphanGrace: Number.MAX_SAFE_INTEGER,
  stableFor: Number.MAX_SAFE_INTEGER,
};

export async function readContacts(tx: Tx, names: readonly string[]): Promise<Map<string, Contact>> {
  const rows = await rowsAmong<ContactRow>(
    tx,
    { table: 'node_contact', columns: COLUMNS, key: NODE_KEY },
    [...new Set(names)].map((node) => [node]),
  );
  return new Map(rows.map((row) => [row.node_name, contactOf(row)]));
}

export const contactOf = ({ what, since, judge_from: from, hub, why }: Omit<ContactRow, 'node_name'>): Contact => ({
  what,
  since,
  from,
  hub,
  why,
});

export interface NodeEvent {
  readonly node: string;
  readonly event: ContactEvent;
}

/**
 * Takes events in their order, several of one node too; nodes that are not known are passed over. A deadline that moves
 * a node is the last event of its list.
 */
export async function stepAll(tx: Tx, events: readonly NodeEvent[], spans: Spans = NEVER): Promise<number> {
  if (events.length === 0) return 0;
  const names = events.map(({ node }) => node);
  const states = await readStates(tx, names);
  const before = await readContacts(tx, [...states.keys()]);
  const after = new Map<string, Contact | undefined>(before);
  const moves: StateMove[] = [];
  for (const { node, event } of events) {
    const row = states.get(node);
    if (row === undefined) continue;
    const standing: Standing = standingOf(row, after.get(node));
    const { contact, move } = stepContact(standing, event, tx.now, spans);
    after.set(node, contact);
    if (move !== undefined)
      moves.push({ node: row, to: move.to, cause: 'contact', reason: move.reason, by: null, back: move.back });
  }
  await write(tx, before, after);
  await moveAll(tx, moves);
  return moves.length;
}

async function write(
  tx: Tx,
  before: ReadonlyMap<string, Contact>,
  after: ReadonlyMap<string, Contact | undefined>,
): Promise<void> {
  const changed = [...after].filter(([node, contact]) => JSON.stringify(contact) !== JSON.stringify(before.get(node)));
  const gone = changed.flatMap(([node, contact]) => (contact === undefined ? [[node]] : []));
  await deleteAmong(tx, { table: 'node_contact', key: NODE_KEY }, gone);
  const kept = changed.flatMap(([node, contact]) =>
    contact === undefined
      ? []
      : [[node, contact.what, contact.since, contact.from, contact.hub, contact.why?.slice(0, WHY_MAX) ?? null]],
  );
  await tx.insert('node_contact', COLUMNS, kept, { onConflict: CHANGED });
}

/** Characters of how contact was lost. */
const WHY_MAX = 500;

/** Nodes that lost contact with this aggregator, and are judged now that it is back. */
export async function orphansOf(tx: Tx, hub: string): Promise<NodeEvent[]> {
  const rows = await tx.all<{ node_name: string }>(
    `SELECT node_name FROM node_contact WHERE hub = $1 LIMIT ${ORPHANS_MAX}`,
    [hub],
  );
  return rows.map(({ node_name: node }) => ({ node, event: { kind: 'hubBack', hub } }));
}

/**
 * Judges nodes whose time is over; the caller has seen in the roster that what is told of their contact still holds.
 * `linked` and `lost` are those where it does not, for a telling that never came. Gives how many were moved.
 */
export async function judge(
  tx: Tx,
  given: Spans & {
    readonly nodes: readonly string[];
    readonly linked: readonly string[];
    readonly lost: readonly string[];
  },
): Promise<{ readonly moved: number }> {
  const { nodes, linked, lost, grace, orphanGrace, stableFor } = given;
  const each = (names: readonly string[], event: ContactEvent) => names.map((node) => ({ node, event }));
  const events = [
    ...each(linked, { kind: 'linked' }),
    ...each(lost, { kind: 'lost', planned: false, hub: null, why: 'it has no link' }),
    ...each(nodes, { kind: 'deadline' }),
  ];
  return { moved: await stepAll(tx, events, { grace, orphanGrace, stableFor }) };
}
