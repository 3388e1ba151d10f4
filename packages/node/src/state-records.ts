/** States of nodes out of the database: their history, windows, counts, availability. */
import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Store } from '@csm/store';
import { STATES_ANSWER_MAX } from './api-states.ts';
import { add, NO_TIME, NodeTime, type Period, type Sum, told } from './states/availability.ts';
import { isReady, NODE_STATES, type NodeState } from './states/table.ts';

const PAGE = 5000;
/** Nodes in one answer. */
const NODES_MAX = 200_000;
/** A set of up to so many names is asked for by name. */
const NAMES_ASKED = 50;

const iso = (ms: number): string => new Date(ms).toISOString();
const isoOrNull = (ms: number | null): string | null => (ms === null ? null : iso(ms));

interface HistoryRow {
  readonly seq: number;
  readonly time: number;
  readonly node_name: string;
  readonly from_state: NodeState | null;
  readonly to_state: NodeState | null;
  readonly cause: string;
  readonly reason: string | null;
  readonly who: string | null;
  readonly until_time: number | null;
}

/** CSM's word for what altered a state. */
const ALTERATION: { readonly [cause: string]: string } = {
  user: 'CSM API',
  window: 'SYSTEM ADMINISTRATOR',
  inventory: 'CSM INVENTORY',
  contact: 'RAS EVENT',
  event: 'RAS EVENT',
  recovery: 'CSM API',
};

/** Characters of an answer, as JSON: a quarter of what it may have. */
const SIZE_MAX = 16 * 1024 * 1024;
const ROW_SIZE = 512;

export async function listStates(
  store: Store,
  filter: { readonly nodes: NodeSet | undefined; readonly since: number | undefined; readonly limit: number },
  signal?: AbortSignal,
) {
  const { nodes, since = 0 } = filter;
  const limit = Math.min(filter.limit, STATES_ANSWER_MAX);
  const found: HistoryRow[] = [];
  const names = nodes !== undefined && nodes.size <= NAMES_ASKED ? nodes.names() : undefined;
  const asked = names === undefined ? '' : ` AND node_name IN (${names.map((_, i) => `$${i + 4}`).join(', ')})`;
  let size = 0;
  for (let last: number | undefined; found.length < limit && signal?.aborted !== true; ) {
    const rows = await store.query<HistoryRow>(
      `SELECT * FROM node_state_history WHERE seq < $1 AND time >= $2${asked} ORDER BY seq DESC LIMIT $3`,
      [last ?? Number.MAX_SAFE_INTEGER, since, PAGE, ...(names ?? [])],
    );
    for (const row of rows) {
      if (found.length === limit) break;
      if (nodes !== undefined && !nodes.has(row.node_name)) continue;
      found.push(row);
      size += ROW_SIZE + 6 * (row.reason?.length ?? 0);
      if (size > SIZE_MAX)
        fail(code.BUFFER_OVERFLOW, `the newest ${found.length} rows are too large for an answer`, {
          field: 'limit',
          allowed: `fewer nodes, a later since, or a limit below ${found.length}`,
        });
    }
    last = rows.at(-1)?.seq;
    if (rows.length < PAGE) break;
  }
  return found.reverse().map((row) => ({
    seq: row.seq,
    time: iso(row.time),
    node: row.node_name,
    from: row.from_state,
    to: row.to_state,
    cause: row.cause,
    alteration: ALTERATION[row.cause] ?? row.cause,
    reason: row.reason,
    by: row.who,
    until: isoOrNull(row.until_time),
  }));
}

interface NodeRow {
  readonly node_name: string;
  readonly state: NodeState;
  readonly type: string;
  readonly state_since: number;
}

const nodesOf = (store: Store): Promise<NodeRow[]> =>
  store.query<NodeRow>(
    'SELECT node_name, state, type, coalesce(state_since, first_seen) AS state_since FROM node',
    [],
    {
      limit: NODES_MAX,
    },
  );

/** Failed nodes that are named; of more it is told how many there are at least. */
const FAILED_NAMED = 10_000;

/** What is wrong with nodes now, a sentence for each kind of failure. */
export async function failedWords(store: Store): Promise<string[]> {
  const rows = await store.query<{ node_name: string; state: string }>(
    `SELECT node_name, state FROM node WHERE state IN ('SOFT_FAILURE', 'HARD_FAILURE') ORDER BY state LIMIT ${FAILED_NAMED}`,
  );
  return ['SOFT_FAILURE', 'HARD_FAILURE'].flatMap((state) => {
    const names = rows.filter((row) => row.state === state).map(({ node_name }) => node_name);
    if (names.length === 0) return [];
    const more = rows.length === FAILED_NAMED ? ' and others' : '';
    return [
      `${names.length} ${names.length === 1 ? 'node is' : 'nodes are'} ${state}: ${NodeSet.of(names).toString()}${more}`,
    ];
  });
}

/** Nodes folded by state and type, in the order of the states. */
export async function countStates(
  store: Store,
  filter: {
    readonly nodes: NodeSet | undefined;
    readonly state: string | undefined;
    readonly type: string | undefined;
  },
) {
  const groups = new Map<string, { readonly first: NodeRow; readonly names: string[]; since: number }>();
  for (const row of await nodesOf(store)) {
    if (filter.nodes !== undefined && !filter.nodes.has(row.node_name)) continue;
    if (filter.state !== undefined && row.state !== filter.state) continue;
    if (filter.type !== undefined && row.type !== filter.type) continue;
    const key = `${row.state} ${row.type}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { first: row, names: [row.node_name], since: row.state_since });
    else {
      group.names.push(row.node_name);
      group.since = Math.max(group.since, row.state_since);
    }
  }
  const place = ({ first }: { readonly first: NodeRow }) => NODE_STATES.indexOf(first.state);
  return [...groups.values()]
    .sort((a, b) => place(a) - place(b) || a.first.type.localeCompare(b.first.type))
    .map(({ first: { state, type }, names, since }) => ({
      nodes: NodeSet.of(names).toString(),
      state,
      type,
      count: names.length,
      ready: isReady(state),
      since: iso(since),
    }));
}

interface WindowRow {
  readonly id: number;
  readonly phase: string;
  readonly state: string;
  readonly begin_at: number;
  readonly end_at: number | null;
  readonly nodes: string;
  readonly node_count: number;
  readonly reason: string;
  readonly who: string;
  readonly made_at: number;
}

/** Windows of one answer: more than may wait or be open. */
const WINDOWS_ANSWERED = 2000;

/** The newest windows that name any of these nodes, by their begin. */
export async function listWindows(store: Store, nodes: NodeSet | undefined, all: boolean) {
  const rows = await store.query<WindowRow>(
    `SELECT * FROM node_window ${all ? '' : "WHERE phase IN ('waiting', 'open')"} ORDER BY id DESC LIMIT ${WINDOWS_ANSWERED}`,
  );
  const wanted = (row: WindowRow): boolean => {
    if (nodes === undefined) return true;
    const named = NodeSet.tryParse(row.nodes, { maxText: row.nodes.length });
    return named.ok && named.value.intersection(nodes).size > 0;
  };
  return rows
    .filter(wanted)
    .sort((a, b) => a.begin_at - b.begin_at || a.id - b.id)
    .map((row) => ({
      id: row.id,
      phase: row.phase,
      state: row.state,
      from: iso(row.begin_at),
      until: isoOrNull(row.end_at),
      nodes: row.nodes,
      count: row.node_count,
      reason: row.reason,
      by: row.who,
      made: iso(row.made_at),
    }));
}

/**
 * Time in states of each node that was known in the period. Rows after its end are read too: what a node was at the end
 * is told by the first of them, or by its state now.
 */
async function timesOf(
  store: Store,
  period: Period,
  nodes: NodeSet | undefined,
  signal: AbortSignal,
): Promise<Map<string, Sum>> {
  // The states are read before the history: a move made in between counts from its row on. The other way round its new
  // state would count for all the time before it.
  const now = new Map<string, NodeState>();
  for (const { node_name, state } of await nodesOf(store))
    if (nodes === undefined || nodes.has(node_name)) now.set(node_name, state);
  const [head] = await store.query<{ seq: number | null }>('SELECT max(seq) AS seq FROM node_state_history');
  const times = new Map<string, NodeTime>([...now.keys()].map((node) => [node, new NodeTime(period)]));
  for (let last = 0; !signal.aborted; ) {
    const rows = await store.query<HistoryRow>(
      `SELECT * FROM node_state_history WHERE seq > $1 AND seq <= $2 AND time >= $3 ORDER BY seq LIMIT ${PAGE}`,
      [last, head?.seq ?? 0, period.from],
    );
    for (const { node_name: node, time, from_state: from, to_state: to } of rows) {
      if (nodes !== undefined && !nodes.has(node)) continue;
      let at = times.get(node);
      if (at === undefined) {
        at = new NodeTime(period);
        times.set(node, at);
      }
      at.step({ time, from, to });
    }
    last = rows.at(-1)?.seq ?? last;
    if (rows.length < PAGE) break;
  }
  return new Map([...times].map(([node, time]) => [node, time.end(now.get(node) ?? null)]));
}

/** One item for all nodes, or one for each. */
export async function* availability(
  store: Store,
  period: Period,
  filter: { readonly nodes: NodeSet | undefined; readonly each: boolean },
  signal: AbortSignal,
) {
  const times = await timesOf(store, period, filter.nodes, signal);
  const known = [...times].filter(([, { ms }]) => NODE_STATES.some((state) => ms[state] > 0));
  const about = { from: iso(period.from), to: iso(period.to) };
  if (known.length === 0) return;
  if (!filter.each) {
    const sum = known.reduce((so, [, time]) => add(so, time), NO_TIME);
    yield { nodes: NodeSet.of(known.map(([node]) => node)).toString(), count: known.length, ...about, ...told(sum) };
    return;
  }
  const byName = new Map(known);
  for (const node of NodeSet.of(byName.keys()).names()) {
    yield { nodes: node, count: 1, ...about, ...told(byName.get(node) ?? NO_TIME) };
  }
}
