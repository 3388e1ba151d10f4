/** Maintenance windows: made, begun, ended and cancelled, each in one transaction. */
import { code, fail } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Tx } from '@csm/store';
import { refusal } from '../states/judge.ts';
import type { NodeState, OutState } from '../states/table.ts';
import { atBegin, atEnd, type Held } from '../states/window.ts';
import { type Failed, Failures, NOT_KNOWN } from './failures.ts';
import { moveAll, readStates, type StateMove, type StateRow, setHolders } from './states.ts';

export interface WindowWish {
  readonly nodes: readonly string[];
  readonly state: OutState;
  /** Wall ms; left out: now. */
  readonly from?: number | undefined;
  /** Wall ms; left out: it has no end but its cancelling. */
  readonly until?: number | undefined;
  readonly reason: string;
  readonly by: string;
}

export interface WindowMade {
  /** Null when none of the nodes is known. */
  readonly window: number | null;
  /** Nodes it names. */
  readonly updated: number;
  readonly failed: readonly Failed[];
}

/** Windows that wait or are open. */
export const WINDOWS_MAX = 1000;
/** Clocks differ, and a call takes its time: a window asked for so long ago, ms, begins now. */
const NOW_MS = 60_000;

interface WindowRow {
  readonly id: number;
  readonly phase: 'waiting' | 'open' | 'ended' | 'cancelled';
  readonly state: OutState;
  readonly begin_at: number;
  readonly end_at: number | null;
  readonly reason: string;
  readonly who: string;
}

/** Makes a window; one that begins now has begun when this returns. */
export async function openWindow(tx: Tx, { nodes, state, from, until, reason, by }: WindowWish): Promise<WindowMade> {
  if (from !== undefined && from < tx.now - NOW_MS) past('from', from, tx.now);
  const begin = Math.max(from ?? tx.now, tx.now);
  if (until !== undefined && until <= begin)
    fail(code.INVALID_PARAMETER, `until is ${iso(until)}, and the window begins at ${iso(begin)}`, {
      field: 'until',
      allowed: 'a moment after the window begins',
    });
  const open = await tx.get<{ n: number }>(`SELECT count(*) AS n FROM node_window WHERE phase IN ('waiting', 'open')`);
  if ((open?.n ?? 0) >= WINDOWS_MAX)
    fail(code.MEMORY, `${WINDOWS_MAX} windows wait or are open`, { allowed: 'cancel those that are not needed' });
  const failures = new Failures();
  const known = await readStates(tx, nodes);
  for (const name of nodes) if (!known.has(name)) failures.add(name, NOT_KNOWN);
  if (known.size === 0) return { window: null, updated: 0, failed: failures.list() };
  const named = NodeSet.of(known.keys());
  const row = await tx.get<{ id: number }>(
    `INSERT INTO node_window (phase, state, begin_at, end_at, nodes, node_count, reason, who, made_at)
     VALUES ('waiting', $1, $2, $3, $4, $5, $6, $7, $8) RETURNING id`,
    [state, begin, until ?? null, named.toString(), named.size, reason, by, tx.now],
  );
  const id = row?.id ?? 0;
  await tx.insert(
    'node_window_node',
    ['window_id', 'node_name'],
    [...known.keys()].map((node) => [id, node]),
  );
  await tell(tx, id, 'made', { state, nodes: named.toString(), from: begin, until: until ?? null, reason, by });
  if (begin <= tx.now) await turnWindow(tx, { id });
  return { window: id, updated: known.size, failed: failures.list() };
}

const iso = (ms: number): string => new Date(ms).toISOString();

const past = (field: string, given: number, now: number): never =>
  fail(code.INVALID_PARAMETER, `${field} is ${iso(given)}, which is over; it is ${iso(now)}`, {
    field,
    allowed: 'a moment to come; leave it out to begin now',
  });

/** Begins or ends a window whose time has come; one whose end was missed before it began is over without either. */
export async function turnWindow(tx: Tx, { id }: { readonly id: number }): Promise<{ readonly moved: number }> {
  const window = await tx.get<WindowRow>(`${SELECT} WHERE id = $1`, [id]);
  if (window === undefined) return { moved: 0 };
  const isOver = window.end_at !== null && window.end_at <= tx.now;
  if (window.phase === 'waiting' && isOver) {
    await setPhase(tx, id, 'ended');
    await tell(tx, id, 'missed', { reason: 'no master led from its begin to its end' });
    return { moved: 0 };
  }
  if (window.phase === 'waiting' && window.begin_at <= tx.now) return { moved: await begin(tx, window) };
  if (window.phase === 'open' && isOver) return { moved: await end(tx, window, 'ended', 'its end') };
  return { moved: 0 };
}

const SELECT = 'SELECT id, phase, state, begin_at, end_at, reason, who FROM node_window';

async function begin(tx: Tx, window: WindowRow): Promise<number> {
  await setPhase(tx, window.id, 'open');
  const names = await tx.all<{ node_name: string }>('SELECT node_name FROM node_window_node WHERE window_id = $1', [
    window.id,
  ]);
  const known = await readStates(
    tx,
    names.map(({ node_name }) => node_name),
  );
  const moves: StateMove[] = [];
  const held: { node: string; window: number | null; back: NodeState | null }[] = [];
  for (const node of known.values()) {
    const taken = atBegin(heldOf(node), window);
    if (taken === undefined) continue;
    const { to, back } = taken;
    if (to === undefined) held.push({ node: node.node_name, window: window.id, back });
    else moves.push({ ...moveOf(node, to, window, window.reason), back, window: window.id, until: window.end_at });
  }
  await setHolders(tx, held);
  await moveAll(tx, moves);
  await tell(tx, window.id, 'begun', { moved: moves.length });
  return moves.length;
}

async function end(tx: Tx, window: WindowRow, phase: 'ended' | 'cancelled', why: string): Promise<number> {
  await setPhase(tx, window.id, phase);
  const holding = await tx.all<{ node_name: string }>('SELECT node_name FROM node WHERE state_window = $1', [
    window.id,
  ]);
  const known = await readStates(
    tx,
    holding.map(({ node_name }) => node_name),
  );
  const others = await otherWindows(tx, window.id);
  const moves: StateMove[] = [];
  const held: { node: string; window: number | null; back: NodeState | null }[] = [];
  for (const node of known.values()) {
    const other = others.get(node.node_name);
    const taken = atEnd(heldOf(node), window.id, other);
    if (taken === undefined) continue;
    const { to, back, window: holder } = taken;
    const next = other ?? window;
    if (to === undefined) held.push({ node: node.node_name, window: holder, back });
    else if (other === undefined)
      moves.push({ ...moveOf(node, to, window, `window ${window.id} is over: ${why}`), back, window: holder });
    else moves.push({ ...moveOf(node, to, next, next.reason), back, window: holder, until: next.end_at });
  }
  await setHolders(tx, held);
  await moveAll(tx, moves);
  await tell(tx, window.id, phase, { moved: moves.length, why });
  return moves.length;
}

/** Of each node that this window holds: the open one that began last and names it too. */
async function otherWindows(tx: Tx, id: number): Promise<Map<string, WindowRow>> {
  const rows = await tx.all<WindowRow & { readonly node_name: string }>(OTHERS, [id]);
  return new Map(rows.map((row) => [row.node_name, row]));
}

const OTHERS = `
  SELECT wn.node_name, w.id, w.phase, w.state, w.begin_at, w.end_at, w.reason, w.who
  FROM node n JOIN node_window_node wn ON wn.node_name = n.node_name JOIN node_window w ON w.id = wn.window_id
  WHERE n.state_window = $1 AND w.id <> $1 AND w.phase = 'open' ORDER BY w.begin_at, w.id`;

const heldOf = (row: StateRow): Held => ({
  state: row.state,
  cause: row.state_cause ?? '',
  back: row.state_back,
  window: row.state_window,
});

function moveOf(node: StateRow, to: NodeState, window: Pick<WindowRow, 'who'>, reason: string): StateMove {
  const wrong = refusal({ from: node.state, to, cause: 'window', reason });
  if (wrong !== undefined) throw new Error(`a window moved ${node.node_name}: ${wrong.detail}`);
  return { node, to, cause: 'window', reason, by: window.who };
}

const setPhase = (tx: Tx, id: number, phase: WindowRow['phase']) =>
  tx.run('UPDATE node_window SET phase = $2, ended_at = $3 WHERE id = $1', [
    id,
    phase,
    phase === 'ended' || phase === 'cancelled' ? tx.now : null,
  ]);

const tell = (tx: Tx, id: number, event: string, more: { readonly [field: string]: unknown }) =>
  tx.change('node', '*', { window: id, event, ...more });

/** Cancels a window; the nodes of one that is open go back. Code 4 for one that is not known, 44 for one that is over. */
export async function cancelWindow(
  tx: Tx,
  { id, by }: { readonly id: number; readonly by: string },
): Promise<{ readonly window: number; readonly updated: number }> {
  const window = await tx.get<WindowRow>(`${SELECT} WHERE id = $1`, [id]);
  if (window === undefined)
    return fail(code.NO_RESULTS, `there is no window ${id}`, {
      field: 'id',
      allowed: 'one that csm node windows lists',
    });
  if (window.phase === 'ended' || window.phase === 'cancelled')
    fail(code.BAD_STATE, `window ${id} is ${window.phase} already`, {
      field: 'id',
      allowed: 'one that waits or is open',
    });
  if (window.phase === 'open') return { window: id, updated: await end(tx, window, 'cancelled', `cancelled by ${by}`) };
  await setPhase(tx, id, 'cancelled');
  await tell(tx, id, 'cancelled', { by });
  return { window: id, updated: 0 };
}
