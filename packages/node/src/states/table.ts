/**
 * The states of a node, and which moves between them there are. These tables are the one source for what the master
 * allows, for the words of its refusals, and for the page `docs/reference/node-states.md`.
 */

/** What a state is good for. `ready`: a scheduler may give the node work. `ras`: what becomes of events about it. */
export interface StateRow {
  readonly state: string;
  readonly ready: boolean;
  readonly ras: 'kept' | 'dropped';
  readonly means: string;
}

export const STATES = [
  {
    state: 'DISCOVERED',
    ready: false,
    ras: 'kept',
    means: 'it has made itself known; nobody has put it into service yet',
  },
  { state: 'IN_SERVICE', ready: true, ras: 'kept', means: 'it works, and takes work' },
  { state: 'ADMIN_RESERVED', ready: false, ras: 'kept', means: 'an admin keeps it for himself' },
  { state: 'MAINTENANCE', ready: false, ras: 'dropped', means: 'somebody works on it' },
  { state: 'OUT_OF_SERVICE', ready: false, ras: 'dropped', means: 'it is not to be used' },
  {
    state: 'SOFT_FAILURE',
    ready: false,
    ras: 'kept',
    means: 'something failed that may mend: lost contact, or an event',
  },
  { state: 'HARD_FAILURE', ready: false, ras: 'kept', means: 'something failed that does not mend by itself' },
] as const satisfies readonly StateRow[];

export type NodeState = (typeof STATES)[number]['state'];
export const NODE_STATES: readonly NodeState[] = STATES.map(({ state }) => state);

/** Where an admin may send a node. */
export const ADMIN_STATES = ['IN_SERVICE', 'OUT_OF_SERVICE', 'ADMIN_RESERVED', 'MAINTENANCE'] as const;
/** Where a node is out of service by somebody's will; whoever moves it there says why. */
export const OUT_STATES = ['OUT_OF_SERVICE', 'ADMIN_RESERVED', 'MAINTENANCE'] as const;
export type OutState = (typeof OUT_STATES)[number];

/** Who moves a node. */
export const CAUSES = ['user', 'contact', 'recovery', 'event', 'inventory', 'window'] as const;
export type Cause = (typeof CAUSES)[number];

export const CAUSE_MEANS: { readonly [cause in Cause]: string } = {
  user: 'an admin, by a call',
  contact: 'the master, for contact that was lost or is back',
  recovery: 'the recovery of a soft failure',
  event: 'an event about the node',
  inventory: 'its first sign of life',
  window: 'a maintenance window that begins or ends',
};

/** From and to; null is a node that is not known: before its first contact, after it was deleted. */
export interface Move {
  readonly from: NodeState | null;
  readonly to: NodeState | null;
  readonly by: readonly Cause[];
}

const move = (from: NodeState | null, to: NodeState | null, ...by: readonly Cause[]): Move => ({ from, to, by });

export const MOVES: readonly Move[] = [
  move(null, 'DISCOVERED', 'inventory'),
  move('DISCOVERED', 'IN_SERVICE', 'user'),
  move('DISCOVERED', 'ADMIN_RESERVED', 'user', 'window'),
  move('DISCOVERED', 'MAINTENANCE', 'user', 'window'),
  move('DISCOVERED', 'OUT_OF_SERVICE', 'user', 'window'),
  move('DISCOVERED', 'SOFT_FAILURE', 'contact', 'event'),
  move('DISCOVERED', 'HARD_FAILURE', 'event'),
  move('IN_SERVICE', 'ADMIN_RESERVED', 'user', 'window'),
  move('IN_SERVICE', 'MAINTENANCE', 'user', 'window'),
  move('IN_SERVICE', 'OUT_OF_SERVICE', 'user', 'window'),
  move('IN_SERVICE', 'SOFT_FAILURE', 'contact', 'event'),
  move('IN_SERVICE', 'HARD_FAILURE', 'event'),
  ...OUT_STATES.flatMap((from) => [
    // A window gives a node back to where it took it from.
    move(from, 'DISCOVERED', 'window'),
    move(from, 'IN_SERVICE', 'user', 'window'),
    ...OUT_STATES.filter((to) => to !== from).map((to) => move(from, to, 'user', 'window')),
    move(from, 'SOFT_FAILURE', 'window'),
    move(from, 'HARD_FAILURE', 'window'),
  ]),
  move('SOFT_FAILURE', 'DISCOVERED', 'contact'),
  move('SOFT_FAILURE', 'IN_SERVICE', 'user', 'contact', 'recovery'),
  ...OUT_STATES.map((to) => move('SOFT_FAILURE', to, 'user', 'window')),
  move('SOFT_FAILURE', 'HARD_FAILURE', 'event', 'recovery'),
  move('HARD_FAILURE', 'IN_SERVICE', 'user'),
  ...OUT_STATES.map((to) => move('HARD_FAILURE', to, 'user', 'window')),
  ...NODE_STATES.map((from) => move(from, null, 'user')),
];

export const isReady = (state: NodeState): boolean => STATES.some((row) => row.state === state && row.ready);
export const keepsEvents = (state: NodeState): boolean =>
  STATES.some((row) => row.state === state && row.ras === 'kept');
export const isOut = (state: NodeState): state is OutState => (OUT_STATES as readonly string[]).includes(state);
/** Somebody must mend it. */
export const isFailure = (state: NodeState): boolean => state === 'SOFT_FAILURE' || state === 'HARD_FAILURE';

/** Where this cause may move a node from here, in the order of the states. */
export function targets(from: NodeState | null, cause: Cause): NodeState[] {
  return MOVES.flatMap((row) => (row.from === from && row.to !== null && row.by.includes(cause) ? [row.to] : []));
}
