/** The rows of the API table that the environment feature owns. */
import type { ApiRow } from '@csm/api';
import { code, ROLES } from '@csm/model';
import Type, { type Static } from 'typebox';
import { ITEMS, type Item } from './items.ts';

const closed = { additionalProperties: false } as const;

/** What a step's samples become; p95 is the nearest rank: the smallest value that 95 % of them do not exceed. */
export const AGGREGATES = ['min', 'avg', 'max', 'p95'] as const;
export type Aggregate = (typeof AGGREGATES)[number];

export const STEP_MAX_S = 366 * 86_400;
export const TOP_MAX = 1000;
const METRICS_MAX = 100;

const itemName = (description: string) =>
  Type.Union(
    ITEMS.map((item) => Type.Literal(item)),
    { description },
  );
const nodes = Type.Optional(
  Type.String({
    minLength: 1,
    maxLength: 65_536,
    description: 'node set; all nodes when left out',
    allowed: 'a node set such as n[001-128],login1',
  }),
);
const moment = (description: string) =>
  Type.Optional(
    Type.String({ maxLength: 40, description, allowed: 'a time such as 2026-07-01T12:00:00Z, or a date (0 h UTC)' }),
  );

export const SampleItem = Type.Object({
  node: Type.String({ description: 'name of the node' }),
  item: itemName('what was read'),
  time: Type.String({ description: "when it was read, or the step's beginning; ISO 8601, UTC" }),
  values: Type.Record(Type.String(), Type.Number(), { description: 'metric or instance.metric → number' }),
});
export type SampleItem = Omit<Static<typeof SampleItem>, 'item'> & { readonly item: Item };

export const TopRow = Type.Object({
  node: Type.String({ description: 'name of the node' }),
  item: itemName('what was read'),
  metric: Type.String({ description: 'the value that counts for the node, with its instance where it has one' }),
  time: Type.String({ description: 'when it was read, ISO 8601, UTC' }),
  value: Type.Number({ description: 'the value' }),
});
export type TopRow = Omit<Static<typeof TopRow>, 'item'> & { readonly item: Item };

const base = { changes: false, enters: ROLES, reach: 'master', access: 'public', method: 'GET' } as const;

export const api = [
  {
    ...base,
    name: 'env.query',
    summary: 'Streams what the nodes have measured',
    description:
      'Items come ordered by time, then by node in natural order. Without a step they are as sampled. With a step each is the aggregate of all samples from its time up to the next multiple of the step (UTC); since and until are widened to whole steps. Steps of whole hours are answered from the hourly figures, steps of whole days from the daily ones, all else and p95 from samples: each reaches back as far as it is kept. A step of which some has been removed is left out: the answer begins with the first whole one, and where none is left it is code 4 and tells how far back the figures reach. A percentile of more than 2,000,000 values in one step of one node is refused with code 30. A fraction is kept to six significant digits. Where nothing matches the answer is code 4.',
    path: '/csm/v1/environment/samples',
    input: Type.Object(
      {
        nodes,
        item: itemName('what was read'),
        since: moment('the first moment; an hour before until when left out'),
        until: moment('the moment before which it ends; now when left out'),
        step: Type.Optional(
          Type.Integer({ minimum: 0, maximum: STEP_MAX_S, default: 0, description: 'seconds; 0: as sampled' }),
        ),
        agg: Type.Optional(
          Type.Union(
            AGGREGATES.map((name) => Type.Literal(name)),
            { default: 'avg', description: 'what becomes of the samples of a step; without a step it says nothing' },
          ),
        ),
        metrics: Type.Optional(
          Type.Array(Type.String({ minLength: 1, maxLength: 4096 }), {
            maxItems: METRICS_MAX,
            description:
              'only these values: a whole name, or a metric without its instance, which takes that of every instance; several may stand in one text, with commas between; all when left out',
            allowed: `at most ${METRICS_MAX} names such as user_percent or sda.busy_percent`,
          }),
        ),
      },
      closed,
    ),
    item: SampleItem,
    timeoutSeconds: 3600,
    codes: [code.NO_RESULTS, code.BUFFER_OVERFLOW],
    examples: [
      {
        title: 'Load of eight nodes on a day, by the hour',
        input: {
          nodes: 'n[1-8]',
          item: 'cpu',
          since: '2026-07-01T00:00:00Z',
          until: '2026-07-02T00:00:00Z',
          step: 3600,
          agg: 'max',
        },
      },
    ],
  },
  {
    ...base,
    name: 'env.top',
    summary: 'Lists the nodes with the highest newest values',
    description:
      "Only each node's newest sample counts. Where a node has several of the thing, its highest (ascending: lowest) instance counts and is named. Without a metric it is the item's main one, such as the busy share of a disk; of memory the least available comes first. Equal values stand in natural order of the nodes.",
    path: '/csm/v1/environment/top',
    input: Type.Object(
      {
        item: itemName('what was read'),
        metric: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 130,
            description: "a whole name, or a metric without its instance; the item's main metric when left out",
          }),
        ),
        nodes,
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: TOP_MAX, default: 20, description: 'nodes at most; 20 when left out' }),
        ),
        ascending: Type.Optional(Type.Boolean({ default: false, description: 'the lowest first' })),
      },
      closed,
    ),
    output: Type.Array(TopRow),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'The hottest nodes', input: { item: 'temperature', limit: 5 } }],
  },
  {
    ...base,
    name: 'env.watch',
    summary: 'Streams samples as they are stored',
    description:
      'Begins with what comes next, and ends when the caller goes away. A caller slower than the nodes loses the oldest items that wait; in their place stands one item {lost} with their number.',
    path: '/csm/v1/environment/watch',
    input: Type.Object({ nodes, item: Type.Optional(itemName('only this item; all when left out')) }, closed),
    item: Type.Union([
      SampleItem,
      Type.Object({
        lost: Type.Integer({ minimum: 1, description: 'items left out here since the caller was too slow' }),
      }),
    ]),
    timeoutSeconds: 0,
    examples: [{ title: 'Temperatures of eight nodes', input: { nodes: 'n[1-8]', item: 'temperature' } }],
  },
  {
    ...base,
    name: 'env.archive',
    summary: 'Writes old samples into files, a day each',
    description:
      'Makes `<directory>/samples-before-<date>` with a gzipped file of JSON lines for each day and a manifest with counts and checksums. Nothing is removed: samples go by their age.',
    access: 'privileged',
    enters: ['master', 'aggregator', 'utility'],
    changes: true,
    method: 'POST',
    path: '/csm/v1/environment/archive',
    input: Type.Object(
      {
        directory: Type.String({
          minLength: 2,
          maxLength: 3_000,
          pattern: '^/[^\\u0000]*$',
          description: 'where the archive is made',
          allowed: "an absolute path on the master's machine",
        }),
        before: Type.Integer({ minimum: 0, description: 'ms UTC, the beginning of a day that has begun' }),
      },
      closed,
    ),
    output: Type.Object({
      path: Type.String(),
      rows: Type.Integer({ description: 'samples written' }),
      bytes: Type.Integer(),
      files: Type.Integer({ description: 'days' }),
    }),
    timeoutSeconds: 86_400,
    codes: [code.NO_RESULTS, code.BAD_STATE, code.DATABASE_UNAVAILABLE],
    examples: [
      {
        title: 'Samples of before 1 October 2026',
        input: { directory: '/var/lib/csm/archive', before: 1790812800000 },
      },
    ],
  },
] as const satisfies readonly ApiRow[];
