/** The rows of the API table that the node feature owns. */
import type { ApiRow } from '@csm/api';
import { code, ROLES } from '@csm/model';
import Type, { type Static } from 'typebox';

const closed = { additionalProperties: false } as const;
const nullable = (schema: ReturnType<typeof Type.String> | ReturnType<typeof Type.Integer>, description: string) =>
  Type.Union([schema, Type.Null()], { description });
const text = (description: string) => nullable(Type.String(), description);
const count = (description: string) => nullable(Type.Integer(), description);

export const NODE_STATES = [
  'DISCOVERED',
  'IN_SERVICE',
  'ADMIN_RESERVED',
  'MAINTENANCE',
  'OUT_OF_SERVICE',
  'SOFT_FAILURE',
  'HARD_FAILURE',
] as const;

export const NodeRecord = Type.Object({
  name: Type.String({ description: 'name of the node' }),
  type: Type.Union(
    ROLES.map((role) => Type.Literal(role)),
    { description: 'role of its main daemon' },
  ),
  state: Type.Union(
    NODE_STATES.map((state) => Type.Literal(state)),
    { description: 'DISCOVERED at first contact' },
  ),
  primary_aggregator: text('the hub that serves it now, or served it last'),
  secondary_aggregator: text('the hub that would take over at once; null without one'),
  connected: Type.Boolean({ description: 'whether it has a link now' }),
  links: Type.Integer({ description: 'links it has now: 0, 1 or 2' }),
  first_seen: Type.String({ description: 'ISO 8601, UTC' }),
  last_seen: text('ISO 8601, UTC; at most one heartbeat interval plus a moment old while it is linked'),
  address: text('address of its primary link'),
  version: text('protocol version of its daemon'),
  machine_model: text('from the firmware; null where the firmware says nothing'),
  serial_number: text('from the firmware'),
  architecture: text('such as x86_64'),
  kernel_release: text('as uname -r'),
  kernel_version: text('as uname -v'),
  os_image_name: text('PRETTY_NAME of its os-release'),
  boot_id: text('changes with each boot'),
  installed_memory: count('MemTotal, kB'),
  installed_swap: count('kB'),
  discovered_sockets: count('processor packages with an online CPU'),
  discovered_cores: count('physical cores online; SMT threads of one core count once'),
  discovered_threads: count('logical CPUs online'),
  collection_time: text('when the inventory was taken on the node, ISO 8601, UTC'),
});
export type NodeRecord = Static<typeof NodeRecord>;

const nodes = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 65_536,
    description: 'node set; all nodes when left out',
    allowed: 'a node set such as n[001-128],login1',
  }),
);
const base = { changes: false, enters: ROLES, reach: 'master', access: 'public' } as const;

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
    input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 64, description: 'name of the node' }) }, closed),
    output: NodeRecord,
    codes: [code.UNKNOWN_NODES],
    examples: [{ title: 'One node', input: { name: 'n1' } }],
  },
  {
    ...base,
    name: 'node.watch',
    summary: 'Streams what changes about nodes, links and inventory',
    description:
      'Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice.',
    method: 'GET',
    path: '/csm/v1/changes',
    input: Type.Object(
      {
        nodes,
        since: Type.Optional(Type.Integer({ minimum: 0, description: 'the last seq already known' })),
      },
      closed,
    ),
    item: Type.Object({
      seq: Type.Integer({ description: 'rises in commit order' }),
      time: Type.String({ description: 'ISO 8601, UTC' }),
      kind: Type.String({ description: 'node, link or inventory' }),
      subject: Type.String({ description: 'the node or aggregator; * when there are several nodes' }),
      body: Type.Unknown({ description: 'what changed; `nodes` is a folded node set' }),
    }),
    timeoutSeconds: 0,
    codes: [code.CONTEXT_LOST],
    examples: [{ title: 'Everything from now on', input: {} }],
  },
] as const satisfies readonly ApiRow[];
