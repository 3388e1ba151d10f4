/** The rows of the API table that the cluster feature owns; long because the answer of `health` is described whole. */
import type { ApiRow } from '@csm/api';
import { code, ROLES, type Role } from '@csm/model';
import Type from 'typebox';
import { dbApi } from './db/api.ts';

const closed = { additionalProperties: false } as const;
const base = { changes: false, enters: ROLES, reach: 'master', access: 'public' } as const;
const nodes = Type.String({
  minLength: 1,
  maxLength: 65_536,
  description: 'node set',
  allowed: 'a node set such as n[001-128],login1',
});
const isoOrNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description });
const serving = Type.Object({
  active: Type.Integer({ description: 'linked now' }),
  unresponsive: Type.Integer({ description: 'known, not linked' }),
});

export const DEADLINE_MAX = 86_400;
/** Anybody may ping: an order of theirs must not stay for long. */
const PING_DEADLINE_MAX = 60;
const deadline = Type.Optional(
  Type.Number({
    minimum: 0.1,
    maximum: DEADLINE_MAX,
    description: 'seconds for all nodes and all hops; default 30',
  }),
);

const pingDeadline = Type.Optional(
  Type.Number({
    minimum: 0.1,
    maximum: PING_DEADLINE_MAX,
    description: 'seconds for all nodes and all hops; default 5',
  }),
);

export const Aggregator = Type.Object({
  node: Type.String({ description: 'name of the aggregator' }),
  connected: Type.Boolean({ description: 'whether the master has its link' }),
  since: Type.String({ description: 'ISO 8601, UTC: linked, or lost, since' }),
  reason: Type.Union([Type.String(), Type.Null()], { description: 'why the link was lost' }),
  address: Type.String({ description: 'where it links from' }),
  version: Type.String({ description: 'protocol version' }),
  bounced: Type.Integer({ description: 'times it linked anew while this master runs' }),
  primary: serving,
  secondary: serving,
});

const Drained = Type.Union(
  [
    Type.Object({
      since: Type.String({ description: 'ISO 8601, UTC' }),
      by: Type.String({ description: 'who drained it' }),
      reason: Type.Union([Type.String(), Type.Null()], { description: 'why' }),
      rate: Type.Integer({ description: 'nodes a second' }),
    }),
    Type.Null(),
  ],
  { description: 'its nodes are kept away; null when they are not' },
);
const DrainAnswer = Type.Object({
  node: Type.String({ description: 'name of the aggregator' }),
  changed: Type.Boolean({ description: 'whether it was not so before' }),
  drained: Drained,
  problem: Type.Union([Type.String(), Type.Null()], {
    description: 'why it could not be told yet; it is told again until it answers',
  }),
  serves: Type.Integer({ description: 'compute nodes whose primary it still is' }),
});
const aggregatorName = Type.String({ minLength: 1, maxLength: 64, description: 'name of the aggregator' });
const reason = Type.String({
  minLength: 1,
  maxLength: 1024,
  pattern: '^[^\\u0000-\\u001f\\u007f]*[^\\s\\u0000-\\u001f\\u007f][^\\u0000-\\u001f\\u007f]*$',
  description: 'why, in a line',
  allowed: 'a line of text',
});

export const Part = Type.Object({
  nodes: Type.String({ description: 'folded node set of those that answered alike' }),
  code: Type.Integer({
    description: 'CSM code: 0 answered, 5 no answer in time, 37 outcome unknown, 46 unknown, 48 down',
  }),
  text: Type.String({ description: 'in words' }),
  body: Type.Optional(Type.Unknown({ description: 'what the command gave' })),
});

const Self = Type.Union(
  [
    Type.Object({
      version: Type.String({ description: 'of CSM' }),
      started: Type.String({ description: 'ISO 8601, UTC' }),
      certificate_expires: Type.String({ description: 'ISO 8601, UTC' }),
      clock_ahead_ms: Type.Union([Type.Integer(), Type.Null()], {
        description: 'how far its clock is ahead of that of `clock_of`; null where that is not known',
      }),
      clock_of: Type.Union([Type.String(), Type.Null()], { description: 'the daemon it links to' }),
      dropped: Type.Integer({ description: 'samples its outbox dropped since its start' }),
      refused: Type.Integer({ description: 'reports its outbox refused since its start' }),
      features: Type.Record(Type.String(), Type.Unknown(), {
        description: 'states of what runs in it, by feature, such as the receiver of an aggregator',
      }),
    }),
    Type.Null(),
  ],
  { description: 'what the daemon says of itself; null before it has' },
);

const Linked = Type.Object({
  node: Type.String(),
  connected: Type.Boolean({ description: 'whether the leading master has its link' }),
  last_seen: isoOrNull('ISO 8601, UTC'),
  address: Type.Union([Type.String(), Type.Null()]),
  since: isoOrNull('linked since, ISO 8601, UTC'),
  version: Type.Union([Type.String(), Type.Null()], { description: 'protocol version' }),
  bounced: Type.Union([Type.Integer(), Type.Null()], { description: 'times it linked anew' }),
  self: Self,
});

const Listed = Type.Object({
  active: Type.Array(
    Type.Object({
      nodes: Type.String({ description: 'folded node set' }),
      bounced: Type.Integer(),
      version: Type.String({ description: 'protocol version' }),
    }),
  ),
  unresponsive: Type.String({ description: 'folded node set; empty when there is none' }),
});

const HealthAggregator = Type.Object({
  ...Aggregator.properties,
  credit: Type.Union([Type.Integer(), Type.Null()], {
    description: 'bytes of reports it may send at present; null when it is not linked',
  }),
  self: Self,
  nodes: Type.Optional(
    Type.Object({ primary: Listed, secondary: Listed }, { description: 'its compute nodes by name, where asked for' }),
  ),
});

const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];

export const api = [
  {
    ...base,
    name: 'health',
    summary: 'Shows how the tree is: masters, aggregators, utilities, refused peers',
    description:
      'A daemon that reaches no master answers itself: `degraded` is true and the master is shown as unreachable, with the reason. A master that stands by asks the one that leads, and says in `local` that it stands by.',
    method: 'GET',
    path: '/csm/v1/health',
    input: Type.Object(
      { nodes: Type.Optional(Type.Boolean({ description: 'with the compute nodes of each aggregator by name' })) },
      closed,
    ),
    output: Type.Object({
      degraded: Type.Boolean({ description: 'something is not as it should be; `problems` says what' }),
      problems: Type.Array(Type.String(), { description: 'in words' }),
      warnings: Type.Array(Type.String(), {
        description: 'in words: what works yet, and somebody should look at',
      }),
      master: Type.Object({
        node: Type.Union([Type.String(), Type.Null()], { description: 'null when unreachable' }),
        reachable: Type.Boolean(),
        version: Type.Union([Type.String(), Type.Null()], { description: 'of CSM' }),
        since: isoOrNull('leads since, ISO 8601, UTC'),
        term: Type.Union([Type.Integer(), Type.Null()], {
          description: 'number of its lead: higher than that of every master before',
        }),
        engine: Type.Union([Type.String(), Type.Null()], { description: 'of the database: sqlite or postgresql' }),
        settling: Type.Boolean({ description: 'has just started and is still learning who is there' }),
        database: Type.Union([Type.String(), Type.Null()], {
          description: 'ok, why it is away, or what commit failed in the last minute',
        }),
        reports: Type.Object({
          queued: Type.Integer(),
          committed: Type.Integer(),
          stale: Type.Integer(),
          rejected: Type.Integer(),
        }),
        store: Type.Union(
          [
            Type.Object({
              queued: Type.Integer({ description: 'calls that wait for the database' }),
              queue_limit: Type.Integer(),
              queued_bytes: Type.Integer(),
              refused: Type.Integer({ description: 'calls turned away since its queue was full' }),
              last_commit_ms: Type.Number(),
              file_bytes: Type.Integer(),
              wal_bytes: Type.Integer(),
            }),
            Type.Null(),
          ],
          { description: 'figures of the database; null while it is away' },
        ),
        self: Self,
      }),
      aggregators: Type.Array(HealthAggregator),
      masters: Type.Array(Linked, {
        description:
          'the other masters of its database, those seen within 7 days; what is not linked does not stand by',
      }),
      utilities: Type.Array(Linked),
      computes: Type.Object({
        known: Type.Integer(),
        redundant: Type.Integer({ description: 'with two links' }),
        single: Type.Integer({ description: 'with one' }),
        lost: Type.Integer({ description: 'with none' }),
        versions: Type.Array(Type.Object({ version: Type.String(), count: Type.Integer() }), {
          description: 'how many run which version of CSM',
        }),
      }),
      certificates: Type.Array(
        Type.Object({
          role: Type.String(),
          nodes: Type.String({ description: 'folded' }),
          expires: Type.String({ description: 'ISO 8601, UTC: the first of them' }),
        }),
        { description: 'that end within 30 days, the first to end first' },
      ),
      clocks: Type.Array(
        Type.Object({
          role: Type.String(),
          nodes: Type.String({ description: 'folded' }),
          of: Type.Union([Type.String(), Type.Null()], { description: 'whose clock theirs was compared with' }),
          ahead_ms: Type.Integer(),
        }),
        { description: 'that are off by more than a second' },
      ),
      drops: Type.Array(
        Type.Object({
          role: Type.String(),
          nodes: Type.String({ description: 'folded' }),
          dropped: Type.Integer({ description: 'samples, each of them' }),
          refused: Type.Integer({ description: 'reports, each of them' }),
        }),
        { description: 'outboxes that were full since their daemon started' },
      ),
      refused: Type.Array(
        Type.Object({
          by: Type.String({ description: 'the daemon that refused it' }),
          daemon: Type.String({ description: 'who it said to be' }),
          address: Type.String(),
          code: Type.String({
            description:
              'certificate, identity, version, duplicate, role, broken; before that not-tls, expired, unknown-ca, no-certificate …',
          }),
          reason: Type.String(),
          last: Type.String({ description: 'ISO 8601, UTC' }),
          count: Type.Integer(),
        }),
        { description: 'peers refused at any listener within 24 h, newest last' },
      ),
      local: Type.Object({
        daemon: Type.String({ description: 'the daemon that answers on this socket' }),
        standby: Type.Union(
          [
            Type.Object({
              why: Type.String({ description: 'why it does not lead' }),
              leader: Type.Union([Type.String(), Type.Null()], { description: 'node of the leader last known' }),
              term: Type.Union([Type.Integer(), Type.Null()], { description: "the leader's" }),
              since: isoOrNull('it leads since, ISO 8601, UTC'),
            }),
            Type.Null(),
          ],
          { description: 'of a master that stands by; null for all others' },
        ),
        primary: Type.Union([Type.String(), Type.Null()], { description: 'the hub that serves it' }),
        secondary: Type.Union([Type.String(), Type.Null()]),
        candidates: Type.Array(
          Type.Object({ name: Type.String(), state: Type.String(), reason: Type.Union([Type.String(), Type.Null()]) }),
        ),
        outbox: Type.Object({
          bytes: Type.Integer(),
          waiting: Type.Integer(),
          unacknowledged: Type.Integer(),
          dropped: Type.Integer(),
          refused: Type.Integer(),
        }),
        journal: Type.String({ description: 'ok, or why it cannot be written' }),
        refused: Type.Integer({ description: 'peers this daemon itself refused' }),
        features: Type.Record(Type.String(), Type.Unknown(), {
          description: 'counters and states of what runs in this daemon, by feature',
        }),
      }),
    }),
    examples: [
      { title: 'The whole tree', input: {} },
      { title: 'With the nodes of each aggregator', input: { nodes: true } },
    ],
  },
  {
    ...base,
    name: 'aggregator.list',
    summary: 'Lists aggregators and how many nodes each serves',
    method: 'GET',
    path: '/csm/v1/aggregators',
    input: Type.Object({}, closed),
    output: Type.Array(Type.Object({ ...Aggregator.properties, drained: Drained })),
    codes: [code.NO_RESULTS],
  },
  {
    ...base,
    name: 'aggregator.drain',
    summary: 'Moves all nodes away from an aggregator, and keeps them away',
    description:
      'Each node that has another aggregator goes there by itself; one that has none stays. That holds when the aggregator or the master is started again, until `aggregator.undrain`. Asked again it changes reason and rate.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'POST',
    path: '/csm/v1/aggregators/:name/drain',
    input: Type.Object(
      {
        name: aggregatorName,
        reason,
        rate: Type.Optional(Type.Integer({ minimum: 1, maximum: 10_000, description: 'nodes a second; default 50' })),
      },
      closed,
    ),
    output: DrainAnswer,
    changes: true,
    codes: [code.UNKNOWN_NODES, code.BAD_STATE],
    examples: [{ title: 'Before its repair', input: { name: 'agg-A', reason: 'new memory' } }],
  },
  {
    ...base,
    name: 'aggregator.undrain',
    summary: 'Lets nodes come back to a drained aggregator',
    description:
      'Those whose first choice it is come back by themselves once it has been stable for a while, or with `tree.rebalance`.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'POST',
    path: '/csm/v1/aggregators/:name/undrain',
    input: Type.Object({ name: aggregatorName, reason: Type.Optional(reason) }, closed),
    output: DrainAnswer,
    changes: true,
    codes: [code.UNKNOWN_NODES],
    examples: [{ title: 'After its repair', input: { name: 'agg-A' } }],
  },
  {
    ...base,
    name: 'tree.rebalance',
    summary: 'Moves nodes back to their first choice of aggregator',
    description: 'Each node moves by itself within `spread` seconds. A node that is there already stays.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'POST',
    path: '/csm/v1/tree/rebalance',
    input: Type.Object(
      { nodes, spread: Type.Optional(Type.Number({ minimum: 0, maximum: 3600, description: 'seconds; default 5' })) },
      closed,
    ),
    item: Part,
    changes: true,
    timeoutSeconds: 60,
    examples: [{ title: 'One rack, spread over half a minute', input: { nodes: 'n[001-018]', spread: 30 } }],
  },
  {
    ...base,
    name: 'ping',
    summary: 'Asks nodes for a sign of life through the whole tree',
    method: 'POST',
    path: '/csm/v1/ping',
    input: Type.Object({ nodes, deadline: pingDeadline }, closed),
    item: Part,
    timeoutSeconds: PING_DEADLINE_MAX + 30,
    examples: [{ title: 'Two nodes', input: { nodes: 'n[1-2]' } }],
  },
  {
    ...base,
    name: 'run',
    summary: 'Runs a program on nodes',
    description:
      'The program runs as root, without a shell, in its own process group, which is killed at the end. Equal answers are folded. No node runs it twice, whatever dies in between; where it cannot be known whether it ran, the part says so (37).',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'POST',
    path: '/csm/v1/run',
    input: Type.Object(
      {
        nodes,
        argv: Type.Array(Type.String({ maxLength: 131_072 }), {
          minItems: 1,
          maxItems: 1024,
          description: 'program and arguments',
        }),
        deadline,
        partial: Type.Optional(Type.Boolean({ description: 'give parts as they come, instead of all at the end' })),
      },
      closed,
    ),
    item: Part,
    changes: true,
    timeoutSeconds: DEADLINE_MAX,
    codes: [code.UNKNOWN_NODES, code.NODES_UNAVAILABLE, code.CONTEXT_LOST],
    examples: [{ title: 'The kernel of two nodes', input: { nodes: 'n[1-2]', argv: ['uname', '-r'], deadline: 10 } }],
  },
  ...dbApi,
] as const satisfies readonly ApiRow[];
