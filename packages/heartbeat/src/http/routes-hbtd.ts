/** The paths of hbtd itself: their answers are its answers, byte for byte, but for what is wrong there. */
import { parseJson } from '../json.ts';
import { patchParams } from '../params/patch.ts';
import { PARAM_NAMES } from '../params/rules.ts';
import type { ServiceHealth, ServicePort } from '../types.ts';
import { xnameOf } from '../xname/index.ts';
import { BAD_NAME } from './beat.ts';
import { type Beats, HEARTBEAT } from './beats.ts';
import { JSON_TYPE, jsonAnswer, NO_CONTENT, PROBLEM_TYPE, refusal } from './problem.ts';
import type { Answer, AnswerDoc, Route, RouteRequest } from './route.ts';
import {
  BEAT,
  INCIDENT,
  incidentShape,
  LIVES,
  list,
  object,
  orNull,
  PARAMS,
  STATE,
  text,
  whole,
  yes,
} from './shapes.ts';

/** Names that are looked up before others get their turn. */
const SLICE = 2_000;
const PROBLEM_DOC: AnswerDoc = { description: 'refused, in words', type: PROBLEM_TYPE };
const ACCEPTED: Answer = Object.freeze({ status: 200 });

export function hbtdRoutes(service: () => ServicePort, beats: Beats): readonly Route[] {
  const beat = ({ body, params, peer }: RouteRequest): Answer =>
    beats.take(service(), body, params['xname'], peer ?? { kind: 'none' }) ?? ACCEPTED;
  // One after another: what one changes, the next must find.
  let patching: Promise<unknown> = Promise.resolve();
  const patch = async (body: string, path: string): Promise<Answer> => {
    const asked = service();
    const before = asked.params();
    const patched = patchParams(before, body);
    if (!patched.ok) return refusal(path, 400, patched.detail);
    if (PARAM_NAMES.some((name) => patched.params[name] !== before[name])) await asked.setParams(patched.params);
    return jsonAnswer(asked.params());
  };
  const beatAnswers = {
    200: { description: 'it counts' },
    400: PROBLEM_DOC,
    403: PROBLEM_DOC,
    503: PROBLEM_DOC,
  };
  return [
    {
      method: 'POST',
      path: HEARTBEAT,
      id: 'heartbeat.post',
      summary: 'A heartbeat of a component',
      access: 'beats',
      body: { required: true, schema: { ...BEAT, additionalProperties: true } },
      answers: beatAnswers,
      examples: [
        { title: 'A node', body: beatOf('x0c0s0b0n0'), status: 200 },
        { title: 'No xname', body: beatOf('xxyyzz'), status: 400 },
        { title: 'No fields', body: {}, status: 400 },
      ],
      handle: beat,
    },
    {
      method: 'POST',
      path: `${HEARTBEAT}/{xname}`,
      id: 'heartbeat.postNamed',
      summary: 'A heartbeat of the component in the path',
      access: 'beats',
      params: { xname: 'the component' },
      body: {
        required: true,
        schema: { ...object({ Status: text(), Timestamp: text() }), additionalProperties: true },
      },
      answers: beatAnswers,
      examples: [
        {
          title: 'A node',
          params: { xname: 'x0c0s0b0n1' },
          body: { Status: 'OK', Timestamp: '2026-01-31T08:00:00Z' },
          status: 200,
        },
        { title: 'No xname', params: { xname: 'foo' }, body: { Status: 'OK', Timestamp: 'now' }, status: 400 },
      ],
      handle: beat,
    },
    {
      method: 'GET',
      path: '/hmi/v1/hbstate/{xname}',
      id: 'hbstate.get',
      summary: 'Whether a component beats',
      params: { xname: 'the component' },
      answers: {
        200: { description: 'also for one never heard of', type: JSON_TYPE, schema: STATE },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'A node', params: { xname: 'x0c0s0b0n0' }, status: 200 },
        { title: 'No xname', params: { xname: 'foo' }, status: 400 },
      ],
      handle: ({ params, path }) => {
        const name = xnameOf(params['xname'] ?? '');
        if (name === undefined) return refusal(path, 400, BAD_NAME);
        return jsonAnswer(stateOf(service(), name));
      },
    },
    {
      method: 'POST',
      path: '/hmi/v1/hbstates',
      id: 'hbstates.post',
      summary: 'Whether each of these components beats',
      access: 'reads',
      largeBody: true,
      body: { required: true, schema: object({ XNames: list(text()) }, ['XNames']) },
      answers: {
        200: {
          description: 'in the order asked; what is no xname does not beat',
          type: JSON_TYPE,
          schema: object({ HBStates: list(STATE) }),
        },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'Two', body: { XNames: ['x0c0s0b0n0', 'x0c0s0b0n9'] }, status: 200 },
        { title: 'None', body: {}, status: 200 },
        { title: 'A wrong type', body: { XNames: 1 }, status: 400 },
      ],
      handle: async ({ body, path }) => {
        const names = readNames(body);
        if (names === undefined) return refusal(path, 400, 'Error unmarshalling inbound request');
        const parts: string[] = [];
        for (let at = 0; at < names.length; at += SLICE) {
          if (at > 0) await new Promise(setImmediate);
          const asked = service();
          for (const name of names.slice(at, at + SLICE))
            parts.push(JSON.stringify(stateOf(asked, xnameOf(name) ?? name)));
        }
        return { status: 200, type: JSON_TYPE, body: `{"HBStates":[${parts.join(',')}]}` };
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/params',
      id: 'params.get',
      summary: 'The parameters in force',
      answers: { 200: { description: 'all of them', type: JSON_TYPE, schema: PARAMS } },
      examples: [{ title: 'All', status: 200 }],
      handle: () => jsonAnswer(service().params()),
    },
    {
      method: 'PATCH',
      path: '/hmi/v1/params',
      id: 'params.patch',
      summary: 'Changes parameters: all that are given, or none',
      body: { required: true, schema: { ...PARAMS, required: [] } },
      answers: {
        200: { description: 'all of them, as they are now', type: JSON_TYPE, schema: PARAMS },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'Thresholds', body: { Warntime: '12', Errtime: '35' }, status: 200 },
        { title: 'In the wrong order', body: { Warntime: '40', Errtime: '35' }, status: 400 },
        { title: 'What cannot be changed', body: { Port: '1234' }, status: 400 },
      ],
      handle: ({ body, path }) => {
        const done = patching.then(() => patch(body, path));
        patching = done.catch(() => undefined);
        return done;
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/health',
      id: 'health.get',
      summary: 'How the service is',
      answers: { 200: { description: 'in any case', type: JSON_TYPE, schema: HEALTH } },
      examples: [{ title: 'All', status: 200 }],
      handle: () => ({ status: 200, type: JSON_TYPE, body: `${JSON.stringify(healthShape(service().health()))}\n` }),
    },
    {
      method: 'GET',
      path: '/hmi/v1/liveness',
      id: 'liveness.get',
      summary: 'Whether the process answers',
      access: 'free',
      answers: { 204: { description: 'always' } },
      examples: [{ title: 'A probe', status: 204 }],
      handle: () => NO_CONTENT,
    },
    {
      method: 'GET',
      path: '/hmi/v1/readiness',
      id: 'readiness.get',
      summary: 'Whether heartbeats are taken and kept',
      access: 'free',
      answers: { 204: { description: 'they are' }, 503: { description: 'the database is away, or nobody leads' } },
      examples: [{ title: 'A probe', status: 204 }],
      handle: () => (service().health().database === 'open' ? NO_CONTENT : { status: 503 }),
    },
  ];
}

const beatOf = (Component: string) => ({
  Component,
  Hostname: 'nid000001',
  NID: '1',
  Status: 'OK',
  Timestamp: '2026-01-31T08:00:00Z',
});

const stateOf = ({ tracker, time }: ServicePort, XName: string) => ({
  XName,
  Heartbeating: tracker.isHeartbeating(XName, time.now()),
});

/** As Go reads `{"XNames":[…]}`: the key in any case, null is empty. Undefined for what it cannot read. */
function readNames(body: string): readonly string[] | undefined {
  let value: unknown;
  try {
    value = parseJson(body);
  } catch {
    return undefined;
  }
  if (value === null) return [];
  if (typeof value !== 'object' || Array.isArray(value)) return undefined;
  let names: readonly string[] = [];
  for (const [key, given] of Object.entries(value as Readonly<Record<string, unknown>>)) {
    if (key.toLowerCase() !== 'xnames' || given === null) continue;
    if (!Array.isArray(given) || given.some((name) => name !== null && typeof name !== 'string')) return undefined;
    names = given.map((name: string | null) => name ?? '');
  }
  return names;
}

function kvStore({ database, databaseWords }: ServiceHealth): string {
  if (database === 'open') return 'Initialization key present: HBTD_OK';
  return databaseWords === null ? 'Not initialized' : `Error accessing key values:${databaseWords}`;
}

const MSG_BUS: { readonly [state in ServiceHealth['bus']]: string } = {
  off: 'Not Connected',
  connected: 'Connected and OPEN',
  away: 'Connected and CLOSED',
};

const HSM_STATUS: { readonly [state in ServiceHealth['manager']]: string } = {
  builtin: 'Ready',
  none: 'Not initialized',
  'not initialized': 'Not initialized',
  'not ready': 'Not ready',
  ready: 'Ready',
};

/** The three members of hbtd, and behind them what it does not tell. */
const healthShape = (health: ServiceHealth) => ({
  KvStore: kvStore(health),
  MsgBus: MSG_BUS[health.bus],
  HsmStatus: HSM_STATUS[health.manager],
  Manager: health.manager === 'builtin' || health.manager === 'none' ? health.manager : 'external',
  Leads: health.leads,
  LastCheck: health.lastCheck === null ? null : new Date(health.lastCheck).toISOString(),
  LastDelivery: health.lastDelivery === null ? null : new Date(health.lastDelivery).toISOString(),
  Waiting: { Store: health.waiting.store, Manager: health.waiting.manager, Bus: health.waiting.bus },
  LostHistory: health.lostHistory,
  Components: health.counts,
  Incidents: health.incidents.map(incidentShape),
  Problems: health.problems,
});

const HEALTH = object({
  KvStore: text('the database'),
  MsgBus: text(),
  HsmStatus: text(),
  Manager: text('builtin, external or none'),
  Leads: yes('this process takes heartbeats itself'),
  LastCheck: orNull(text('when deadlines were looked at last, ISO 8601, UTC')),
  LastDelivery: orNull(text('when the external state manager took something last')),
  Waiting: object({ Store: whole(), Manager: whole(), Bus: whole() }),
  LostHistory: whole('changes whose history was given up while the database was away'),
  Components: object(Object.fromEntries(LIVES.map((life) => [life, whole()]))),
  Incidents: list(INCIDENT),
  Problems: list(text('a sentence')),
});
