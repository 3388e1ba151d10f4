/** Parts and their history: reads what bears on a node's report, and writes what the rules made of it. */
import type { Json, Wall } from '@csm/model';
import { type Among, deleteAmong, rowsAmong, type SqlValue, type Tx } from '@csm/store';
import type { Part, PartKind } from '../hardware.ts';
import { PARTS_MAX, type PartsReport } from '../parts/read.ts';
import { rule } from '../parts/rules.ts';
import {
  type Claim,
  type Held,
  type HistoryRow,
  keyOf,
  type Removal,
  type Ruling,
  type Situation,
} from '../parts/situation.ts';
import { Budget } from './budget.ts';

const DAY_MS = 86_400_000;

export interface PartRow {
  readonly node_name: string;
  readonly kind: PartKind;
  readonly location: string;
  readonly serial: string | null;
  readonly vendor: string | null;
  readonly model: string | null;
  readonly part_number: string | null;
  readonly firmware: string | null;
  readonly details: string;
  readonly passing: string;
  readonly since: Wall;
}

type Fields = { readonly [name: string]: Json };

/** A row of `hardware` as a part. */
export function heldOf({ node_name, details, passing, ...row }: PartRow): Held {
  return {
    ...row,
    node: node_name,
    details: JSON.parse(details) as Fields,
    passing: JSON.parse(passing) as Fields,
  };
}

export async function knownParts(tx: Tx, node: string): Promise<Held[]> {
  const rows = await tx.all<PartRow>(`SELECT * FROM hardware WHERE node_name = $1 LIMIT ${PARTS_MAX}`, [node]);
  return rows.map(heldOf);
}

/** What became of a report. */
export interface Applied extends Pick<Ruling, 'after' | 'seen'> {
  /** What happened to parts: all of it, whether or not each has a row. */
  readonly events: readonly HistoryRow['event'][];
  /** Rows of history that were not written, because the node had made as many as it may on this day. */
  readonly leftOut: number;
}

/** Applies what a node told of its parts. */
export async function applyParts(
  tx: Tx,
  { node, madeAt, seen }: Pick<Situation, 'node' | 'madeAt' | 'seen'>,
  report: PartsReport,
): Promise<Applied> {
  const known = await knownParts(tx, node);
  const here = new Set(known.map(keyOf));
  const serials = report.parts.flatMap((part) => part.serial ?? []);
  // In the usual report every serial is known in this node, and nothing else bears on it but claims.
  const strange = report.parts.flatMap((part) => (part.serial === null || here.has(keyOf(part)) ? [] : part.serial));
  const shared = await bearing<SharedRow>(
    tx,
    'SELECT kind, serial, seen FROM hardware_shared WHERE serial IN',
    [],
    serials,
  );
  const ruling = rule(
    {
      node,
      now: tx.now,
      madeAt,
      known,
      seen,
      elsewhere: (
        await bearing<PartRow>(tx, 'SELECT * FROM hardware WHERE node_name <> $1 AND serial IN', [node], strange)
      ).map(heldOf),
      removals: (await bearing<RemovalRow>(tx, REMOVALS, [], strange)).map(removalOf),
      shared: new Set(shared.map(keyOf)),
      claims: [
        ...(await tx.all<Claim>(`${CLAIMS} WHERE node_name = $1`, [node])),
        ...(await bearing<Claim>(tx, `${CLAIMS} WHERE node_name <> $1 AND serial IN`, [node], strange)),
      ],
    },
    report,
  );
  const told = new Set(report.parts.map(keyOf));
  await stillShared(
    tx,
    shared.filter((row) => told.has(keyOf(row))),
  );
  const budget = await Budget.open(tx, node);
  await write(tx, node, madeAt, ruling, budget);
  await budget.save(tx);
  return {
    after: ruling.after,
    seen: ruling.seen,
    events: [...ruling.rows.map(({ event }) => event), ...ruling.completed.map(() => 'moved' as const)],
    leftOut: budget.leftOut,
  };
}

/** Nodes whose parts are looked at together: a large node has some hundred. */
const NODES_AT_ONCE = 200;

/**
 * These nodes are deleted, and their parts with them. What has a serial is told as removed: it may turn up elsewhere, and
 * is then told as moved. A part without one is its place, which is no more.
 */
export async function removeParts(tx: Tx, nodes: readonly string[]): Promise<void> {
  for (let i = 0; i < nodes.length; i += NODES_AT_ONCE) {
    const some = nodes.slice(i, i + NODES_AT_ONCE).map((node) => [node]);
    const parts = await rowsAmong<PartRow>(tx, { table: 'hardware', columns: ['*'], key: NODE }, some);
    const rows = parts
      .filter(({ serial }) => serial !== null)
      .map((row) => {
        const part = heldOf(row);
        const { kind, serial, location } = part;
        return historyValues(tx, part.node, { event: 'removed', kind, serial, location, changes: {}, part });
      });
    await tx.insert('hardware_history', HISTORY_COLUMNS, rows);
    await deleteAmong(tx, { table: 'hardware', key: NODE }, some);
  }
}

const NODE: Among['key'] = [['node_name', 'TEXT']];

interface SharedRow {
  readonly kind: PartKind;
  readonly serial: string;
  readonly seen: Wall;
}

/** A shared serial is kept as long as it is told; that it was is written once a day. */
async function stillShared(tx: Tx, rows: readonly SharedRow[]): Promise<void> {
  for (const { kind, serial, seen } of rows)
    if (seen <= tx.now - DAY_MS)
      await tx.run('UPDATE hardware_shared SET seen = $3 WHERE serial = $1 AND kind = $2', [serial, kind, tx.now]);
}

const CLAIMS = 'SELECT node_name AS node, kind, serial, seq, time, made_at AS "madeAt" FROM hardware_claim';
const REMOVALS =
  'SELECT seq, time, kind, serial, node_name AS node, location, part FROM hardware_history WHERE part IS NOT NULL AND serial IN';

type RemovalRow = Omit<Removal, 'part'> & { readonly part: string };
const removalOf = ({ part, ...row }: RemovalRow): Removal => ({ ...row, part: JSON.parse(part) as Part });

/** What is told of a removed part should it turn up elsewhere; what passes has passed. */
const partText = ({ kind, location, serial, vendor, model, part_number, firmware, details }: Part): string =>
  JSON.stringify({ kind, location, serial, vendor, model, part_number, firmware, details, passing: {} });

/** Serials asked for in one statement: always as many, so that one prepared statement does. */
const AT_ONCE = 50;
/** Rows one such statement may give: a serial has one holder, but for shared ones. */
const BEARING_MAX = 1000;

/** Rows that bear one of these serials, of whatever kind. */
async function bearing<Row>(
  tx: Tx,
  sql: string,
  params: readonly SqlValue[],
  serials: readonly string[],
): Promise<Row[]> {
  const rows: Row[] = [];
  const wanted = [...new Set(serials)];
  const holes = Array.from({ length: AT_ONCE }, (_, i) => `$${params.length + i + 1}`).join(', ');
  for (let i = 0; i < wanted.length; i += AT_ONCE) {
    const some = Array.from({ length: AT_ONCE }, (_, n) => wanted[i + n] ?? wanted[i] ?? '');
    rows.push(...(await tx.all<Row>(`${sql} (${holes}) LIMIT ${BEARING_MAX}`, [...params, ...some])));
  }
  return rows;
}

async function write(tx: Tx, node: string, madeAt: Wall, ruling: Ruling, budget: Budget): Promise<void> {
  const shared = ruling.shared.filter(() => budget.take()).map(({ kind, serial }) => [kind, serial, tx.now]);
  await tx.insert('hardware_shared', ['kind', 'serial', 'seen'], shared, { passOver: true });
  for (const seq of ruling.corrected)
    await tx.run(
      `UPDATE hardware_history SET event = 'inserted', from_node = NULL, from_location = NULL, changes = '{}'
       WHERE seq = $1 AND event = 'moved'`,
      [seq],
    );
  for (const { node: at, kind, serial } of ruling.settled)
    await tx.run('DELETE FROM hardware_claim WHERE node_name = $1 AND kind = $2 AND serial = $3', [at, kind, serial]);
  for (const { seq } of ruling.closed) await tx.run('UPDATE hardware_history SET part = NULL WHERE seq = $1', [seq]);
  for (const { removal, location, changes } of ruling.completed)
    await tx.run(
      `UPDATE hardware_history SET event = 'moved', time = $2, from_node = node_name, from_location = location,
         node_name = $3, location = $4, changes = $5, part = NULL WHERE seq = $1`,
      [removal.seq, tx.now, node, location, JSON.stringify(changes)],
    );
  await deleteAmong(
    tx,
    PLACE,
    ruling.drop.map((part) => [part.node, part.kind, part.location]),
  );
  await putAll(tx, ruling.put);
  // Rows are numbered in their order; only the number of a move is asked for.
  let waiting: HistoryRow[] = [];
  for (const row of ruling.rows) {
    const isWritten = budget.take();
    if (row.from === undefined || row.serial === null) {
      if (isWritten) waiting.push(row);
      continue;
    }
    await addAll(tx, node, waiting);
    waiting = [];
    const seq = isWritten ? await add(tx, node, row) : NO_ROW;
    await claim(tx, { node: row.from.node, kind: row.kind, serial: row.serial, seq, time: tx.now, madeAt });
  }
  await addAll(tx, node, waiting);
}

const PLACE: Pick<Among, 'table' | 'key'> = {
  table: 'hardware',
  key: [
    ['node_name', 'TEXT'],
    ['kind', 'TEXT'],
    ['location', 'TEXT'],
  ],
};

const PART_COLUMNS = [
  'node_name',
  'kind',
  'location',
  'serial',
  'vendor',
  'model',
  'part_number',
  'firmware',
  'details',
  'passing',
  'since',
];
const CHANGED_PART = `(node_name, kind, location) DO UPDATE SET serial = excluded.serial, vendor = excluded.vendor,
  model = excluded.model, part_number = excluded.part_number, firmware = excluded.firmware,
  details = excluded.details, passing = excluded.passing, since = excluded.since`;

/** Of two at one place the last stays. */
async function putAll(tx: Tx, parts: readonly Held[]): Promise<void> {
  const places = new Map(parts.map((part) => [`${part.node} ${part.kind} ${part.location}`, part]));
  const rows = [...places.values()].map((part) => [
    part.node,
    part.kind,
    part.location,
    part.serial,
    part.vendor,
    part.model,
    part.part_number,
    part.firmware,
    JSON.stringify(part.details),
    JSON.stringify(part.passing),
    part.since,
  ]);
  await tx.insert('hardware', PART_COLUMNS, rows, { onConflict: CHANGED_PART });
}

/** Of a claim whose row was left out: no row bears this number. */
const NO_ROW = 0;

const HISTORY_COLUMNS = [
  'time',
  'event',
  'kind',
  'serial',
  'node_name',
  'location',
  'from_node',
  'from_location',
  'changes',
  'part',
];

const historyValues = (tx: Tx, node: string, { event, kind, serial, location, from, changes, part }: HistoryRow) => [
  tx.now,
  event,
  kind,
  serial,
  node,
  location,
  from?.node ?? null,
  from?.location ?? null,
  JSON.stringify(changes),
  part === undefined ? null : partText(part),
];

const addAll = (tx: Tx, node: string, rows: readonly HistoryRow[]) =>
  tx.insert(
    'hardware_history',
    HISTORY_COLUMNS,
    rows.map((row) => historyValues(tx, node, row)),
  );

/** A row of history; gives its number. */
async function add(tx: Tx, node: string, row: HistoryRow): Promise<number> {
  const holes = HISTORY_COLUMNS.map((_, i) => `$${i + 1}`).join(', ');
  const sql = `INSERT INTO hardware_history (${HISTORY_COLUMNS.join(', ')}) VALUES (${holes}) RETURNING seq`;
  return (await tx.get<{ seq: number }>(sql, historyValues(tx, node, row)))?.seq ?? NO_ROW;
}

/** A move leaves a claim at the node the part came from. */
const claim = (tx: Tx, { node, kind, serial, seq, time, madeAt }: Claim) =>
  tx.run(
    `INSERT INTO hardware_claim (node_name, kind, serial, seq, time, made_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (node_name, kind, serial) DO UPDATE SET seq = excluded.seq, time = excluded.time, made_at = excluded.made_at`,
    [node, kind, serial, seq, time, madeAt],
  );
