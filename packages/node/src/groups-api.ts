/** The row of the API table for groups of nodes that the record itself knows. */
import type { ApiRow } from '@csm/api';
import { ROLES } from '@csm/model';
import Type from 'typebox';

/** By what nodes are grouped. */
export const GROUP_SOURCES = ['state', 'agg', 'rack', 'profile', 'role'] as const;
export type GroupSource = (typeof GROUP_SOURCES)[number];

export const groupsApi = [
  {
    name: 'node.group',
    summary: 'Lists groups of nodes by state, aggregator, rack, profile or role',
    description:
      'Groups of a source in natural order of their names. Every state, role and aggregator is a group, also one without nodes; a rack is the first word of the location an admin gave, an aggregator has the compute nodes that it serves now or served last.',
    access: 'public',
    changes: false,
    enters: ROLES,
    reach: 'master',
    method: 'GET',
    path: '/csm/v1/groups/:source',
    input: Type.Object(
      {
        source: Type.Union(
          GROUP_SOURCES.map((source) => Type.Literal(source)),
          { description: 'by what nodes are grouped' },
        ),
        name: Type.Optional(
          Type.String({ minLength: 1, maxLength: 255, description: 'only this group; letters compare without case' }),
        ),
      },
      { additionalProperties: false },
    ),
    output: Type.Array(
      Type.Object({
        name: Type.String({ description: 'of the group' }),
        nodes: Type.String({ description: 'folded node set; empty when the group has no node now' }),
        count: Type.Integer({ description: 'how many they are' }),
      }),
    ),
    examples: [
      { title: 'The nodes in each state', input: { source: 'state' } },
      { title: 'The nodes of a rack', input: { source: 'rack', name: 'r07' } },
    ],
  },
] as const satisfies readonly ApiRow[];
