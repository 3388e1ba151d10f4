/** The rows of the API table that the heartbeat feature owns. */
import type { ApiRow } from '@csm/api';
import { code, ROLES, type Role } from '@csm/model';
import Type from 'typebox';
import {
  CHANGE_KINDS,
  ComponentDetails,
  ComponentRecord,
  FLAGS,
  HistoryRecord,
  IncidentRecord,
  LIVES,
  oneOf,
  ParamsRecord,
  StatusRecord,
  ThresholdsRecord,
  WatchItem,
} from './api-records.ts';

const closed = { additionalProperties: false } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];
const reads = { changes: false, enters: ROLES, reach: 'master', access: 'public' } as const;
const alters = { changes: true, enters: ADMIN_DAEMONS, reach: 'master', access: 'privileged' } as const;

const SET_ALLOWED = 'a set such as x0c[0-7]s[0-7]b0n0,x3000c0';
const set = (description: string) =>
  Type.String({ minLength: 1, maxLength: 65_536, description, allowed: SET_ALLOWED });
const nodes = Type.Optional(set('set of components; all when left out'));
const moment = (description: string) =>
  Type.String({ minLength: 1, maxLength: 40, description, allowed: 'a time such as 2026-01-31T08:00:00Z' });
const seconds = (description: string) => Type.Number({ minimum: 1, maximum: 7 * 86_400, description });
const word = (description: string) =>
  Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$', allowed: 'a word of letters and digits', description });
const parameter = Type.Optional(Type.String({ maxLength: 2048, description: 'its new value, as text' }));

/** Rows of history, or incidents, that one answer may have. */
export const HISTORY_ANSWER_MAX = 10_000;
export const INCIDENTS_ANSWER_MAX = 1000;
/** Components that one call may forget. */
export const FORGET_MAX = 10_000;
/** Pairs of thresholds beside the global one. */
export const SPECIAL_MAX = 100;

export const api = [
  {
    ...reads,
    name: 'heartbeat.status',
    summary: 'Shows how the heartbeat service is: counts by state, incidents, what waits',
    method: 'GET',
    path: '/csm/v1/heartbeat',
    input: Type.Object({}, closed),
    output: StatusRecord,
    codes: [code.BAD_STATE],
    examples: [{ title: 'At a glance', input: {} }],
  },
  {
    ...reads,
    name: 'heartbeat.list',
    summary: 'Lists components that send heartbeats, and how they are',
    description:
      'An item a component, in the order of their names. Nodes of this cluster are among them, by what their links say. With `limit` the list goes on behind the last name, given as `after`.',
    method: 'GET',
    path: '/csm/v1/heartbeat/components',
    input: Type.Object(
      {
        nodes,
        states: Type.Optional(
          Type.Array(oneOf(LIVES, 'a state'), { minItems: 1, maxItems: LIVES.length, description: 'only in these' }),
        ),
        flags: Type.Optional(
          Type.Array(oneOf(FLAGS, 'a flag'), { minItems: 1, maxItems: FLAGS.length, description: 'only with these' }),
        ),
        seen_since: Type.Optional(moment('only those whose last beat came then or later')),
        seen_before: Type.Optional(moment('only those whose last beat came before')),
        after: Type.Optional(Type.String({ minLength: 1, maxLength: 64, description: 'begin behind this name' })),
        limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, description: 'items; all when left out' })),
      },
      closed,
    ),
    item: ComponentRecord,
    // There may be a hundred thousand, and a caller may read slowly.
    timeoutSeconds: 300,
    codes: [code.NO_RESULTS, code.BAD_STATE],
    examples: [
      { title: 'Who is late or dead in a cabinet', input: { nodes: 'x3c[0-7]s[0-7]b0n0', states: ['late', 'dead'] } },
      {
        title: 'The first hundred that were not seen since',
        input: { seen_before: '2026-01-31T08:00:00Z', limit: 100 },
      },
    ],
  },
  {
    ...reads,
    name: 'heartbeat.show',
    summary: 'Shows one component: its beats, thresholds, state manager and what comes next',
    method: 'GET',
    path: '/csm/v1/heartbeat/components/:name',
    input: Type.Object(
      { name: Type.String({ minLength: 1, maxLength: 64, description: 'xname, or name of a node of this cluster' }) },
      closed,
    ),
    output: ComponentDetails,
    codes: [code.UNKNOWN_NODES, code.BAD_STATE],
    examples: [{ title: 'A node', input: { name: 'x3000c0s1b0n0' } }],
  },
  {
    ...reads,
    name: 'heartbeat.history',
    summary: 'Lists what became of components: started, late, dead, back',
    description:
      'Newest last; of more rows than `limit` the newest. `before`, given the lowest `seq` of an answer, reads on into the past.',
    method: 'GET',
    path: '/csm/v1/heartbeat/history',
    input: Type.Object(
      {
        nodes,
        kinds: Type.Optional(
          Type.Array(oneOf(CHANGE_KINDS, 'a kind'), {
            minItems: 1,
            maxItems: CHANGE_KINDS.length,
            description: 'only what became of them so',
          }),
        ),
        since: Type.Optional(moment('only what was noticed then or later')),
        before: Type.Optional(
          Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'only rows with a lower seq' }),
        ),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: HISTORY_ANSWER_MAX, description: 'rows; default 1000' }),
        ),
      },
      closed,
    ),
    output: Type.Array(HistoryRecord),
    codes: [code.NO_RESULTS, code.BUFFER_OVERFLOW, code.BAD_STATE],
    examples: [
      { title: 'What happened to a node', input: { nodes: 'x3000c0s1b0n0' } },
      { title: 'Who died', input: { kinds: ['dead', 'halted'], since: '2026-01-31T08:00:00Z' } },
    ],
  },
  {
    ...reads,
    name: 'heartbeat.incidents',
    summary: 'Lists incidents: many components that fell silent of one cause, and times when nobody watched',
    description: 'Newest last; of more than `limit` the newest.',
    method: 'GET',
    path: '/csm/v1/heartbeat/incidents',
    input: Type.Object(
      {
        open: Type.Optional(Type.Boolean({ description: 'only those that last' })),
        since: Type.Optional(moment('only those that began then or later')),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: INCIDENTS_ANSWER_MAX, description: 'rows; default 100' }),
        ),
      },
      closed,
    ),
    output: Type.Array(IncidentRecord),
    codes: [code.NO_RESULTS, code.BAD_STATE],
    examples: [{ title: 'What lasts', input: { open: true } }],
  },
  {
    ...reads,
    name: 'heartbeat.watch',
    summary: 'Streams what becomes of components, and incidents',
    description:
      'Begins behind `since`, or with what comes next. Each item bears the `seq` to go on from; nothing is missed or told twice. Changes behind `since` that are no longer kept are code 37, with the oldest cursor that is left as `oldest`. The same over server-sent events and WebSocket.',
    method: 'GET',
    path: '/csm/v1/heartbeat/changes',
    input: Type.Object(
      {
        nodes,
        since: Type.Optional(
          Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'the last seq already known' }),
        ),
      },
      closed,
    ),
    item: WatchItem,
    timeoutSeconds: 0,
    codes: [code.CONTEXT_LOST],
    examples: [
      { title: 'Everything from now on', input: {} },
      { title: 'A cabinet, behind change 1000', input: { nodes: 'x3c[0-7]s[0-7]b0n0', since: 1000 } },
    ],
  },
  {
    ...reads,
    name: 'heartbeat.params',
    summary: 'Shows the twelve parameters of the heartbeat service',
    description: 'All are text, as hbtd has them.',
    method: 'GET',
    path: '/csm/v1/heartbeat/params',
    input: Type.Object({}, closed),
    output: ParamsRecord,
    codes: [code.BAD_STATE],
    examples: [{ title: 'All of them', input: {} }],
  },
  {
    ...alters,
    name: 'heartbeat.update-params',
    summary: 'Changes parameters of the heartbeat service while it runs',
    description:
      'What is left out, or empty, stays. All or nothing: one value that is not allowed changes none. They are kept: a restart and another leader go on with them.',
    method: 'PATCH',
    path: '/csm/v1/heartbeat/params',
    input: Type.Object(
      {
        Debug: parameter,
        Nosm: parameter,
        Use_telemetry: parameter,
        Telemetry_host: parameter,
        Warntime: parameter,
        Errtime: parameter,
        Kv_url: parameter,
        Interval: parameter,
        Sm_url: parameter,
        Sm_timeout: parameter,
        Sm_retries: parameter,
      },
      closed,
    ),
    output: ParamsRecord,
    codes: [code.BAD_STATE, code.DATABASE_UNAVAILABLE],
    examples: [{ title: 'More patience', input: { Warntime: '35', Errtime: '60' } }],
  },
  {
    ...reads,
    name: 'heartbeat.thresholds',
    summary: 'Shows after how long without a beat components are late and dead',
    method: 'GET',
    path: '/csm/v1/heartbeat/thresholds',
    input: Type.Object({}, closed),
    output: ThresholdsRecord,
    codes: [code.BAD_STATE],
    examples: [{ title: 'All of them', input: {} }],
  },
  {
    ...alters,
    name: 'heartbeat.update-thresholds',
    summary: 'Sets or removes thresholds of a type of components, or of a group of them',
    description:
      'Names one type or one group. What is left out stays as it is; a new pair needs both times, a new group its components too. The global pair is Warntime and Errtime of `heartbeat.update-params`.',
    method: 'PATCH',
    path: '/csm/v1/heartbeat/thresholds',
    input: Type.Object(
      {
        type: Type.Optional(word('type of components, such as NodeBMC')),
        group: Type.Optional(word('name of a group; a new one comes behind those there')),
        components: Type.Optional(set('who is in the group')),
        warntime: Type.Optional(seconds('seconds without a beat after which they are late')),
        errtime: Type.Optional(seconds('seconds without a beat after which they are dead; above warntime')),
        remove: Type.Optional(Type.Boolean({ description: 'it goes; what else is said of its components holds' })),
      },
      closed,
    ),
    output: ThresholdsRecord,
    codes: [code.NO_RESULTS, code.BAD_STATE, code.DATABASE_UNAVAILABLE],
    examples: [
      { title: 'Controllers beat rarely', input: { type: 'NodeBMC', warntime: 120, errtime: 300 } },
      {
        title: 'A cabinet that is being built',
        input: { group: 'new', components: 'x9c[0-7]s[0-7]b0n0', warntime: 600, errtime: 3600 },
      },
      { title: 'Done', input: { group: 'new', remove: true } },
    ],
  },
  {
    ...alters,
    name: 'heartbeat.forget',
    summary: 'Forgets components: no alarm, and no record until they beat again',
    description:
      'For what was taken away. The history stays. Those that are known are forgotten; `failed` names the others.',
    method: 'POST',
    path: '/csm/v1/heartbeat/forget',
    input: Type.Object({ nodes: set(`set of components, at most ${FORGET_MAX}`) }, closed),
    output: Type.Object({
      nodes: Type.String({ description: 'the set, folded' }),
      forgotten: Type.Integer({ description: 'components that were known, and are no more' }),
      failed: Type.Array(
        Type.Object({
          nodes: Type.String({ description: 'folded set of those that failed alike' }),
          code: Type.Integer({ description: 'CSM code: 46 not known' }),
          text: Type.String({ description: 'in words' }),
        }),
        { description: 'what could not be done, folded by reason' },
      ),
    }),
    timeoutSeconds: 120,
    codes: [code.BAD_STATE, code.DATABASE_UNAVAILABLE],
    examples: [{ title: 'A blade that was taken out', input: { nodes: 'x3000c0s1b[0-1]n0' } }],
  },
] as const satisfies readonly ApiRow[];
