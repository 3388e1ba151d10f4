/** What the answers of the heartbeat feature are made of. */
import Type, { type Static, type TLiteral, type TSchema } from 'typebox';
import type { ChangeKind, Incident, Life, Source } from './types.ts';

export const LIVES = ['beating', 'late', 'dead', 'halted', 'left', 'off'] as const satisfies readonly Life[];
export const FLAGS = ['OK', 'Warning', 'Alert'] as const;
export type Flag = (typeof FLAGS)[number];
export const CHANGE_KINDS = [
  'started',
  'restarted',
  'warning',
  'dead',
  'halted',
  'left',
] as const satisfies readonly ChangeKind[];
const SOURCES = ['beat', 'csm'] as const satisfies readonly Source[];
const INCIDENT_KINDS = ['warning', 'dead', 'blind'] as const satisfies readonly Incident['kind'][];

/** The flag that stands for a state, as a state manager is told it. */
export const FLAG_OF: Readonly<Record<Life, Flag>> = {
  beating: 'OK',
  late: 'Warning',
  dead: 'Alert',
  halted: 'Alert',
  left: 'OK',
  off: 'OK',
};

export const orNull = <S extends TSchema>(schema: S, description: string) =>
  Type.Union([schema, Type.Null()], { description });
/** One of some words; its type is their union, which the library cannot tell of a list. */
export const oneOf = <T extends string>(words: readonly T[], description: string): TLiteral<T> =>
  Type.Union(
    words.map((word) => Type.Literal(word)),
    { description },
  ) as unknown as TLiteral<T>;
const text = (description: string) => orNull(Type.String(), description);
const time = 'ISO 8601, UTC';

export const ComponentRecord = Type.Object({
  name: Type.String({ description: 'normalised xname; of a node of this cluster its name' }),
  source: oneOf(SOURCES, 'who tells of it: its own beats, or the links of this cluster'),
  state: oneOf(LIVES, 'left: it said that it goes away; off: the state manager says so'),
  flag: oneOf(FLAGS, 'what the state comes to'),
  since: Type.String({ description: `in this state since, ${time}` }),
  last_seen: text(`when its last beat came, ${time}; null before the first`),
  interval_ms: orNull(Type.Number(), 'between its last two beats; null before the second'),
  status: Type.String({ description: "Status of its last beat, the sender's own text" }),
  timestamp: Type.String({ description: "Timestamp of its last beat, the sender's own text" }),
  gap: Type.Boolean({ description: 'it was warned because nobody watched for a while' }),
  warntime: Type.Number({ description: 'seconds without a beat after which it is late' }),
  errtime: Type.Number({ description: 'seconds without a beat after which it is dead' }),
});
export type ComponentRecord = Static<typeof ComponentRecord>;

const Incidents = {
  id: Type.String(),
  scope: Type.String({ description: 'all, or the xname of the cabinet, chassis or group they stand in' }),
  kind: oneOf(INCIDENT_KINDS, 'what became of them; blind: nobody watched for a while'),
  began: Type.String({ description: time }),
  ended: text(`${time}; null while it lasts`),
  components: Type.String({ description: 'whom it concerns, folded' }),
  count: Type.Integer({ description: 'how many they are' }),
  words: Type.String({ description: 'in a sentence' }),
};
export const IncidentRecord = Type.Object(Incidents);
export type IncidentRecord = Static<typeof IncidentRecord>;

export const ComponentDetails = Type.Object({
  ...ComponentRecord.properties,
  type: text('type of component, from its xname; null for a node of this cluster'),
  limits: Type.String({ description: 'whose thresholds are in force: global, type:NodeBMC, group:NAME; none' }),
  manager: Type.Object(
    {
      mode: oneOf(['builtin', 'external', 'none'], 'which state manager is told'),
      state: text('State there; null where it is not known here'),
      flag: text('Flag there'),
      waiting: text('what it is yet to be told, as State/Flag; null when nothing waits'),
    },
    { description: 'how the state manager has it' },
  ),
  incident: orNull(IncidentRecord, 'the open incident that it belongs to'),
  next: Type.Object(
    {
      text: Type.String({ description: 'in words' }),
      at: text(`${time}; null: when something else happens`),
    },
    { description: 'what becomes of it next' },
  ),
});
export type ComponentDetails = Static<typeof ComponentDetails>;

export const HistoryRecord = Type.Object({
  seq: Type.Integer({ description: 'names this row for good; rises' }),
  time: Type.String({ description: `when it was noticed, ${time}` }),
  name: Type.String({ description: 'of the component' }),
  kind: oneOf(CHANGE_KINDS, 'what became of it'),
  source: oneOf(SOURCES, 'who told'),
  last_seen: text(`when the last beat before it came, ${time}`),
  status: Type.String({ description: 'Status of that beat' }),
  timestamp: Type.String({ description: 'Timestamp of that beat' }),
  gap: Type.Boolean({ description: 'told because nobody had watched for a while' }),
  incident: text('id of the incident it belongs to'),
});
export type HistoryRecord = Static<typeof HistoryRecord>;

const param = (description: string) => Type.String({ description });
/** As hbtd names and orders them. */
export const ParamsRecord = Type.Object({
  Debug: param('0, or above: each heartbeat is logged'),
  Nosm: param('1: no state manager is told'),
  Use_telemetry: param('1: changes are published on the message bus'),
  Telemetry_host: param('host:port:topic of the message bus'),
  Warntime: param('seconds without a beat after which a component is late'),
  Errtime: param('seconds without a beat after which it is dead'),
  Port: param('where the service listens; cannot be changed while it runs'),
  Kv_url: param('kept and shown; the database is where the configuration says'),
  Interval: param('kept and shown; detection does not wait for it'),
  Sm_url: param('address of an external state manager; empty: the built-in one'),
  Sm_timeout: param('seconds its answer may take'),
  Sm_retries: param('kept and shown; what it does not take is sent until it does'),
});
export type ParamsRecord = Static<typeof ParamsRecord>;

export const Limits = {
  warntime: Type.Number({ description: 'seconds without a beat after which a component is late' }),
  errtime: Type.Number({ description: 'seconds without a beat after which it is dead' }),
};
export const ThresholdsRecord = Type.Object({
  global: Type.Object(Limits, { description: 'for whom nothing else is said' }),
  special: Type.Array(
    Type.Object({
      type: text('for components of this type'),
      group: text('for the components of this group'),
      components: text('who is in the group, folded'),
      ...Limits,
    }),
    { description: 'group before type before global; of two groups the one that stands first' },
  ),
});
export type ThresholdsRecord = Static<typeof ThresholdsRecord>;

export const StatusRecord = Type.Object({
  leads: Type.Boolean({ description: 'this instance tracks' }),
  components: Type.Integer({ description: 'all that are known' }),
  counts: Type.Object(
    Object.fromEntries(LIVES.map((life) => [life, Type.Integer()])) as Record<Life, ReturnType<typeof Type.Integer>>,
    { description: 'components by state' },
  ),
  database: oneOf(['open', 'away'], 'where changes are kept'),
  manager: oneOf(['builtin', 'none', 'not initialized', 'not ready', 'ready'], 'the state manager'),
  bus: oneOf(['off', 'connected', 'away'], 'the message bus'),
  last_check: text(`when deadlines were looked at last, ${time}`),
  last_delivery: text(`when the state manager took something last, ${time}`),
  waiting: Type.Object(
    { store: Type.Integer(), manager: Type.Integer(), bus: Type.Integer() },
    { description: 'changes that are yet to be stored, taken by the state manager, published' },
  ),
  lost_history: Type.Integer({ description: 'changes whose history was given up while the database was away' }),
  incidents: Type.Array(IncidentRecord, { description: 'those that last' }),
  problems: Type.Array(Type.String(), { description: 'what is wrong now, a sentence each' }),
});
export type StatusRecord = Static<typeof StatusRecord>;

export const WatchItem = Type.Object({
  seq: Type.Integer({ description: 'rises in commit order; the number to go on from' }),
  time: Type.String({ description: time }),
  kind: Type.String({ description: 'heartbeat or heartbeat.incident' }),
  subject: Type.String({ description: 'the component; of an incident its id' }),
  body: Type.Unknown({ description: 'what changed' }),
});
export type WatchItem = Static<typeof WatchItem>;
