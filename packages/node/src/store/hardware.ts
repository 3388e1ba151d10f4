/** Parts and their history: reads what bears on a node's report, and writes what the rules made of it. */
import type { Json, Wall } from '@csm/model';
import type { SqlValue, Tx } from '@csm/store';
import type { PartKind } from '../hardware.ts';
import type { PartsReport } from '../parts/read.ts';
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

/** A node cannot have more than a report may name, but parts of a kind unread stay beside new ones. */
const KNOWN_MAX = 10_000;

export async function knownParts(tx: Tx, node: string): Promise<Held[]> {
  const rows = await tx.all<PartRow>(`SELECT * FROM hardware WHERE node_name = $1 LIMIT ${KNOWN_MAX}`, [node]);
  return rows.map(heldOf);
}

/** Applies what a node told of its parts. */
export async function applyParts(
  tx: Tx,
  { node, madeAt, seen }: Pick<Situation, 'node' | 'madeAt' | 'seen'>,
  report: PartsReport,
): Promise<Pick<Ruling, 'after' | 'seen'> & { readonly rows: readonly Pick<HistoryRow, 'event'>[] }> {
  const known = await knownParts(tx, node);
  const here = new Set(known.map(keyOf));
  const serials = report.parts.flatMap((part) => part.serial ?? []);
  // In the usual report every serial is known in this node, and nothing else bears on it but claims.
  const strange = report.parts.flatMap((part) => (part.serial === null || here.has(keyOf(part)) ? [] : part.serial));
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
      removals: await bearing<Removal>(tx, REMOVALS, [], strange),
      shared: new Set(
        (await bearing<Claim>(tx, 'SELECT kind, serial FROM hardware_shared WHERE serial IN', [], serials)).map(keyOf),
      ),
      claims: [
        ...(await tx.all<Claim>(`${CLAIMS} WHERE node_name = $1`, [node])),
        ...(await bearing<Claim>(tx, `${CLAIMS} WHERE node_name <> $1 AND serial IN`, [node], strange)),
      ],
    },
    report,
  );
  await write(tx, node, madeAt, ruling);
  return {
    after: ruling.after,
    seen: ruling.seen,
    rows: [...ruling.rows, ...ruling.completed.map(() => ({ event: 'moved' as const }))],
  };
}

const CLAIMS = 'SELECT node_name AS node, kind, serial, seq, time, made_at AS "madeAt" FROM hardware_claim';
const REMOVALS =
  'SELECT seq, time, kind, serial, node_name AS node, location FROM hardware_history WHERE is_open = 1 AND serial IN';

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

async function write(tx: Tx, node: string, madeAt: Wall, ruling: Ruling): Promise<void> {
  for (const { kind, serial } of ruling.shared)
    await tx.run(
      'INSERT INTO hardware_shared (kind, serial, since) VALUES ($1, $2, $3) ON CONFLICT (serial, kind) DO NOTHING',
      [kind, serial, tx.now],
    );
  for (const seq of ruling.corrected)
    await tx.run(
      `UPDATE hardware_history SET event = 'inserted', from_node = NULL, from_location = NULL, changes = '{}', is_open = 0
       WHERE seq = $1 AND event = 'moved'`,
      [seq],
    );
  for (const { node: at, kind, serial } of ruling.settled)
    await tx.run('DELETE FROM hardware_claim WHERE node_name = $1 AND kind = $2 AND serial = $3', [at, kind, serial]);
  for (const { seq } of ruling.closed) await tx.run('UPDATE hardware_history SET is_open = 0 WHERE seq = $1', [seq]);
  for (const { removal, location } of ruling.completed)
    await tx.run(
      `UPDATE hardware_history SET event = 'moved', time = $2, from_node = node_name, from_location = location,
         node_name = $3, location = $4, is_open = 0 WHERE seq = $1`,
      [removal.seq, tx.now, node, location],
    );
  for (const part of ruling.drop)
    await tx.run('DELETE FROM hardware WHERE node_name = $1 AND kind = $2 AND location = $3', [
      part.node,
      part.kind,
      part.location,
    ]);
  for (const part of ruling.put) await put(tx, part);
  for (const row of ruling.rows) await add(tx, node, madeAt, row);
}

const put = (tx: Tx, part: Held) =>
  tx.run(
    `INSERT INTO hardware (node_name, kind, location, serial, vendor, model, part_number, firmware, details, passing, since)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
     ON CONFLICT (node_name, kind, location) DO UPDATE SET serial = excluded.serial, vendor = excluded.vendor,
       model = excluded.model, part_number = excluded.part_number, firmware = excluded.firmware,
       details = excluded.details, passing = excluded.passing, since = excluded.since`,
    [
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
    ],
  );

/** A row of history; a move leaves a claim at the node it came from. */
async function add(tx: Tx, node: string, madeAt: Wall, row: HistoryRow): Promise<void> {
  const { event, kind, serial, location, from, changes, open } = row;
  const added = await tx.get<{ seq: number }>(
    `INSERT INTO hardware_history (time, event, kind, serial, node_name, location, from_node, from_location, changes, is_open)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq`,
    [
      tx.now,
      event,
      kind,
      serial,
      node,
      location,
      from?.node ?? null,
      from?.location ?? null,
      JSON.stringify(changes),
      event === 'removed' && open ? 1 : 0,
    ],
  );
  if (event !== 'moved' || from === undefined || serial === null || added === undefined) return;
  await tx.run(
    `INSERT INTO hardware_claim (node_name, kind, serial, seq, time, made_at) VALUES ($1, $2, $3, $4, $5, $6)
     ON CONFLICT (node_name, kind, serial) DO UPDATE SET seq = excluded.seq, time = excluded.time, made_at = excluded.made_at`,
    [from.node, kind, serial, added.seq, tx.now, madeAt],
  );
}

/** Rows of history kept however young they are. */
const HISTORY_MAX = 2_000_000;
/** Rows pruned in one transaction. */
const SLICE = 1000;

/** Removes the oldest rows of history, one slice; `more` tells that another has work. */
export async function prune(
  tx: Tx,
  { olderThan }: { readonly olderThan: number },
): Promise<{ readonly more: boolean }> {
  const old = await tx.run(
    'DELETE FROM hardware_history WHERE seq IN (SELECT seq FROM hardware_history WHERE time < $1 ORDER BY time LIMIT $2)',
    [olderThan, SLICE],
  );
  const many = await tx.run(
    `DELETE FROM hardware_history WHERE seq IN
       (SELECT seq FROM hardware_history WHERE seq <= (SELECT max(seq) FROM hardware_history) - $1 ORDER BY seq LIMIT $2)`,
    [HISTORY_MAX, SLICE],
  );
  return { more: old.changes === SLICE || many.changes === SLICE };
}
