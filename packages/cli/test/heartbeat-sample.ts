/** Answers of a heartbeat service that watches a small machine, one chassis of which has just fallen silent. */
import type {
  HeartbeatHistoryOutput,
  HeartbeatIncidentsOutput,
  HeartbeatListItem,
  HeartbeatParamsOutput,
  HeartbeatShowOutput,
  HeartbeatStatusOutput,
  HeartbeatThresholdsOutput,
  HeartbeatWatchItem,
} from '@csm/client';
import { fail, type Json } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { Handlers } from './harness.ts';

const bare: HeartbeatListItem = {
  name: '',
  source: 'beat',
  state: 'beating',
  flag: 'OK',
  since: '2026-10-16T08:00:00.000Z',
  last_seen: '2026-10-17T09:59:58.000Z',
  interval_ms: 3000,
  status: 'OK',
  timestamp: '2026-10-17T09:59:57Z',
  gap: false,
  warntime: 10,
  errtime: 30,
};
const silent: HeartbeatListItem = {
  ...bare,
  state: 'dead',
  flag: 'Alert',
  since: '2026-10-17T09:59:48.000Z',
  last_seen: '2026-10-17T09:59:18.000Z',
};

export const COMPONENTS: readonly HeartbeatListItem[] = [
  { ...bare, name: 'n001', source: 'csm', interval_ms: null, status: '', timestamp: '' },
  { ...bare, name: 'x0c0s0b0n0' },
  { ...bare, name: 'x0c0s1b0n0', status: 'a\u001b[2J' },
  { ...silent, name: 'x0c1s0b0n0' },
  { ...silent, name: 'x0c1s1b0n0', since: '2026-10-17T09:59:49.000Z', last_seen: '2026-10-17T09:59:19.000Z' },
  {
    ...bare,
    name: 'x0c2s0b0',
    state: 'late',
    flag: 'Warning',
    since: '2026-10-17T09:59:00.000Z',
    last_seen: '2026-10-17T09:57:00.000Z',
    gap: true,
    warntime: 120,
    errtime: 300,
  },
];

export const INCIDENT: HeartbeatIncidentsOutput[number] = {
  id: '17',
  scope: 'x0c1',
  kind: 'dead',
  began: '2026-10-17T09:59:49.000Z',
  ended: null,
  components: 'x0c1s[0-1]b0n0',
  count: 2,
  words: '2 of 2 components of x0c1 fell silent at once',
};
const BLIND: HeartbeatIncidentsOutput[number] = {
  id: '16',
  scope: 'all',
  kind: 'blind',
  began: '2026-10-16T07:59:20.000Z',
  ended: '2026-10-16T08:00:00.000Z',
  components: '',
  count: 0,
  words: 'monitoring was blind for 40 s',
};

export const STATUS: HeartbeatStatusOutput = {
  leads: true,
  components: 6,
  counts: { beating: 3, late: 1, dead: 2, halted: 0, left: 0, off: 0 },
  database: 'open',
  manager: 'builtin',
  bus: 'off',
  last_check: '2026-10-17T10:00:00.000Z',
  last_delivery: null,
  waiting: { store: 0, manager: 0, bus: 0 },
  lost_history: 0,
  incidents: [INCIDENT],
  problems: [],
};

export const SHOWN: HeartbeatShowOutput = {
  ...(COMPONENTS[5] as HeartbeatListItem),
  type: 'NodeBMC',
  limits: 'type:NodeBMC',
  manager: { mode: 'builtin', state: 'Ready', flag: 'Warning', waiting: null },
  incident: null,
  next: { text: 'it is dead, unless it beats', at: '2026-10-17T10:04:00.000Z' },
};

export const PAST: HeartbeatHistoryOutput = [
  {
    seq: 90,
    time: '2026-10-16T08:00:00.000Z',
    name: 'x0c1s0b0n0',
    kind: 'started',
    source: 'beat',
    last_seen: '2026-10-16T08:00:00.000Z',
    status: 'OK',
    timestamp: 'x',
    gap: false,
    incident: null,
  },
  {
    seq: 103,
    time: '2026-10-17T09:59:48.000Z',
    name: 'x0c1s0b0n0',
    kind: 'dead',
    source: 'beat',
    last_seen: '2026-10-17T09:59:18.000Z',
    status: 'OK',
    timestamp: 'x',
    gap: false,
    incident: '17',
  },
];

const at = Date.parse('2026-10-17T09:59:48.000Z');
const change = (seq: number, name: string, kind: string, more: object = {}): HeartbeatWatchItem => ({
  seq,
  time: new Date(at).toISOString(),
  kind: 'heartbeat',
  subject: name,
  body: {
    name,
    kind,
    source: 'beat',
    at,
    lastBeat: at - 30_000,
    timestamp: 'x',
    status: 'OK',
    gap: false,
    incident: null,
    ...more,
  },
});
export const BEATS: readonly HeartbeatWatchItem[] = [
  change(101, 'x0c0s0b0n0', 'restarted'),
  {
    seq: 102,
    time: new Date(at).toISOString(),
    kind: 'heartbeat.incident',
    subject: '17',
    body: { ...INCIDENT, began: at, ended: null },
  },
  change(103, 'x0c1s0b0n0', 'dead', { incident: '17' }),
  change(104, 'x0c1s1b0n0', 'dead', { incident: '17' }),
  change(105, 'x0c3s0b0', 'halted', { status: 'Kernel Oops\u001b' }),
];

export const PARAMS: HeartbeatParamsOutput = {
  Debug: '0',
  Nosm: '0',
  Use_telemetry: '0',
  Telemetry_host: '',
  Warntime: '10',
  Errtime: '30',
  Port: '28500',
  Kv_url: '',
  Interval: '5',
  Sm_url: '',
  Sm_timeout: '10',
  Sm_retries: '3',
};

export const THRESHOLDS: HeartbeatThresholdsOutput = {
  global: { warntime: 10, errtime: 30 },
  special: [
    { type: null, group: 'new', components: 'x9c[0-1]s0b0n0', warntime: 600, errtime: 3600 },
    { type: 'NodeBMC', group: null, components: null, warntime: 120, errtime: 300 },
  ],
};

const json = (value: unknown) => value as Json;

export const HEARTBEAT: Handlers = {
  'heartbeat.status': async () => json(STATUS),
  'heartbeat.list': async ({ nodes, states, limit = 1000 }, ctx) => {
    const wanted = typeof nodes === 'string' ? NodeSet.parse(nodes) : undefined;
    const known = states as readonly string[] | undefined;
    const found = COMPONENTS.filter(
      ({ name, state }) => (wanted?.has(name) ?? true) && (known?.includes(state) ?? true),
    );
    for (const one of found.slice(0, Number(limit))) await ctx.emit(json(one));
    return found.length === 0 ? fail(4, 'no component matches') : undefined;
  },
  'heartbeat.show': async ({ name }) => json({ ...SHOWN, name }),
  'heartbeat.history': async () => json(PAST),
  'heartbeat.incidents': async ({ open }) => json(open === true ? [INCIDENT] : [BLIND, INCIDENT]),
  'heartbeat.watch': async ({ since }, ctx) => {
    for (const item of BEATS) if (item.seq > Number(since ?? 0)) await ctx.emit(json(item));
    return undefined;
  },
  'heartbeat.params': async () => json(PARAMS),
  'heartbeat.update-params': async (input) => json({ ...PARAMS, ...input }),
  'heartbeat.thresholds': async () => json(THRESHOLDS),
  'heartbeat.update-thresholds': async () => json(THRESHOLDS),
  'heartbeat.forget': async ({ nodes }) => json({ nodes, forgotten: NodeSet.parse(nodes as string).size, failed: [] }),
};
