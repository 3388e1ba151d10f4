/** The rows of the API table that the node feature owns. */
import type { ApiRow } from '@csm/api';
import { code, ROLES, type Role } from '@csm/model';
import Type from 'typebox';
import {
  HardwareRecord,
  HistoryRecord,
  Kind,
  NodeDetails,
  NodeDifference,
  NodeRecord,
  nullable,
  ProfileRecord,
} from './api-records.ts';
import { Failed, reason, stateOf, statesApi } from './api-states.ts';
import { FEATURE_MAX, FEATURES_MAX, TEXT_MAX } from './attributes.ts';
import { groupsApi } from './groups-api.ts';
import { ADMIN_STATES } from './states/table.ts';

const closed = { additionalProperties: false } as const;
const nodes = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 65_536,
    description: 'node set; all nodes when left out',
    allowed: 'a node set such as n[001-128],login1',
  }),
);
const someNodes = Type.String({
  minLength: 1,
  maxLength: 65_536,
  description: 'node set',
  allowed: 'a node set such as n[001-128],login1',
});
const aNode = (description: string) => Type.String({ minLength: 1, maxLength: 64, description });
const serial = Type.Optional(
  Type.String({ minLength: 1, maxLength: 256, description: 'only the part with this serial number' }),
);
const base = { changes: false, enters: ROLES, reach: 'master', access: 'public' } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];

/** Rows of history one answer may have. */
export const HISTORY_ANSWER_MAX = 10_000;
/** A collection that is not there after this many seconds is not waited for. */
export const COLLECT_DEADLINE_MAX = 600;

export const api = [
  {
    ...base,
    name: 'node.list',
    summary: 'Lists nodes with their state, aggregators and inventory',
    description:
      'The answer is in natural order of the names. A name that no node bears is no error where others match; where nothing matches the answer is code 4.',
    method: 'GET',
    path: '/csm/v1/nodes',
    input: Type.Object(
      {
        nodes,
        type: Type.Optional(
          Type.Union(
            ROLES.map((role) => Type.Literal(role)),
            { description: 'only nodes of this type' },
          ),
        ),
      },
      closed,
    ),
    output: Type.Array(NodeRecord),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'Eight compute nodes', input: { nodes: 'n[1-8]', type: 'compute' } }],
  },
  {
    ...base,
    name: 'node.show',
    summary: 'Shows one node',
    method: 'GET',
    path: '/csm/v1/nodes/:name',
    input: Type.Object(
      {
        name: aNode('name of the node'),
        full: Type.Optional(Type.Boolean({ description: 'with the whole inventory document' })),
      },
      closed,
    ),
    output: NodeDetails,
    codes: [code.UNKNOWN_NODES],
    examples: [
      { title: 'One node', input: { name: 'n1' } },
      { title: 'All that is known of it', input: { name: 'n1', full: true } },
    ],
  },
  {
    ...base,
    name: 'node.update',
    summary: 'Sets comment, features, location or state of nodes',
    description:
      'What is left out stays as it is; empty text or null clears. These are the words of an admin, apart from what is discovered. What can be changed is: `failed` names the nodes that are not known, and those whose move to `state` is not allowed; of these nothing is changed.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'PATCH',
    path: '/csm/v1/nodes',
    input: Type.Object(
      {
        nodes: someNodes,
        comment: Type.Optional(nullable(Type.String({ maxLength: TEXT_MAX }), 'free text; null clears')),
        features: Type.Optional(
          Type.Union([Type.Array(Type.String({ maxLength: FEATURE_MAX }), { maxItems: FEATURES_MAX }), Type.Null()], {
            description: 'words such as gpu or fat, which replace those there; null or an empty list clears',
          }),
        ),
        location: Type.Optional(nullable(Type.String({ maxLength: TEXT_MAX }), 'such as R07 U12; null clears')),
        state: Type.Optional(stateOf(ADMIN_STATES, 'the state they are to be in')),
        reason: Type.Optional(reason),
      },
      closed,
    ),
    output: Type.Object({
      nodes: Type.String({ description: 'folded node set' }),
      updated: Type.Integer({ description: 'nodes of which something was not so before' }),
      failed: Type.Array(Failed, { description: 'what could not be done, folded by reason' }),
    }),
    changes: true,
    timeoutSeconds: 120,
    codes: [code.MISSING_PARAMETER],
    examples: [
      { title: 'Where a rack stands', input: { nodes: 'n[001-018]', location: 'R07' } },
      { title: 'No comment any more', input: { nodes: 'n1', comment: null } },
      { title: 'Out of service', input: { nodes: 'n1', state: 'OUT_OF_SERVICE', reason: 'fan 3 stands still' } },
    ],
  },
  {
    ...base,
    name: 'node.collect',
    summary: 'Takes the inventory of nodes now',
    description:
      'Each node answers whether what it found differs from what it last reported; what it found is on its way into the database then. A collection under way is shared, not begun anew.',
    access: 'privileged',
    enters: ADMIN_DAEMONS,
    method: 'POST',
    path: '/csm/v1/collect',
    input: Type.Object(
      {
        nodes: someNodes,
        deadline: Type.Optional(
          Type.Number({
            minimum: 0.1,
            maximum: COLLECT_DEADLINE_MAX,
            description: 'seconds for all nodes and all hops; default 60',
          }),
        ),
      },
      closed,
    ),
    item: Type.Object({
      nodes: Type.String({ description: 'folded node set of those that answered alike' }),
      code: Type.Integer({ description: 'CSM code: 0 answered, 5 no answer in time, 46 unknown, 48 down' }),
      text: Type.String({ description: 'in words' }),
      body: Type.Optional(Type.Unknown({ description: '{changed}: whether it differs from what was last reported' })),
    }),
    timeoutSeconds: COLLECT_DEADLINE_MAX + 30,
    examples: [{ title: 'After a repair', input: { nodes: 'n7' } }],
  },
  {
    ...base,
    name: 'node.hardware',
    summary: 'Lists the parts nodes are made of',
    description:
      'An item a part, by node in natural order, kind and location. A part that could not be read this time is still listed as it was last known.',
    method: 'GET',
    path: '/csm/v1/hardware',
    input: Type.Object({ nodes, kind: Type.Optional(Kind), serial }, closed),
    item: HardwareRecord,
    // A large machine has some hundred thousand parts, and a caller may read slowly.
    timeoutSeconds: 300,
    codes: [code.NO_RESULTS],
    examples: [
      { title: 'The GPUs of a node', input: { nodes: 'n1', kind: 'gpu' } },
      { title: 'Where a part is', input: { serial: 'S4EV0R1' } },
    ],
  },
  {
    ...base,
    name: 'node.history',
    summary: 'Lists what happened to parts: inserted, changed, removed, moved',
    description:
      'Newest last; of more rows than `limit` the newest. The first time a node tells all of a kind is what all later ones are held against: it makes no rows, but for parts that were known in another node; nor does an inventory make any for a kind that could not be read from its usual source. A node makes at most 1000 rows a day (UTC): what more it tells is known of its parts, and counted as `left_out` in `node.watch`.',
    method: 'GET',
    path: '/csm/v1/hardware/history',
    input: Type.Object(
      {
        nodes,
        kind: Type.Optional(Kind),
        serial,
        since: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 40,
            description: 'only what came at this moment or later',
            allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
          }),
        ),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: HISTORY_ANSWER_MAX, description: 'rows; default 1000' }),
        ),
      },
      closed,
    ),
    output: Type.Array(HistoryRecord),
    codes: [code.NO_RESULTS, code.BUFFER_OVERFLOW],
    examples: [
      { title: 'What happened to the memory of a rack', input: { nodes: 'n[001-018]', kind: 'dimm' } },
      { title: 'Since a service day', input: { since: '2026-01-31T08:00:00Z' } },
    ],
  },
  {
    ...base,
    name: 'node.diff',
    summary: 'Tells in what two nodes differ',
    description:
      'Left aside is what always differs: serial numbers, addresses, identifiers of a boot, times, wear, and in which of its places a part sits.',
    method: 'GET',
    path: '/csm/v1/hardware/diff',
    input: Type.Object({ a: aNode('the one node'), b: aNode('the other') }, closed),
    output: NodeDifference,
    codes: [code.UNKNOWN_NODES, code.NO_RESULTS],
    examples: [{ title: 'Two nodes', input: { a: 'n1', b: 'n2' } }],
  },
  {
    ...base,
    name: 'node.profile',
    summary: 'Folds nodes by equal hardware',
    description: 'The largest group first; a group of few beside a group of many is worth a look with `node.diff`.',
    method: 'GET',
    path: '/csm/v1/profiles',
    input: Type.Object({ nodes }, closed),
    output: Type.Array(ProfileRecord),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'The whole machine', input: {} }],
  },
  {
    ...base,
    name: 'node.watch',
    summary: 'Streams what changes about nodes, links and inventory',
    description:
      'Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice. Changes behind `since` that are no longer kept are code 37, with the oldest cursor that is left as `oldest`. The same over server-sent events and WebSocket.',
    method: 'GET',
    path: '/csm/v1/changes',
    input: Type.Object(
      {
        nodes,
        kinds: Type.Optional(
          Type.Array(Type.String({ pattern: '^[a-z][a-z0-9.-]{0,63}$', allowed: 'a kind such as node' }), {
            minItems: 1,
            maxItems: 16,
            description: 'kinds of changes; node, link and inventory when left out',
          }),
        ),
        since: Type.Optional(Type.Integer({ minimum: 0, description: 'the last seq already known' })),
      },
      closed,
    ),
    item: Type.Object({
      seq: Type.Integer({ description: 'rises in commit order' }),
      time: Type.String({ description: 'ISO 8601, UTC' }),
      kind: Type.String({ description: 'node, link, inventory, or what `kinds` names' }),
      subject: Type.String({ description: 'the node or aggregator; * when there are several nodes' }),
      body: Type.Unknown({ description: 'what changed; `nodes` is a folded node set' }),
    }),
    timeoutSeconds: 0,
    codes: [code.CONTEXT_LOST],
    examples: [
      { title: 'Everything from now on', input: {} },
      { title: 'States of some nodes, behind change 1000', input: { nodes: 'n[1-8]', kinds: ['node'], since: 1000 } },
    ],
  },
  ...groupsApi,
  ...statesApi,
] as const satisfies readonly ApiRow[];
