/** Parts and their history out of the database, in pieces that fit in memory. */
import { code, fail, type JsonObject, wall } from '@csm/model';
import { compareNames, type NodeSet } from '@csm/nodeset';
import type { SqlValue, Store } from '@csm/store';
import { HISTORY_ANSWER_MAX } from './api.ts';
import type { HardwareRecord, HistoryRecord } from './api-records.ts';
import { PART_KINDS, type PartKind } from './hardware.ts';
import type { Held } from './parts/situation.ts';
import { heldOf, type PartRow } from './store/hardware.ts';

export interface HardwareFilter {
  readonly nodes?: NodeSet | undefined;
  readonly kind?: PartKind | undefined;
  readonly serial?: string | undefined;
}

/** Rows read at a time: even when each is as large as it may be, they are less than one query may give. */
const PAGE = 1000;
/** Names in one statement, always as many, so that one prepared statement does; in a larger set all rows are read. */
const NAMES_ASKED = 50;
/** Nodes that may have parts. */
const NODES_MAX = 50_000;

/**
 * The parts of some nodes, by node in natural order, kind and location. Read piece by piece as they are taken: however
 * many they are, a thousand or those of one node stand in memory.
 */
export async function* hardwareOf(
  store: Store,
  filter: HardwareFilter,
  signal?: AbortSignal,
): AsyncGenerator<HardwareRecord> {
  for (const names of await pieces(store, filter)) {
    if (signal?.aborted === true) return;
    const parts = await readParts(store, names, filter);
    parts.sort(
      (a, b) =>
        compareNames(a.node, b.node) ||
        PART_KINDS.indexOf(a.kind) - PART_KINDS.indexOf(b.kind) ||
        compareNames(a.location, b.location),
    );
    yield* parts.map(hardwareRecord);
  }
}

function hardwareRecord({ since, kind, details, passing, ...part }: Held): HardwareRecord {
  const { node, location, serial, vendor, model, part_number, firmware } = part;
  return {
    node,
    kind: kind as never,
    location,
    serial,
    vendor,
    model,
    part_number,
    firmware,
    since: new Date(since).toISOString(),
    details: { ...details },
    passing: { ...passing },
  };
}

/** Nodes that have such parts, in natural order, in pieces of so few that their parts are about a page. */
async function pieces(store: Store, filter: HardwareFilter): Promise<string[][]> {
  const { nodes } = filter;
  const where = new Where();
  where.filter(filter);
  if (nodes !== undefined && nodes.size <= NAMES_ASKED) where.add('node_name IN', nodes.names());
  const rows = await store.query<{ node_name: string; parts: number }>(
    `SELECT node_name, COUNT(*) AS parts FROM hardware ${where.text} GROUP BY node_name`,
    where.values,
    { limit: NODES_MAX },
  );
  const found = rows
    .filter(({ node_name }) => nodes?.has(node_name) ?? true)
    .sort((a, b) => compareNames(a.node_name, b.node_name));
  const cut: string[][] = [];
  let room = 0;
  for (const { node_name, parts } of found) {
    const piece = cut.at(-1);
    if (piece === undefined || piece.length === NAMES_ASKED || parts > room) {
      cut.push([node_name]);
      room = PAGE - parts;
    } else {
      piece.push(node_name);
      room -= parts;
    }
  }
  return cut;
}

/** Parts of these nodes, at most `NAMES_ASKED`, in no order. */
export async function readParts(
  store: Store,
  names: readonly string[],
  filter: Omit<HardwareFilter, 'nodes'> = {},
): Promise<Held[]> {
  const where = new Where();
  where.filter(filter);
  where.add(
    'node_name IN',
    Array.from({ length: NAMES_ASKED }, (_, i) => names[i] ?? names[0] ?? ''),
  );
  return (await store.query<PartRow>(`SELECT * FROM hardware ${where.text}`, where.values)).map(heldOf);
}

interface EventRow {
  readonly seq: number;
  readonly time: number;
  readonly event: string;
  readonly kind: string;
  readonly serial: string | null;
  readonly node_name: string;
  readonly location: string;
  readonly from_node: string | null;
  readonly from_location: string | null;
  /** Each value in there was cut when it was written. */
  readonly changes: string;
}

/** Rows of history in one answer, characters of JSON on the wire, where those from U+0080 up take six: a quarter of what an answer may have. */
const HISTORY_SIZE_MAX = 16 * 1024 * 1024;

/** The newest rows of history that concern these nodes, newest last. Code 30 when they are too large for an answer. */
export async function listHistory(
  store: Store,
  filter: HardwareFilter & { readonly since?: number | undefined; readonly limit: number },
  signal?: AbortSignal,
): Promise<HistoryRecord[]> {
  const { nodes, since } = filter;
  const limit = Math.min(filter.limit, HISTORY_ANSWER_MAX);
  const found: EventRow[] = [];
  let size = 0;
  for (let last: EventRow | undefined; found.length < limit && signal?.aborted !== true; ) {
    const where = new Where();
    where.filter(filter);
    if (since !== undefined) where.add('time >=', since);
    if (nodes !== undefined && nodes.size <= NAMES_ASKED) {
      const names = nodes.names();
      where.either(['node_name IN', names], ['from_node IN', names]);
    }
    if (last !== undefined) where.add('(time, seq) <', [last.time, last.seq]);
    const rows = await store.query<EventRow>(
      `SELECT seq, time, event, kind, serial, node_name, location, from_node, from_location, changes FROM hardware_history ${where.text} ORDER BY time DESC, seq DESC LIMIT ${PAGE}`,
      where.values,
    );
    for (const row of rows) {
      if (found.length === limit) break;
      if (nodes !== undefined && !nodes.has(row.node_name) && !(row.from_node !== null && nodes.has(row.from_node)))
        continue;
      found.push(row);
      size += ROW_SIZE + wireSize(row.changes) + wireSize(row.location) + wireSize(row.from_location ?? '');
      if (size > HISTORY_SIZE_MAX)
        fail(code.BUFFER_OVERFLOW, `the newest ${found.length} rows have more than ${HISTORY_SIZE_MAX} characters`, {
          field: 'limit',
          allowed: `fewer nodes, a later since, or a limit below ${found.length}`,
        });
    }
    last = rows.at(-1);
    if (rows.length < PAGE) break;
  }
  return found.reverse().map(eventOf);
}

/** Characters of what else a row has: names of fields, times, names of nodes, a serial. */
const ROW_SIZE = 768;

function wireSize(text: string): number {
  let size = text.length;
  for (let i = 0; i < text.length; i++) if (text.charCodeAt(i) >= 0x80) size += 5;
  return size;
}

const eventOf = (row: EventRow): HistoryRecord => ({
  seq: row.seq,
  time: new Date(wall(row.time)).toISOString(),
  event: row.event as never,
  kind: row.kind as never,
  serial: row.serial,
  node: row.node_name,
  location: row.location,
  from_node: row.from_node,
  from_location: row.from_location,
  changes: JSON.parse(row.changes) as { [field: string]: { from: JsonObject; to: JsonObject } },
});

type Term = readonly [text: string, value: SqlValue | readonly SqlValue[]];

/** A WHERE clause in the making. */
class Where {
  readonly #terms: string[] = [];
  readonly values: SqlValue[] = [];

  /** `text` and its value; several in brackets. */
  add(...term: Term): void {
    this.#terms.push(this.#term(term));
  }

  either(...terms: readonly Term[]): void {
    this.#terms.push(`(${terms.map((term) => this.#term(term)).join(' OR ')})`);
  }

  filter({ kind, serial }: HardwareFilter): void {
    if (kind !== undefined) this.add('kind =', kind);
    if (serial !== undefined) this.add('serial =', serial);
  }

  #term([text, value]: Term): string {
    const hole = (one: SqlValue) => `$${this.values.push(one)}`;
    return Array.isArray(value)
      ? `${text} (${(value as readonly SqlValue[]).map(hole).join(', ')})`
      : `${text} ${hole(value as SqlValue)}`;
  }

  get text(): string {
    return this.#terms.length === 0 ? '' : `WHERE ${this.#terms.join(' AND ')}`;
  }
}
