/** Components of the built-in state manager over HTTP, as smd has them, and what becomes of each ID where that is asked. */
import { JSON_TYPE, NO_CONTENT } from '../http/problem.ts';
import type { Answer, Route, RouteRequest } from '../http/route.ts';
import { readHsmComponent, readHsmComponents } from '../store/queries.ts';
import type { HsmComponent, Procedures } from '../types.ts';
import { normalise, xnameOf } from '../xname/index.ts';
import {
  type FlagPatch,
  readBulkFlag,
  readBulkState,
  readComponents,
  readFlag,
  readState,
  type StatePatch,
} from './bodies.ts';
import {
  bodyOf,
  COMPONENT,
  filterQuery,
  flag,
  IDS,
  patchAnswers,
  resultsQuery,
  STATE_DATA,
  text,
} from './component-docs.ts';
import { Refused, refuse } from './fields.ts';
import { type ComponentFilter, readFilter } from './filter.ts';
import { gives, type HsmPorts, json, ROOT, refused, refusing, SAID, said, UNDECODABLE } from './ports.ts';

/** Components read and written at once. */
const PAGE = 1_000;
const COMPONENTS = `${ROOT}/State/Components`;

type Result = 'changed' | 'same' | 'unknown' | 'refused';

interface Each {
  readonly ID: string;
  readonly Result: Result;
  readonly Detail?: string;
}

export function componentRoutes({ store, service }: HsmPorts): readonly Route[] {
  const tellPower = (ids: readonly string[], state: string): void => {
    const power = state === 'Off' ? 'off' : state === 'On' || state === 'Ready' ? 'on' : undefined;
    if (power === undefined || ids.length === 0) return;
    const now = service.time.now();
    for (const id of ids) service.tracker.power(id, power, now);
    service.nudge();
  };

  const patchState = async (patch: StatePatch, request: RouteRequest): Promise<Answer> => {
    const results = each(
      patch.ids,
      await store.call<string[]>('heartbeat.hsmPatch', patch satisfies Procedures['hsmPatch']),
    );
    tellPower(
      results.filter(({ Result }) => Result === 'changed' || Result === 'same').map(({ ID }) => ID),
      patch.state,
    );
    return answerOf(results, request);
  };

  const patchFlag = async (patch: FlagPatch, request: RouteRequest): Promise<Answer> =>
    answerOf(
      each(patch.ids, await store.call<string[]>('heartbeat.hsmFlag', patch satisfies Procedures['hsmFlag'])),
      request,
    );

  const create = async (request: RouteRequest): Promise<Answer> => {
    const post = readComponents(request.body);
    await store.call('heartbeat.hsmCreate', post satisfies Procedures['hsmCreate']);
    // Some may have been there before, as they are: the tracker hears how they all are now.
    const ids = post.components.map(({ ID }) => ID);
    const now = await readHsmComponents(store, [{ field: 'ID', is: ids }]);
    for (const state of ['Off', 'On', 'Ready']) {
      tellPower(
        now.filter(({ State }) => State === state).map(({ ID }) => ID),
        state,
      );
    }
    return NO_CONTENT;
  };

  const show = async ({ params }: RouteRequest): Promise<Answer> => {
    const found = await readHsmComponent(store, normalise(params['xname'] ?? ''));
    return found === undefined ? unknown() : json(found);
  };

  const remove = async ({ params }: RouteRequest): Promise<Answer> => {
    const id = xnameOf(params['xname'] ?? '') ?? refuse('invalid xname');
    const was = await store.call<boolean>('heartbeat.hsmDelete', { id } satisfies Procedures['hsmDelete']);
    return was ? said('deleted 1 entry') : unknown();
  };

  const list = async ({ query }: RouteRequest): Promise<Answer> => {
    const filter = readFilter(query);
    const page = (after: string) => readHsmComponents(store, filter.terms, after, PAGE);
    const first = await page('');
    if (first.length < PAGE) return json({ Components: shownOf(first, filter) });
    return {
      status: 200,
      type: JSON_TYPE,
      stream: (out) => writePages(first, page, filter, (some) => out.write(some)),
    };
  };

  return [
    {
      method: 'GET',
      path: COMPONENTS,
      id: 'hsm.components.list',
      summary: 'Components the state manager knows, by ID',
      query: filterQuery,
      answers: {
        200: gives('those that match', {
          type: 'object',
          required: ['Components'],
          properties: { Components: { type: 'array', items: COMPONENT } },
        }),
        400: refused('a value that is not allowed'),
      },
      examples: [
        { title: 'all', status: 200 },
        { title: 'ready, not enabled', query: { state: 'Ready', enabled: '!true' }, status: 200 },
        { title: 'no such state', query: { state: 'Asleep' }, status: 400 },
      ],
      handle: refusing(list),
    },
    {
      method: 'POST',
      path: COMPONENTS,
      id: 'hsm.components.create',
      summary: 'Makes components; those that are there are replaced only with Force',
      body: bodyOf(['Components'], {
        Components: { type: 'array', items: { ...COMPONENT, required: ['ID'] }, minItems: 1 },
        Force: flag,
      }),
      answers: { 204: { description: 'done' }, 400: refused('a value that is not allowed'), 500: UNDECODABLE },
      examples: [
        { title: 'a node', body: { Components: [{ ID: 'x0c0s0b0n0', State: 'Off', NID: 1 }] }, status: 204 },
        { title: 'no such state', body: { Components: [{ ID: 'x0c0s0b0n0', State: 'Asleep' }] }, status: 400 },
      ],
      largeBody: true,
      handle: refusing(create),
    },
    {
      method: 'GET',
      path: `${COMPONENTS}/{xname}`,
      id: 'hsm.components.show',
      summary: 'One component',
      answers: { 200: gives('as it is', COMPONENT), 404: refused('the state manager does not know it') },
      handle: refusing(show),
    },
    {
      method: 'DELETE',
      path: `${COMPONENTS}/{xname}`,
      id: 'hsm.components.delete',
      summary: 'Makes the state manager forget a component',
      answers: { 200: gives('done', SAID), 400: refused('no xname'), 404: refused('it is not known') },
      handle: refusing(remove),
    },
    {
      method: 'PATCH',
      path: `${COMPONENTS}/BulkStateData`,
      id: 'hsm.components.bulkStateData',
      summary: 'State and flag of many components, as far as their present states allow it',
      query: resultsQuery,
      body: bodyOf(['ComponentIDs', 'State'], { ComponentIDs: IDS, ...STATE_DATA }),
      answers: patchAnswers,
      examples: [
        {
          title: 'declared dead',
          body: { ComponentIDs: ['x0c0s0b0n0'], State: 'Standby', Flag: 'Alert' },
          status: 204,
        },
        { title: 'one is no xname', body: { ComponentIDs: ['x9999c7s9b8n8', 'FAKE'], State: 'Ready' }, status: 400 },
      ],
      largeBody: true,
      handle: refusing((request) => patchState(readBulkState(request.body), request)),
    },
    {
      method: 'PATCH',
      path: `${COMPONENTS}/BulkFlagOnly`,
      id: 'hsm.components.bulkFlagOnly',
      summary: 'The flag of many components; nobody is notified',
      query: resultsQuery,
      body: bodyOf(['ComponentIDs', 'Flag'], { ComponentIDs: IDS, Flag: STATE_DATA.Flag }),
      answers: patchAnswers,
      largeBody: true,
      handle: refusing((request) => patchFlag(readBulkFlag(request.body), request)),
    },
    {
      method: 'PATCH',
      path: `${COMPONENTS}/{xname}/StateData`,
      id: 'hsm.components.stateData',
      summary: 'State and flag of one component, as far as its present state allows it',
      query: resultsQuery,
      body: bodyOf(['State'], { ID: text, ...STATE_DATA }),
      answers: patchAnswers,
      examples: [
        { title: 'powered off', params: { xname: 'x0c0s0b0n0' }, body: { State: 'Off' }, status: 204 },
        { title: 'no xname', params: { xname: 'FAKE' }, body: { State: 'Off' }, status: 400 },
      ],
      handle: refusing((request) => patchState(readState(request.body, request.params['xname'] ?? ''), request)),
    },
    {
      method: 'PATCH',
      path: `${COMPONENTS}/{xname}/FlagOnly`,
      id: 'hsm.components.flagOnly',
      summary: 'The flag of one component; nobody is notified',
      query: resultsQuery,
      body: bodyOf(['Flag'], { ID: text, Flag: STATE_DATA.Flag }),
      answers: patchAnswers,
      handle: refusing((request) => patchFlag(readFlag(request.body, request.params['xname'] ?? ''), request)),
    },
  ];
}

const unknown = (): never => {
  throw new Refused(404, 'no such xname.');
};

/** What the procedure answered of each: a word, or why it is refused. */
const each = (ids: readonly string[], answers: readonly string[]): readonly Each[] =>
  ids.map((ID, i) => {
    const answer = answers[i] ?? 'unknown';
    return isResult(answer) ? { ID, Result: answer } : { ID, Result: 'refused', Detail: answer };
  });

const isResult = (answer: string): answer is Result =>
  answer === 'changed' || answer === 'same' || answer === 'unknown';

const answerOf = (results: readonly Each[], { query }: RouteRequest): Answer =>
  /^(1|t|true)$/i.test(query.get('results') ?? '') ? json({ Results: results }) : NO_CONTENT;

const shownOf = (components: readonly HsmComponent[], { wants, shown }: ComponentFilter): Partial<HsmComponent>[] =>
  components.filter(wants).map(shown);

/** A long list, page by page. When the database goes away meanwhile the list ends as no JSON does, and is not taken for one. */
async function writePages(
  first: readonly HsmComponent[],
  read: (after: string) => Promise<readonly HsmComponent[]>,
  filter: ComponentFilter,
  write: (text: string) => Promise<void>,
): Promise<void> {
  try {
    let some = first;
    let lead = '{"Components":[';
    for (;;) {
      const shown = shownOf(some, filter);
      if (shown.length > 0) {
        await write(lead + shown.map((one) => JSON.stringify(one)).join(','));
        lead = ',';
      }
      const last = some.at(-1);
      if (last === undefined || some.length < PAGE) break;
      some = await read(last.ID);
    }
    await write(lead === ',' ? ']}\n' : `${lead}]}\n`);
  } catch {
    // Nothing can be said any more.
  }
}
