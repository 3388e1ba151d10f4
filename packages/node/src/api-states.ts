/** The rows of the API table about states of nodes, windows and availability. */
import type { ApiRow } from '@csm/api';
import { code, ROLES, type Role } from '@csm/model';
import Type from 'typebox';
import { nullable } from './api-records.ts';
import { TEXT_MAX } from './attributes.ts';
import { CAUSES, NODE_STATES, OUT_STATES } from './states/table.ts';

const closed = { additionalProperties: false } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];
const reads = { changes: false, enters: ROLES, reach: 'master', access: 'public' } as const;
const alters = { changes: true, enters: ADMIN_DAEMONS, reach: 'master', access: 'privileged' } as const;

const MOMENT_ALLOWED = 'a time such as 2026-01-31T08:00:00Z or 2026-01-31';
const text = (description: string) => nullable(Type.String(), description);
const moment = (description: string) =>
  Type.String({ minLength: 1, maxLength: 40, description, allowed: MOMENT_ALLOWED });
const someNodes = Type.String({
  minLength: 1,
  maxLength: 65_536,
  description: 'node set',
  allowed: 'a node set such as n[001-128],login1',
});
const nodes = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 65_536,
    description: 'node set; all nodes when left out',
    allowed: 'a node set such as n[001-128],login1',
  }),
);
export const reason = Type.String({ minLength: 1, maxLength: TEXT_MAX, description: 'why, in a line' });
export const stateOf = (states: readonly string[], description: string) =>
  Type.Union(
    states.map((state) => Type.Literal(state)),
    { description },
  );

export const Failed = Type.Object({
  nodes: Type.String({ description: 'folded node set of those refused alike' }),
  code: Type.Integer({ description: 'CSM code: 8 a reason is missing, 43 the move is not allowed, 46 not known' }),
  text: Type.String({ description: 'in words' }),
});
const failed = Type.Array(Failed, { description: 'what could not be done, folded by reason' });
const updated = Type.Object({
  nodes: Type.String({ description: 'the node set, folded' }),
  updated: Type.Integer({ description: 'nodes that are another than before' }),
  failed,
});

/** Rows of history one answer may have. */
export const STATES_ANSWER_MAX = 10_000;
/** A reboot is expected for at most so long, s. */
export const REBOOT_WITHIN_MAX = 7 * 86_400;

export const statesApi = [
  {
    ...alters,
    name: 'node.drain',
    summary: 'Takes nodes out of service, now or in a window',
    description:
      'Without times it is done at once, until `node.resume`. With `from` or `until` it is a window: it begins by itself, and at its end each node goes back to where it was, unless an admin has moved it meanwhile. Windows outlive restarts and a change of the leader.',
    method: 'POST',
    path: '/csm/v1/nodes/drain',
    input: Type.Object(
      {
        nodes: someNodes,
        reason,
        state: Type.Optional(stateOf(OUT_STATES, 'where they go; default OUT_OF_SERVICE, in a window MAINTENANCE')),
        from: Type.Optional(moment('the window begins; now when left out')),
        until: Type.Optional(moment('the window ends; left out: when it is cancelled, or the nodes are resumed')),
      },
      closed,
    ),
    output: Type.Object({
      ...updated.properties,
      window: nullable(Type.Integer(), 'number of the window; null without one'),
    }),
    timeoutSeconds: 120,
    examples: [
      { title: 'A broken node', input: { nodes: 'n7', reason: 'fan 3 stands still' } },
      {
        title: 'A rack, for a night',
        input: {
          nodes: 'n[001-018]',
          state: 'MAINTENANCE',
          from: '2027-01-31T20:00:00Z',
          until: '2027-02-01T06:00:00Z',
          reason: 'new firmware',
        },
      },
    ],
  },
  {
    ...alters,
    name: 'node.resume',
    summary: 'Puts nodes into service',
    description: 'Also those that are DISCOVERED or failed. A node that is IN_SERVICE stays as it is.',
    method: 'POST',
    path: '/csm/v1/nodes/resume',
    input: Type.Object({ nodes: someNodes, reason: Type.Optional(reason) }, closed),
    output: updated,
    timeoutSeconds: 120,
    examples: [{ title: 'After a repair', input: { nodes: 'n7', reason: 'fan replaced' } }],
  },
  {
    ...alters,
    name: 'node.delete',
    summary: 'Deletes nodes, their inventory and parts',
    description:
      'The histories of states and of parts stay; parts with a serial are told as removed. A daemon of such a node makes it known again, as DISCOVERED, when it starts or links anew.',
    method: 'POST',
    path: '/csm/v1/nodes/delete',
    input: Type.Object({ nodes: someNodes, reason: Type.Optional(reason) }, closed),
    output: Type.Object({
      nodes: Type.String({ description: 'the node set, folded' }),
      deleted: Type.Integer({ description: 'nodes that were known, and are no more' }),
      failed,
    }),
    timeoutSeconds: 120,
    examples: [{ title: 'A node that was sold', input: { nodes: 'n7' } }],
  },
  {
    ...alters,
    name: 'node.reboot-expected',
    summary: 'Announces that nodes will boot',
    description:
      'Until then their absence is no failure, and a changed boot id is told as expected. A reboot that nobody announced is told as such.',
    method: 'POST',
    path: '/csm/v1/nodes/reboot-expected',
    input: Type.Object(
      {
        nodes: someNodes,
        within: Type.Number({ minimum: 1, maximum: REBOOT_WITHIN_MAX, description: 'seconds from now' }),
        reason: Type.Optional(reason),
      },
      closed,
    ),
    output: Type.Object({
      nodes: Type.String({ description: 'the node set, folded' }),
      updated: Type.Integer({ description: 'nodes that are expected to boot' }),
      until: Type.String({ description: 'ISO 8601, UTC' }),
      failed,
    }),
    timeoutSeconds: 120,
    examples: [{ title: 'A new kernel', input: { nodes: 'n[001-018]', within: 1800, reason: 'new kernel' } }],
  },
  {
    ...reads,
    name: 'node.states',
    summary: 'Lists the history of states of nodes',
    description:
      'Newest last; of more rows than `limit` the newest. What became of hardware parts is told by `node.history`.',
    method: 'GET',
    path: '/csm/v1/states',
    input: Type.Object(
      {
        nodes,
        since: Type.Optional(moment('only what came at this moment or later')),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: STATES_ANSWER_MAX, description: 'rows; default 1000' }),
        ),
      },
      closed,
    ),
    output: Type.Array(
      Type.Object({
        seq: Type.Integer({ description: 'names this row for good' }),
        time: Type.String({ description: 'ISO 8601, UTC' }),
        node: Type.String({ description: 'name of the node' }),
        from: text('state before; null: it was not known'),
        to: text('state from then on; null: it was deleted'),
        cause: stateOf(CAUSES, 'what moved it'),
        alteration: Type.String({ description: "the cause in CSM's words, such as CSM API" }),
        reason: text('why'),
        by: text('who, where somebody did'),
        until: text('when it is to go back, ISO 8601, UTC'),
      }),
    ),
    codes: [code.NO_RESULTS, code.BUFFER_OVERFLOW],
    examples: [{ title: 'What happened to a node', input: { nodes: 'n1' } }],
  },
  {
    ...reads,
    name: 'node.availability',
    summary: 'Tells how long nodes were in which state, and how often they failed',
    description:
      'Out of the history of states. A failure begins with SOFT_FAILURE or HARD_FAILURE and lasts until the node is IN_SERVICE or DISCOVERED again. One item for all nodes together; with `each` one for each node.',
    method: 'GET',
    path: '/csm/v1/availability',
    input: Type.Object(
      {
        nodes,
        from: Type.Optional(moment('begin of the period; default 30 days before its end')),
        to: Type.Optional(moment('end of the period; default now')),
        each: Type.Optional(Type.Boolean({ description: 'an item a node' })),
      },
      closed,
    ),
    item: Type.Object({
      nodes: Type.String({ description: 'folded node set' }),
      count: Type.Integer({ description: 'nodes known in the period' }),
      from: Type.String({ description: 'ISO 8601, UTC' }),
      to: Type.String({ description: 'ISO 8601, UTC' }),
      hours: Type.Record(Type.String(), Type.Number(), { description: 'by state; those without time are left out' }),
      percent: Type.Record(Type.String(), Type.Number(), { description: 'of all hours, by state' }),
      failures: Type.Integer({ description: 'that began in the period' }),
      mtbf_hours: nullable(Type.Number(), 'mean time between failures; null without one'),
      mttr_hours: nullable(Type.Number(), 'mean time to repair; null without a failure'),
    }),
    timeoutSeconds: 300,
    codes: [code.NO_RESULTS],
    examples: [{ title: 'The whole machine, the last 30 days', input: {} }],
  },
  {
    ...reads,
    name: 'node.windows',
    summary: 'Lists maintenance windows',
    description: 'Those that wait or are open; with `all` those that are over too, as long as the history is kept.',
    method: 'GET',
    path: '/csm/v1/windows',
    input: Type.Object(
      { nodes, all: Type.Optional(Type.Boolean({ description: 'with those that are over' })) },
      closed,
    ),
    output: Type.Array(
      Type.Object({
        id: Type.Integer({ description: 'number of the window' }),
        phase: stateOf(['waiting', 'open', 'ended', 'cancelled'], 'how far it is'),
        state: stateOf(OUT_STATES, 'where its nodes go'),
        from: Type.String({ description: 'ISO 8601, UTC' }),
        until: text('ISO 8601, UTC; null: without end'),
        nodes: Type.String({ description: 'folded node set' }),
        count: Type.Integer({ description: 'how many they are' }),
        reason: Type.String(),
        by: Type.String({ description: 'who made it' }),
        made: Type.String({ description: 'ISO 8601, UTC' }),
      }),
    ),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'What is planned', input: {} }],
  },
  {
    ...alters,
    name: 'node.cancel-window',
    summary: 'Cancels a maintenance window',
    description: 'Nodes of one that is open go back at once.',
    method: 'DELETE',
    path: '/csm/v1/windows/:id',
    input: Type.Object(
      { id: Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'number of the window' }) },
      closed,
    ),
    output: Type.Object({
      window: Type.Integer({ description: 'number of the window' }),
      updated: Type.Integer({ description: 'nodes that went back' }),
    }),
    timeoutSeconds: 120,
    codes: [code.NO_RESULTS, code.BAD_STATE],
    examples: [{ title: 'Work that is done early', input: { id: 3 } }],
  },
  {
    ...reads,
    name: 'node.find-job',
    summary: 'Lists jobs that used nodes in a period',
    description: 'Answered by what manages allocations; where nothing does, code 4 says so.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'GET',
    path: '/csm/v1/jobs-on',
    input: Type.Object(
      {
        nodes: someNodes,
        from: Type.Optional(moment('begin of the period; default 30 days before its end')),
        to: Type.Optional(moment('end of the period; default now')),
        user: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'only jobs of this user' })),
      },
      closed,
    ),
    output: Type.Array(
      Type.Object({
        id: Type.Integer({ description: 'number of the allocation' }),
        user: Type.String(),
        nodes: Type.String({ description: 'those asked for that it used, folded' }),
        begin: Type.String({ description: 'ISO 8601, UTC' }),
        end: text('ISO 8601, UTC; null while it runs'),
      }),
    ),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'Who was on a node', input: { nodes: 'n7', from: '2026-01-31T08:00:00Z' } }],
  },
  {
    ...reads,
    name: 'cluster.state',
    summary: 'Counts nodes by state and type',
    description: 'In the order of the states; `ready` nodes take work.',
    method: 'GET',
    path: '/csm/v1/state',
    input: Type.Object(
      {
        nodes,
        state: Type.Optional(stateOf(NODE_STATES, 'only nodes in this state')),
        type: Type.Optional(
          Type.Union(
            ROLES.map((role) => Type.Literal(role)),
            { description: 'only nodes of this type' },
          ),
        ),
      },
      closed,
    ),
    output: Type.Array(
      Type.Object({
        nodes: Type.String({ description: 'folded node set' }),
        state: stateOf(NODE_STATES, 'the state they are in'),
        type: Type.String({ description: 'role of their main daemon' }),
        count: Type.Integer({ description: 'how many they are' }),
        ready: Type.Boolean({ description: 'they take work' }),
        since: Type.String({ description: 'when the last of them came into this state, ISO 8601, UTC' }),
      }),
    ),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'The whole machine', input: {} }],
  },
] as const satisfies readonly ApiRow[];
