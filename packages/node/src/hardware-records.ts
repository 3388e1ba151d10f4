/** Parts and their history out of the database. */
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

/** Parts one answer may have. */
const HARDWARE_ANSWER_MAX = 100_000;
/** Rows read at a time: even when each is as large as it may be, they are less than one query may give. */
const PAGE = 1000;
/** A set of so few nodes is asked for by name; in a larger one it is cheaper to read all. */
const NAMES_ASKED = 50;

/** The parts of some nodes, by node in natural order, kind and location. Code 30 when they are too many. */
export async function listHardware(
  store: Store,
  filter: HardwareFilter,
  signal?: AbortSignal,
): Promise<HardwareRecord[]> {
  const parts = await readParts(store, filter, signal);
  const kinds = new Map(PART_KINDS.map((kind, i) => [kind, i]));
  return parts
    .sort(
      (a, b) =>
        compareNames(a.node, b.node) ||
        (kinds.get(a.kind) ?? 0) - (kinds.get(b.kind) ?? 0) ||
        compareNames(a.location, b.location),
    )
    .map(({ node, kind, location, serial, vendor, model, part_number, firmware, since, details, passing }) => ({
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
    }));
}

/** As `listHardware`, in no order. */
export async function readParts(store: Store, filter: HardwareFilter, signal?: AbortSignal): Promise<Held[]> {
  const { nodes } = filter;
  const parts: Held[] = [];
  for (let last: PartRow | undefined; signal?.aborted !== true; ) {
    const where = new Where();
    where.filter(filter);
    if (nodes !== undefined && nodes.size <= NAMES_ASKED) where.add('node_name IN', nodes.names());
    if (last !== undefined) where.add('(node_name, kind, location) >', [last.node_name, last.kind, last.location]);
    const rows = await store.query<PartRow>(
      `SELECT * FROM hardware ${where.text} ORDER BY node_name, kind, location LIMIT ${PAGE}`,
      where.values,
    );
    for (const row of rows) if (nodes?.has(row.node_name) ?? true) parts.push(heldOf(row));
    if (parts.length > HARDWARE_ANSWER_MAX)
      fail(code.BUFFER_OVERFLOW, `these are more than ${HARDWARE_ANSWER_MAX} parts`, {
        field: 'nodes',
        allowed: 'fewer nodes, or one kind',
      });
    last = rows.at(-1);
    if (rows.length < PAGE) break;
  }
  return parts;
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
  readonly changes: string;
}

/** The newest rows of history that concern these nodes, newest last. */
export async function listHistory(
  store: Store,
  filter: HardwareFilter & { readonly since?: number | undefined; readonly limit: number },
  signal?: AbortSignal,
): Promise<HistoryRecord[]> {
  const { nodes, since } = filter;
  const limit = Math.min(filter.limit, HISTORY_ANSWER_MAX);
  const found: EventRow[] = [];
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
      `SELECT * FROM hardware_history ${where.text} ORDER BY time DESC, seq DESC LIMIT ${PAGE}`,
      where.values,
    );
    found.push(
      ...rows.filter(
        (row) =>
          nodes === undefined || nodes.has(row.node_name) || (row.from_node !== null && nodes.has(row.from_node)),
      ),
    );
    last = rows.at(-1);
    if (rows.length < PAGE) break;
  }
  return found.slice(0, limit).reverse().map(eventOf);
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
