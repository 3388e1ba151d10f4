import { code, type Role } from '@csm/model';
import Type from 'typebox';
import { type ApiRow, ApiTable } from '../src/index.ts';

/** A small table with one row of each sort. */

const ANYWHERE: readonly Role[] = ['master', 'aggregator', 'utility', 'compute'];
const closed = { additionalProperties: false } as const;
const NodeName = Type.String({
  pattern: '^[a-z0-9]+$',
  maxLength: 64,
  allowed: 'a node name',
  description: 'the node',
});

export const NodeRow = Type.Object({
  name: Type.String({ description: 'name of the node' }),
  state: Type.Union([Type.Literal('IN_SERVICE'), Type.Literal('DISCOVERED')]),
  memory: Type.Union([Type.Integer(), Type.Null()], { description: 'kB, null while unknown' }),
  labels: Type.Record(Type.String(), Type.String()),
  links: Type.Array(Type.Union([Type.Literal('A'), Type.Literal('B')])),
});

const base = { changes: false, enters: ANYWHERE, reach: 'master', access: 'public' } as const;

export const ROWS: readonly ApiRow[] = [
  {
    ...base,
    name: 'node.list',
    summary: 'Lists nodes',
    method: 'GET',
    path: '/csm/v1/nodes',
    input: Type.Object(
      {
        nodes: Type.Optional(Type.String({ minLength: 1, description: 'node set' })),
        state: Type.Optional(Type.Union([Type.Literal('IN_SERVICE'), Type.Literal('DISCOVERED')])),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, description: 'no more than this many' })),
        fields: Type.Optional(Type.Array(Type.String(), { maxItems: 4 })),
        connected: Type.Optional(Type.Boolean()),
      },
      closed,
    ),
    output: Type.Array(NodeRow),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'Two nodes that are in service', input: { nodes: 'n[1-2]', state: 'IN_SERVICE', limit: 2 } }],
    cli: { columns: ['name', 'state'] },
  },
  {
    ...base,
    name: 'node.show',
    summary: 'Shows one node',
    method: 'GET',
    path: '/csm/v1/nodes/:name',
    input: Type.Object({ name: NodeName }, closed),
    output: NodeRow,
    codes: [code.UNKNOWN_NODES],
  },
  {
    ...base,
    name: 'node.watch',
    summary: 'Follows nodes',
    method: 'GET',
    path: '/csm/v1/node-changes',
    input: Type.Object({ count: Type.Optional(Type.Integer({ minimum: 0 })) }, closed),
    item: Type.Object({ seq: Type.Integer(), text: Type.String() }, closed),
    timeoutSeconds: 0,
  },
  {
    ...base,
    name: 'node.update',
    summary: 'Changes a node',
    method: 'PATCH',
    path: '/csm/v1/nodes/:name',
    access: 'privileged',
    changes: true,
    timeoutSeconds: 5,
    input: Type.Object(
      {
        name: NodeName,
        comment: Type.Union([Type.String({ maxLength: 20 }), Type.Null()]),
        slots: Type.Optional(Type.Array(Type.Object({ id: Type.Integer(), size: Type.Number() }, closed))),
      },
      closed,
    ),
    output: Type.Object({ changed: Type.Integer() }, closed),
    examples: [{ title: "Sets a comment with a ' in it", input: { name: 'n1', comment: "it's ok" } }],
  },
  {
    ...base,
    name: 'job.cancel',
    summary: 'Cancels a job',
    method: 'DELETE',
    path: '/csm/v1/jobs/:id',
    access: 'private',
    owned: true,
    changes: true,
    enters: ['utility', 'master'],
    input: Type.Object({ id: Type.Integer({ minimum: 1 }) }, closed),
  },
];

export const TABLE = new ApiTable(ROWS);
