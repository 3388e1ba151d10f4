/** What is read of the feature's tables. Each is a function of a store; what is long comes page by page. */
import type { Wall } from '@csm/model';
import type { Sql, Store } from '@csm/store';
import type {
  ChangeKind,
  HistoryRow,
  HsmComponent,
  Incident,
  OutboxRow,
  Params,
  Restored,
  ScnSubscription,
  Thresholds,
} from '../types.ts';
import { COMPONENT_COLUMNS, type ComponentColumns, componentOf, fieldColumn } from './hsm-columns.ts';
import { LISTED, LISTED_NUMBERS, listed, Statement } from './lists.ts';

/** All that a query needs of a store. */
export type Reads = Pick<Store, 'query'>;

export interface RestorePage {
  readonly rows: readonly Restored[];
  /** What to ask for next; undefined: that was all. */
  readonly next: number | undefined;
}

interface RestoredColumns {
  readonly id: number;
  readonly name: string;
  readonly source: Restored['source'];
  readonly life: Restored['life'];
  readonly since: Wall;
  readonly last_beat: Wall | null;
  readonly stamp: string;
  readonly status: string;
  readonly gap: number;
}

const RESTORE = `
  SELECT c.id, c.name, c.source, c.life, c.since, s.time AS last_beat, c.stamp, c.status, c.gap
  FROM heartbeat_component c LEFT JOIN heartbeat_seen s ON s.component = c.id
  WHERE c.id > $1 AND c.forgotten = 0 ORDER BY c.id LIMIT $2`;

/** Components as they were when they were last written, in no order that means anything; at most 10,000 a page. */
export async function readRestored(store: Reads, after = 0, limit = 10_000): Promise<RestorePage> {
  const found = await store.query<RestoredColumns>(RESTORE, [after, limit]);
  const rows = found.map(
    ({ name, source, life, since, last_beat: lastBeat, stamp: timestamp, status, gap }): Restored => ({
      name,
      source,
      life,
      since,
      lastBeat,
      timestamp,
      status,
      gap: gap === 1,
    }),
  );
  return { rows, next: found.length < limit ? undefined : found.at(-1)?.id };
}

/** Until when somebody watched; undefined where nobody ever has. */
export async function readWatchedUntil(store: Reads): Promise<Wall | undefined> {
  const [row] = await store.query<{ watched_until: Wall }>('SELECT watched_until FROM heartbeat_watch');
  return row?.watched_until;
}

/** A setting as it was kept; undefined before the first time. */
async function readSetting<T>(store: Reads, name: string): Promise<T | undefined> {
  const [row] = await store.query<{ value: string }>('SELECT value FROM heartbeat_setting WHERE name = $1', [name]);
  return row === undefined ? undefined : (JSON.parse(row.value) as T);
}

/** The parameters that were kept, and what the configuration said then; undefined where none ever were. */
export const readParams = (
  store: Reads,
): Promise<{ readonly params: Params; readonly configured: Params } | undefined> => readSetting(store, 'params');

/** The special thresholds, in their order. */
export const readThresholds = async (store: Reads): Promise<Thresholds['special']> =>
  (await readSetting<Thresholds['special']>(store, 'thresholds')) ?? [];

export interface HistoryFilter {
  /** Only of these components; of all when left out. */
  readonly names?: readonly string[] | undefined;
  readonly kinds?: readonly ChangeKind[] | undefined;
  /** Noticed then or later; and before. */
  readonly since?: Wall | undefined;
  readonly until?: Wall | undefined;
  /** The cursor into the past: only rows with a lower seq. */
  readonly before?: number | undefined;
  /** The cursor forward: only rows with a higher seq. */
  readonly after?: number | undefined;
  /** Default 1,000; at most 10,000. */
  readonly limit?: number | undefined;
}

interface HistoryColumns {
  readonly seq: number;
  readonly name: string;
  readonly time: Wall;
  readonly kind: ChangeKind;
  readonly source: HistoryRow['source'];
  readonly last_beat: Wall | null;
  readonly stamp: string;
  readonly status: string;
  readonly gap: number;
  readonly incident: string | null;
}

/**
 * History, newest first; with `after` and without `before` oldest first, so that pages lead on to the present. A row's
 * `seq` is that of its change, and the cursor of what is streamed.
 */
export async function readHistory(store: Reads, filter: HistoryFilter = {}): Promise<HistoryRow[]> {
  const { names, kinds, since, until, before, after, limit = 1000 } = filter;
  const statement = new Statement().add(
    `SELECT h.seq, c.name, h.time, h.kind, h.source, h.last_beat, h.stamp, h.status, h.gap, h.incident
     FROM heartbeat_history h JOIN heartbeat_component c ON c.id = h.component WHERE h.seq > ?`,
    after ?? 0,
  );
  if (before !== undefined) statement.add(' AND h.seq < ?', before);
  if (names?.length === 1) {
    statement.add(' AND h.component = (SELECT id FROM heartbeat_component WHERE name = ?)', names[0] ?? '');
  } else if (names !== undefined) {
    statement.add(' AND h.component IN (SELECT id FROM heartbeat_component WHERE name IN ');
    statement.add(LISTED, listed(names)).add(')');
  }
  if (kinds !== undefined) statement.add(' AND h.kind IN ').add(LISTED, listed(kinds));
  if (since !== undefined) statement.add(' AND h.time >= ?', since);
  if (until !== undefined) statement.add(' AND h.time < ?', until);
  const isForward = after !== undefined && before === undefined;
  statement.add(` ORDER BY h.seq ${isForward ? 'ASC' : 'DESC'} LIMIT ?`, limit);
  const rows = await store.query<HistoryColumns>(statement.sql, statement.values, { limit });
  return rows.map(({ seq, name, time: at, kind, source, last_beat: lastBeat, stamp, status, gap, incident }) => ({
    seq,
    name,
    kind,
    source,
    at,
    lastBeat,
    timestamp: stamp,
    status,
    gap: gap === 1,
    incident,
  }));
}

export interface IncidentFilter {
  /** Only those that last. */
  readonly open?: boolean | undefined;
  /** Only those that began then or later. */
  readonly since?: Wall | undefined;
  /** Default 100; at most 10,000. */
  readonly limit?: number | undefined;
}

interface IncidentColumns extends Omit<Incident, 'count'> {
  readonly size: number;
}

/** Incidents, the one that began last first. */
export async function readIncidents(store: Reads, filter: IncidentFilter = {}): Promise<Incident[]> {
  const { open = false, since, limit = 100 } = filter;
  const statement = new Statement().add(
    'SELECT id, scope, kind, began, ended, components, size, words FROM heartbeat_incident WHERE began >= ?',
    since ?? 0,
  );
  if (open) statement.add(' AND ended IS NULL');
  statement.add(' ORDER BY began DESC, id DESC LIMIT ?', limit);
  const rows = await store.query<IncidentColumns>(statement.sql, statement.values, { limit });
  return rows.map(({ size: count, ...row }) => ({ ...row, count }));
}

const OUTBOX = 'SELECT seq, name, state, flag, message FROM heartbeat_outbox';

/** What the external state manager is yet to be told, in order, behind `after`; at most 10,000. */
export const readOutbox = (store: Reads, limit: number, after = 0): Promise<OutboxRow[]> =>
  store.query<OutboxRow>(`${OUTBOX} WHERE seq > $1 ORDER BY seq LIMIT $2`, [after, limit]);

/** What it is yet to be told of one component. */
export const readWaiting = async (store: Reads, name: string): Promise<OutboxRow | undefined> =>
  (await store.query<OutboxRow>(`${OUTBOX} WHERE name = $1`, [name]))[0];

/** Of how many components it is yet to be told. */
export const countOutbox = (store: Reads): Promise<number> => count(store, 'heartbeat_outbox');

/** A row that no state manager will ever take. */
export interface RefusedRow extends OutboxRow {
  readonly reason: string;
  readonly time: Wall;
}

/** Newest first; 1,000 are kept. */
export const readRefused = (store: Reads, limit = 1000): Promise<RefusedRow[]> =>
  store.query<RefusedRow>(
    'SELECT seq, name, state, flag, message, reason, time FROM heartbeat_refused ORDER BY seq DESC LIMIT $1',
    [limit],
  );

async function count(store: Reads, table: string): Promise<number> {
  const [row] = await store.query<{ n: number }>(`SELECT count(*) AS n FROM ${table}`);
  return row?.n ?? 0;
}

/** Where requests are taken now; undefined before anybody has led. */
export async function readLeader(
  store: Reads,
): Promise<{ readonly address: string; readonly term: number; readonly since: Wall } | undefined> {
  const [row] = await store.query<{ address: string; term: number; since: Wall }>(
    'SELECT address, term, since FROM heartbeat_leader',
  );
  return row;
}

/**
 * A condition on components of the state manager: one of these values and none of those, as they are stored (texts in
 * their normalised form). A component without a value is equal to none.
 */
export type HsmTerm =
  | {
      readonly field: keyof HsmComponent;
      readonly is?: readonly (string | number | boolean)[];
      readonly not?: readonly (string | number | boolean)[];
    }
  /** From and to are among them. */
  | { readonly field: 'NID'; readonly from?: number; readonly to?: number };

/**
 * Components that meet all terms, by ID, behind `after`; at most 10,000. A page shorter than `limit` is the last.
 */
export async function readHsmComponents(
  store: Reads,
  terms: readonly HsmTerm[] = [],
  after = '',
  limit = 10_000,
): Promise<HsmComponent[]> {
  const statement = new Statement().add(
    `SELECT ${COMPONENT_COLUMNS.join(', ')} FROM hsm_component WHERE id > ?`,
    after,
  );
  for (const term of terms) {
    const { column, isText } = fieldColumn(term.field);
    const list: Sql = isText ? LISTED : LISTED_NUMBERS;
    if ('from' in term && term.from !== undefined) statement.add(` AND ${column} >= ?`, term.from);
    if ('to' in term && term.to !== undefined) statement.add(` AND ${column} <= ?`, term.to);
    if ('is' in term && term.is !== undefined) {
      statement.add(` AND ${column} IN `).add(list, listed(stored(term.is, isText)));
    }
    if ('not' in term && term.not !== undefined) {
      statement.add(` AND (${column} IS NULL OR ${column} NOT IN `);
      statement.add(list, listed(stored(term.not, isText))).add(')');
    }
  }
  statement.add(' ORDER BY id LIMIT ?', limit);
  const rows = await store.query<ComponentColumns>(statement.sql, statement.values, { limit });
  return rows.map(componentOf);
}

/** Values as a column has them; what cannot stand in a column of numbers is in none of its rows. */
const stored = (values: readonly (string | number | boolean)[], isText: boolean): (string | number)[] =>
  isText
    ? values.map(String)
    : values.map((value) => (typeof value === 'boolean' ? Number(value) : value)).filter(Number.isSafeInteger);

/** One component of the state manager. */
export const readHsmComponent = async (store: Reads, id: string): Promise<HsmComponent | undefined> =>
  (await readHsmComponents(store, [{ field: 'ID', is: [id] }], '', 1))[0];

/** All subscriptions to state changes, by ID. */
export async function readSubscriptions(store: Reads): Promise<ScnSubscription[]> {
  const rows = await store.query<{ id: number; body: string }>('SELECT id, body FROM hsm_subscription ORDER BY id');
  return rows.map(({ id, body }) => ({ ID: id, ...(JSON.parse(body) as Omit<ScnSubscription, 'ID'>) }));
}
