/** What this service tells of components, changes and incidents: the JSON, and its schema for the document. */
import type { Wall } from '@csm/model';
import { INFO, shown } from '../hsm/rules.ts';
import { PARAM_NAMES } from '../params/rules.ts';
import type { ChangeKind, HistoryRow, Incident, Life, Limits, LimitsFor, Params, Source, Tracked } from '../types.ts';
import { typeOf } from '../xname/index.ts';
import type { Schema } from './route.ts';

export const LIVES = ['beating', 'late', 'dead', 'halted', 'left', 'off'] as const satisfies readonly Life[];
export const FLAGS = ['OK', 'Warning', 'Alert'] as const;
export const CHANGE_KINDS = [
  'started',
  'restarted',
  'warning',
  'dead',
  'halted',
  'left',
] as const satisfies readonly ChangeKind[];
const SOURCES = ['beat', 'csm'] as const satisfies readonly Source[];

/** State and flag that a life comes to, in the words of a state manager. */
const SHOWN: { readonly [life in Life]: { readonly state: string; readonly flag: string } } = {
  beating: shown('started'),
  late: shown('warning'),
  dead: shown('dead'),
  halted: shown('halted'),
  left: shown('left'),
  off: { state: 'Off', flag: 'OK' },
};

const iso = (time: Wall): string => new Date(time).toISOString();
const isoOrNull = (time: Wall | null): string | null => (time === null ? null : iso(time));
const seconds = (ms: number): number => ms / 1000;

export const componentShape = (one: Tracked) => ({
  XName: one.name,
  Type: typeOf(one.name) ?? null,
  Life: one.life,
  State: SHOWN[one.life].state,
  Flag: SHOWN[one.life].flag,
  Since: iso(one.since),
  LastSeen: isoOrNull(one.lastBeat),
  Interval: one.interval === null ? null : seconds(one.interval),
  LastHBTimeStamp: one.timestamp,
  LastHBStatus: one.status,
  Source: one.source,
  Gap: one.gap,
  Warntime: seconds(one.warnMs),
  Errtime: seconds(one.errMs),
});

export const historyShape = (row: HistoryRow) => ({
  Seq: row.seq,
  Time: iso(row.at),
  XName: row.name,
  Change: row.kind,
  NewState: shown(row.kind).state,
  NewFlag: shown(row.kind).flag,
  Info: INFO[row.kind],
  LastSeen: isoOrNull(row.lastBeat),
  LastHBTimeStamp: row.timestamp,
  LastHBStatus: row.status,
  Source: row.source,
  Gap: row.gap,
  Incident: row.incident,
});

export const incidentShape = (one: Incident) => ({
  ID: one.id,
  Scope: one.scope,
  Kind: one.kind,
  Began: iso(one.began),
  Ended: isoOrNull(one.ended),
  Count: one.count,
  Components: one.components,
  Words: one.words,
});

export const specialShape = (one: LimitsFor & Limits) => ({
  ...('type' in one ? { Type: one.type } : { Group: one.group, Components: one.components }),
  Warntime: seconds(one.warnMs),
  Errtime: seconds(one.errMs),
});

// Schemas.

export const text = (description?: string): Schema => ({
  type: 'string',
  ...(description === undefined ? {} : { description }),
});
export const whole = (description?: string): Schema => ({
  type: 'integer',
  minimum: 0,
  ...(description === undefined ? {} : { description }),
});
export const number = (description: string): Schema => ({ type: 'number', description });
export const yes = (description: string): Schema => ({ type: 'boolean', description });
export const words = (list: readonly string[], description: string): Schema => ({
  type: 'string',
  enum: [...list],
  description,
});
export const orNull = (schema: Schema): Schema => ({ ...schema, type: [schema['type'], 'null'] });
export const list = (items: Schema): Schema => ({ type: 'array', items });
/** All fields are there, and no others. */
export const object = (properties: Readonly<Record<string, Schema>>, optional: readonly string[] = []): Schema => ({
  type: 'object',
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
  properties,
  additionalProperties: false,
});

const time = (description: string): Schema => text(`${description}, ISO 8601, UTC`);
const sent = {
  LastSeen: orNull(time('when its last heartbeat came')),
  LastHBTimeStamp: text("Timestamp of its last heartbeat, the sender's own text"),
  LastHBStatus: text("Status of its last heartbeat, the sender's own text"),
  Source: words(SOURCES, 'who tells of it: its own heartbeats, or the links of the cluster'),
  Gap: yes('warned of because nobody watched for a while'),
};

export const COMPONENT = object({
  XName: text('normalised; of a node of the cluster its name'),
  Type: orNull(text('such as Node; null for a name that is no xname')),
  Life: words(LIVES, 'left: it said that it goes away; off: the state manager says so'),
  State: text('as a state manager is told it'),
  Flag: words(FLAGS, 'as a state manager is told it'),
  Since: time('in this life since'),
  Interval: orNull(number('seconds between its last two heartbeats')),
  ...sent,
  Warntime: number('seconds without a heartbeat after which it is late'),
  Errtime: number('seconds without a heartbeat after which it is dead'),
});

export const HISTORY = object({
  Seq: whole('rises; the cursor of the event stream'),
  Time: time('when it was noticed'),
  XName: text(),
  Change: words(CHANGE_KINDS, 'what became of it'),
  NewState: text(),
  NewFlag: text(),
  Info: text('a sentence'),
  ...sent,
  Incident: orNull(text('the incident it belongs to')),
});

export const INCIDENT = object({
  ID: text(),
  Scope: text('all, or the cabinet, chassis or group the components stand in'),
  Kind: words(['warning', 'dead', 'blind'], 'what became of them; blind: nobody watched for a while'),
  Began: time('the first of them'),
  Ended: orNull(time('the end')),
  Count: whole('components it concerns'),
  Components: text('their names, folded'),
  Words: text('a sentence'),
});

const special = {
  Warntime: number('seconds'),
  Errtime: number('seconds, more than Warntime'),
};
export const THRESHOLDS = object({
  Warntime: number('seconds, for all that have no others; set by PATCH /params'),
  Errtime: number('seconds, for all that have no others; set by PATCH /params'),
  Special: list({
    anyOf: [
      object({ Type: text('such as NodeBMC'), ...special }),
      object({ Group: text('a word'), Components: text('a set such as x3c[0-7]s[0-7]b0n0'), ...special }),
    ],
  }),
});

export const PARAMS = object(Object.fromEntries(PARAM_NAMES.map((name: keyof Params) => [name, text()])));
export const BEAT = object({
  Component: text('xname'),
  Hostname: text(),
  NID: text('a number of 64 bits: decimal, 0x…, 0…'),
  Status: text('OK; Kernel Oops: halted at once; going away, halting: no alarm'),
  Timestamp: text('is kept, not read'),
});
export const STATE = object({ XName: text('normalised'), Heartbeating: yes('heard of within its error time') });
