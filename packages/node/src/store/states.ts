/** Moves of nodes between their states: the node's row, its history and the change others follow, in one transaction. */
import type { Json } from '@csm/model';
import { type Among, rowsAmong, type Sql, type Tx } from '@csm/store';
import type { Standing } from '../states/contact.ts';
import type { Cause, NodeState } from '../states/table.ts';
import { readContacts, stepAll } from './contact.ts';

export const NODE_KEY: Among['key'] = [['node_name', 'TEXT']];

/** What bears on the state of a node. */
export interface StateRow {
  readonly node_name: string;
  readonly type: string;
  readonly state: NodeState;
  readonly state_cause: string | null;
  readonly state_back: NodeState | null;
  readonly state_window: number | null;
  readonly reboot_until: number | null;
}

const COLUMNS = ['node_name', 'type', 'state', 'state_cause', 'state_back', 'state_window', 'reboot_until'];

export async function readStates(tx: Tx, names: readonly string[]): Promise<Map<string, StateRow>> {
  const rows = await rowsAmong<StateRow>(
    tx,
    { table: 'node', columns: COLUMNS, key: NODE_KEY },
    [...new Set(names)].map((node) => [node]),
  );
  return new Map(rows.map((row) => [row.node_name, row]));
}

export const standingOf = (row: StateRow, contact: Standing['contact']): Standing => ({
  state: row.state,
  cause: row.state_cause ?? '',
  back: row.state_back,
  rebootUntil: row.reboot_until,
  contact,
});

/** One move, which has been judged. */
export interface StateMove {
  readonly node: Pick<StateRow, 'node_name' | 'state'>;
  readonly to: NodeState;
  readonly cause: Cause;
  readonly reason: string | null;
  readonly by: string | null;
  /** Where it goes when what moved it is over. */
  readonly back?: NodeState | null;
  /** The window that holds it now. */
  readonly window?: number | null;
  /** When it is to go back, wall ms. */
  readonly until?: number | null;
}

const HISTORY = ['time', 'node_name', 'from_state', 'to_state', 'cause', 'reason', 'who', 'until_time'];

/** Carries out moves, and what they mean for contact that is lost. */
export async function moveAll(tx: Tx, moves: readonly StateMove[]): Promise<void> {
  if (moves.length === 0) return;
  await setStates(tx, moves);
  await noteMoves(
    tx,
    moves.map(({ node, ...move }) => ({ ...move, node: node.node_name, from: node.state })),
  );
  const names = moves.map(({ node }) => node.node_name);
  const contacts = await readContacts(tx, names);
  if (contacts.size > 0)
    await stepAll(
      tx,
      [...contacts.keys()].map((node) => ({ node, event: { kind: 'moved' } })),
    );
}

interface Noted {
  readonly node: string;
  readonly from: NodeState | null;
  readonly to: NodeState | null;
  readonly cause: Cause;
  readonly reason: string | null;
  readonly by: string | null;
  readonly until?: number | null;
}

/** A row of the history and a change for each move. */
export async function noteMoves(
  tx: Tx,
  moves: readonly (Noted & { readonly more?: { readonly [field: string]: Json } })[],
): Promise<void> {
  await tx.insert(
    'node_state_history',
    HISTORY,
    moves.map(({ node, from, to, cause, reason, by, until = null }) => [
      tx.now,
      node,
      from,
      to,
      cause,
      reason,
      by,
      until,
    ]),
  );
  for (const { node, from, to, cause, reason, by, until = null, more = {} } of moves)
    await tx.change('node', node, { from, to, cause, reason, by, ...(until === null ? {} : { until }), ...more });
}

async function setStates(tx: Tx, moves: readonly StateMove[]): Promise<void> {
  const rows = moves.map(({ node, to, cause, reason, by, back = null, window = null }) => [
    node.node_name,
    to,
    cause,
    reason,
    by,
    back,
    window,
  ]);
  await tx.run(SET_STATES, [JSON.stringify(rows), tx.now]);
}

const SET_STATES: Sql = {
  sqlite: `UPDATE node SET state = json_extract(k.value, '$[1]'), state_cause = json_extract(k.value, '$[2]'),
      state_reason = json_extract(k.value, '$[3]'), state_by = json_extract(k.value, '$[4]'),
      state_back = json_extract(k.value, '$[5]'), state_window = json_extract(k.value, '$[6]'),
      state_since = $2, update_time = $2
    FROM json_each($1) k WHERE node.node_name = json_extract(k.value, '$[0]')`,
  postgresql: `UPDATE node SET state = k.value ->> 1, state_cause = k.value ->> 2, state_reason = k.value ->> 3,
      state_by = k.value ->> 4, state_back = k.value ->> 5, state_window = CAST(k.value ->> 6 AS BIGINT),
      state_since = $2, update_time = $2
    FROM json_array_elements(CAST($1 AS json)) k(value) WHERE node.node_name = k.value ->> 0`,
};

/** The window that holds nodes changes, and where they go after it, while their states stay. */
export async function setHolders(
  tx: Tx,
  nodes: readonly { readonly node: string; readonly window: number | null; readonly back: NodeState | null }[],
): Promise<void> {
  for (const { node, window, back } of nodes)
    await tx.run('UPDATE node SET state_window = $2, state_back = $3 WHERE node_name = $1', [node, window, back]);
}
