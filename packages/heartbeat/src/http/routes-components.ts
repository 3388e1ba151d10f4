/** What hbtd does not have: lists, history, batches, incidents, thresholds by type and group. */
import { code, fail } from '@csm/model';
import type { Life, ListFilter, ServicePort } from '../types.ts';
import { componentSet, normalise, xnameOf } from '../xname/index.ts';
import { type Beats, HEARTBEATS } from './beats.ts';
import { JSON_TYPE, jsonAnswer, NO_CONTENT, PROBLEM_TYPE, refusal } from './problem.ts';
import { momentOf, one, onlyKnown, wholeOf, wordsOf } from './query.ts';
import type { RecordsPort } from './records.ts';
import type { AnswerDoc, Route } from './route.ts';
import {
  BEAT,
  COMPONENT,
  componentShape,
  FLAGS,
  HISTORY,
  historyShape,
  INCIDENT,
  incidentShape,
  LIVES,
  list,
  object,
  orNull,
  specialShape,
  THRESHOLDS,
  text,
  whole,
  words,
  yes,
} from './shapes.ts';
import { readThresholds } from './thresholds.ts';

const PAGE_DEFAULT = 1_000;
const PAGE_MAX = 10_000;
/** The database gives a page at most, and one row more tells whether there are more. */
const HISTORY_MAX = PAGE_MAX - 1;
const PROBLEM_DOC: AnswerDoc = { description: 'refused, in words', type: PROBLEM_TYPE };
const UNKNOWN_DOC: AnswerDoc = { description: 'nobody of this name was ever heard of', type: PROBLEM_TYPE };

/** States of a state manager stand for the lives that come to them. */
const LIVES_OF: Readonly<Record<string, readonly Life[]>> = {
  Ready: ['beating', 'late'],
  Standby: ['dead', 'left'],
  Halt: ['halted'],
};
const STATES = [...LIVES, ...Object.keys(LIVES_OF)];

const limitTo = (maximum: number) => ({
  description: `at most so many, default ${PAGE_DEFAULT}`,
  schema: { ...whole(), minimum: 1, maximum },
});
const limit = limitTo(PAGE_MAX);
/** A name as it is kept: an xname in its normal form, or that of a node of the cluster as it is. */
const nameIn = (given: string | undefined): string => xnameOf(given ?? '') ?? normalise(given ?? '').trim();

export function componentRoutes(service: () => ServicePort, beats: Beats, records: RecordsPort): readonly Route[] {
  const unknown = (path: string, name: string) => refusal(path, 404, `No component '${name.slice(0, 64)}' is tracked`);
  return [
    {
      method: 'POST',
      path: HEARTBEATS,
      id: 'heartbeats.post',
      summary: 'Heartbeats of many components at once: those that are right count',
      access: 'beats',
      largeBody: true,
      body: {
        required: true,
        schema: {
          anyOf: [
            list({ type: 'object' }),
            { type: 'object', required: ['Heartbeats'], properties: { Heartbeats: list(BEAT) } },
          ],
        },
      },
      answers: {
        200: {
          description: 'how many count, and why the others do not',
          type: JSON_TYPE,
          schema: object({
            Accepted: whole(),
            Rejected: list(object({ Index: whole('from 0'), Component: text(), Reason: text() }, ['Component'])),
          }),
        },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'A good one and a bad one', body: [beatOf('x0c0s1b0n0'), beatOf('foo')], status: 200 },
        { title: 'As an object', body: { Heartbeats: [beatOf('x0c0s2b0n0')] }, status: 200 },
        { title: 'No list', body: { Heartbeats: 1 }, status: 400 },
      ],
      handle: ({ body, peer }) => beats.batch(service(), body, peer ?? { kind: 'none' }),
    },
    {
      method: 'GET',
      path: '/hmi/v1/components',
      id: 'components.list',
      summary: 'Components that are tracked, in the order of their names',
      query: {
        state: {
          description: 'only in these states, with commas',
          schema: words(STATES, 'a life, or Ready, Standby, Halt'),
        },
        flag: { description: 'only with these flags, with commas', schema: words(FLAGS, 'a flag') },
        xname: { description: 'only of this set, such as x0c[0-7]s[0-7]b0n0', schema: text() },
        last_seen_since: { description: 'last heartbeat then or later: ISO 8601, or ms since 1970', schema: text() },
        last_seen_before: { description: 'last heartbeat before then', schema: text() },
        limit,
        after: { description: '`next` of the page before', schema: text() },
      },
      answers: {
        200: {
          description: 'a page; with `next` there are more',
          type: JSON_TYPE,
          schema: object({ Components: list(COMPONENT), next: orNull(text('what to give as `after`')) }),
        },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'All', status: 200 },
        {
          title: 'Who is late or dead in a cabinet',
          query: { state: 'late,dead', xname: 'x0c[0-7]s[0-7]b0n0' },
          status: 200,
        },
        { title: 'A wrong flag', query: { flag: 'Red' }, status: 400 },
      ],
      handle: ({ query }) => {
        onlyKnown(query, ['state', 'flag', 'xname', 'last_seen_since', 'last_seen_before', 'limit', 'after']);
        const most = wholeOf(query, 'limit', 1, PAGE_MAX) ?? PAGE_DEFAULT;
        const { tracker, time } = service();
        // One more than is shown tells whether there are more.
        const found = tracker.list(filterOf(query), one(query, 'after'), most + 1, time.now());
        const page = found.slice(0, most);
        const next = found.length > most ? (page.at(-1)?.name ?? null) : null;
        return jsonAnswer({ Components: page.map(componentShape), next });
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/components/{xname}',
      id: 'components.get',
      summary: 'One component',
      params: { xname: 'the component' },
      answers: { 200: { description: 'as it is', type: JSON_TYPE, schema: COMPONENT }, 404: UNKNOWN_DOC },
      examples: [
        { title: 'A node', params: { xname: 'x0c0s0b0n0' }, status: 200 },
        { title: 'Nobody', params: { xname: 'x9999c7s9b8n8' }, status: 404 },
      ],
      handle: ({ params, path }) => {
        const name = nameIn(params['xname']);
        const found = service().tracker.find(name);
        return found === undefined ? unknown(path, name) : jsonAnswer(componentShape(found));
      },
    },
    {
      method: 'DELETE',
      path: '/hmi/v1/components/{xname}',
      id: 'components.delete',
      summary: 'Forgets a component: no alarm, its history stays',
      params: { xname: 'the component' },
      answers: { 204: { description: 'done' }, 404: UNKNOWN_DOC },
      examples: [
        { title: 'A node', params: { xname: 'x0c0s2b0n0' }, status: 204 },
        { title: 'Nobody', params: { xname: 'x9999c7s9b8n8' }, status: 404 },
      ],
      handle: async ({ params, path }) => {
        const name = nameIn(params['xname']);
        return (await service().forget(name)) ? NO_CONTENT : unknown(path, name);
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/components/{xname}/history',
      id: 'components.history',
      summary: 'What became of a component, newest first',
      params: { xname: 'the component' },
      query: { limit: limitTo(HISTORY_MAX), before: { description: '`next` of the page before', schema: whole() } },
      answers: {
        200: {
          description: 'a page; with `next` there are older ones',
          type: JSON_TYPE,
          schema: object({ XName: text(), History: list(HISTORY), next: orNull(whole('what to give as `before`')) }),
        },
        400: PROBLEM_DOC,
        404: UNKNOWN_DOC,
      },
      examples: [
        { title: 'A node', params: { xname: 'x0c0s0b0n0' }, status: 200 },
        { title: 'A wrong limit', params: { xname: 'x0c0s0b0n0' }, query: { limit: 'x' }, status: 400 },
      ],
      handle: async ({ params, path, query }) => {
        onlyKnown(query, ['limit', 'before']);
        const most = wholeOf(query, 'limit', 1, HISTORY_MAX) ?? PAGE_DEFAULT;
        const before = wholeOf(query, 'before', 0, Number.MAX_SAFE_INTEGER);
        const name = nameIn(params['xname']);
        const found = await records.history({ names: [name], before, limit: most + 1 });
        if (found.length === 0 && before === undefined && service().tracker.find(name) === undefined)
          return unknown(path, name);
        const page = found.slice(0, most);
        const next = found.length > most ? (page.at(-1)?.seq ?? null) : null;
        return jsonAnswer({ XName: name, History: page.map(historyShape), next });
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/incidents',
      id: 'incidents.list',
      summary: 'What befell many components at once, newest first',
      query: {
        open: { description: 'only those that last', schema: yes('true or false') },
        since: { description: 'began then or later: ISO 8601, or ms since 1970', schema: text() },
        limit,
      },
      answers: {
        200: { description: 'incidents', type: JSON_TYPE, schema: object({ Incidents: list(INCIDENT) }) },
        400: PROBLEM_DOC,
      },
      examples: [
        { title: 'All', status: 200 },
        { title: 'Those that last', query: { open: 'true' }, status: 200 },
      ],
      handle: async ({ query }) => {
        onlyKnown(query, ['open', 'since', 'limit']);
        const [open = 'false'] = wordsOf(query, 'open', ['true', 'false']) ?? [];
        const found = await records.incidents({
          open: open === 'true',
          since: momentOf(query, 'since'),
          limit: wholeOf(query, 'limit', 1, PAGE_MAX) ?? PAGE_DEFAULT,
        });
        return jsonAnswer({ Incidents: found.map(incidentShape) });
      },
    },
    {
      method: 'GET',
      path: '/hmi/v1/thresholds',
      id: 'thresholds.get',
      summary: 'Warn and error times: for all, for types of components, for groups',
      answers: { 200: { description: 'group before type before global', type: JSON_TYPE, schema: THRESHOLDS } },
      examples: [{ title: 'All', status: 200 }],
      handle: () => jsonAnswer(thresholdsShape(service())),
    },
    {
      method: 'PUT',
      path: '/hmi/v1/thresholds',
      id: 'thresholds.put',
      summary: 'Replaces the special thresholds, all of them',
      body: { required: true, schema: { ...THRESHOLDS, required: ['Special'] } },
      answers: { 200: { description: 'as they are now', type: JSON_TYPE, schema: THRESHOLDS }, 400: PROBLEM_DOC },
      examples: [
        {
          title: 'Of controllers, and of a cabinet',
          body: {
            Special: [
              { Type: 'NodeBMC', Warntime: 60, Errtime: 180 },
              { Group: 'cabinet3', Components: 'x3c[0-7]s[0-7]b0n0', Warntime: 20, Errtime: 60 },
            ],
          },
          status: 200,
        },
        { title: 'In the wrong order', body: { Special: [{ Type: 'Node', Warntime: 9, Errtime: 9 }] }, status: 400 },
        { title: 'None', body: { Special: [] }, status: 200 },
      ],
      handle: async ({ body }) => {
        const asked = service();
        await asked.setThresholds(readThresholds(body, asked.thresholds().global));
        return jsonAnswer(thresholdsShape(asked));
      },
    },
  ];
}

const beatOf = (Component: string) => ({ Component, Hostname: 'h', NID: '2', Status: 'OK', Timestamp: 'now' });

function thresholdsShape(service: ServicePort) {
  const { global, special } = service.thresholds();
  return { Warntime: global.warnMs / 1000, Errtime: global.errMs / 1000, Special: special.map(specialShape) };
}

function filterOf(query: URLSearchParams): ListFilter {
  const states = wordsOf(query, 'state', STATES);
  const flags = wordsOf(query, 'flag', FLAGS);
  const names = one(query, 'xname');
  const set = names === undefined ? undefined : componentSet(names, 'xname');
  const seenSince = momentOf(query, 'last_seen_since');
  const seenBefore = momentOf(query, 'last_seen_before');
  if (seenSince !== undefined && seenBefore !== undefined && seenSince >= seenBefore)
    fail(code.INVALID_PARAMETER, 'last_seen_since is not before last_seen_before', { field: 'last_seen_since' });
  return {
    ...(states === undefined ? {} : { lives: states.flatMap((state) => LIVES_OF[state] ?? [state as Life]) }),
    ...(flags === undefined ? {} : { flags }),
    ...(set === undefined ? {} : { wants: (name: string) => set.has(name) }),
    ...(seenSince === undefined ? {} : { seenSince }),
    ...(seenBefore === undefined ? {} : { seenBefore }),
  };
}
