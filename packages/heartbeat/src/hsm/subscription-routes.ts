/** Subscriptions to the state manager's changes over HTTP, as smd has them. */
import { CsmError, code } from '@csm/model';
import { NO_CONTENT } from '../http/problem.ts';
import type { Answer, Route, RouteRequest, Schema } from '../http/route.ts';
import { readSubscriptions } from '../store/queries.ts';
import type { Procedures, ScnSubscription } from '../types.ts';
import { Refused, refuse } from './fields.ts';
import { gives, type HsmPorts, json, ROOT, refused, refusing, SAID, said, UNDECODABLE } from './ports.ts';
import { STATES } from './rules.ts';
import { patched, readId, readPatch, readSubscription, SUBSCRIPTIONS_MAX, shownSubscription } from './subscriptions.ts';
import { ROLES, SUB_ROLES } from './words.ts';

const SCN = `${ROOT}/Subscriptions/SCN`;

const text: Schema = { type: 'string' };
const listOf = (words: readonly string[]): Schema => ({
  type: 'array',
  items: text,
  description: `any of ${words.join(', ')}; any case`,
});

const TRIGGERS = {
  Enabled: { type: 'boolean', description: 'true: components that are enabled or disabled' },
  Roles: listOf(ROLES),
  SubRoles: listOf(SUB_ROLES),
  SoftwareStatus: { type: 'array', items: text },
  States: listOf(STATES),
};
const WHO = { Subscriber: { ...text, description: 'a name' }, Url: { ...text, description: 'where it takes POSTs' } };

const SUBSCRIPTION: Schema = {
  type: 'object',
  required: ['ID', 'Subscriber', 'Url'],
  properties: { ID: { type: 'integer' }, ...WHO, ...TRIGGERS },
};
const NEW = {
  required: true,
  schema: { type: 'object', required: ['Subscriber', 'Url'], properties: { ...WHO, ...TRIGGERS } },
};
const PATCH = {
  required: true,
  schema: {
    type: 'object',
    required: ['Op'],
    properties: { Op: { type: 'string', description: 'add, remove or replace' }, ...TRIGGERS },
  },
};

const badBody = refused('the body says something that is not allowed');
const noSuch = refused('there is no subscription with this ID');
const badId = refused('the ID is no number of 1 or more');

export function subscriptionRoutes({ store, subscriptionsChanged }: HsmPorts): readonly Route[] {
  /** One change after another: a PATCH is made of what it finds. */
  let turn: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = turn.then(work, work);
    turn = done.catch(() => undefined);
    return done;
  };

  /** What cannot be put in force now will be when the database is back: the change itself is made. */
  const inForce = (): Promise<void> => subscriptionsChanged().catch(() => undefined);

  const find = async (id: number): Promise<ScnSubscription> =>
    (await readSubscriptions(store)).find(({ ID }) => ID === id) ?? unknown();

  const create = ({ body }: RouteRequest): Promise<Answer> => {
    const subscription = readSubscription(body);
    return inTurn(async () => {
      const { length } = await readSubscriptions(store);
      if (length >= SUBSCRIPTIONS_MAX) refuse(`Subscribe failed: there are ${length}; allowed: ${SUBSCRIPTIONS_MAX}`);
      const input = { subscription } satisfies Procedures['scnCreate'];
      const made = await kept(store.call<ScnSubscription>('heartbeat.scnCreate', input), 'Subscribe failed');
      await inForce();
      return json(shownSubscription(made));
    });
  };

  const replace = ({ params, body }: RouteRequest): Promise<Answer> => {
    const ID = readId(params['id'] ?? '');
    const subscription = { ID, ...readSubscription(body) };
    return inTurn(() => write(subscription, 'Subscription update failed'));
  };

  const patch = ({ params, body }: RouteRequest): Promise<Answer> => {
    const id = readId(params['id'] ?? '');
    const change = readPatch(body);
    return inTurn(async () => write(patched(await find(id), change), 'Subscription patch failed'));
  };

  const write = async (subscription: ScnSubscription, failed: string): Promise<Answer> => {
    const input = { subscription } satisfies Procedures['scnReplace'];
    await kept(store.call('heartbeat.scnReplace', input), failed);
    await inForce();
    return NO_CONTENT;
  };

  const remove = ({ params }: RouteRequest): Promise<Answer> => {
    const id = readId(params['id'] ?? '');
    return inTurn(async () => {
      if (!(await store.call<boolean>('heartbeat.scnDelete', { id } satisfies Procedures['scnDelete']))) unknown();
      await inForce();
      return said('Subscription deleted');
    });
  };

  const removeAll = (): Promise<Answer> =>
    inTurn(async () => {
      const count = await store.call<number>('heartbeat.scnDelete', { id: null } satisfies Procedures['scnDelete']);
      await inForce();
      return said(`${count} Subscriptions deleted`);
    });

  return [
    {
      method: 'GET',
      path: SCN,
      id: 'hsm.subscriptions.list',
      summary: 'All subscriptions to state changes, by ID',
      answers: {
        200: gives('all', {
          type: 'object',
          required: ['SubscriptionList'],
          properties: { SubscriptionList: { type: 'array', items: SUBSCRIPTION } },
        }),
      },
      examples: [{ title: 'all', status: 200 }],
      handle: refusing(async () => json({ SubscriptionList: (await readSubscriptions(store)).map(shownSubscription) })),
    },
    {
      method: 'POST',
      path: SCN,
      id: 'hsm.subscriptions.create',
      summary: 'Subscribes to state changes: they are posted to Url, in order, until they are taken with 2xx',
      body: NEW,
      answers: { 200: gives('as it is, with its ID', SUBSCRIPTION), 400: badBody, 500: UNDECODABLE },
      examples: [
        {
          title: 'who is ready and who is not',
          body: { Subscriber: 'hmnfd', Url: 'http://127.0.0.1:28600/hmi/v1/scn', States: ['Ready', 'Standby'] },
          status: 200,
        },
        { title: 'to nothing', body: { Subscriber: 'hmnfd', Url: 'http://127.0.0.1:28600/none' }, status: 400 },
      ],
      handle: refusing(create),
    },
    {
      method: 'PUT',
      path: SCN,
      id: 'hsm.subscriptions.replaceNone',
      summary: 'A subscription is replaced under its ID: without one it is not found, as in smd',
      answers: { 404: noSuch },
      examples: [{ title: 'without an ID', status: 404 }],
      handle: refusing(async () => {
        throw new Refused(404, 'Resource not found');
      }),
    },
    {
      method: 'DELETE',
      path: SCN,
      id: 'hsm.subscriptions.deleteAll',
      summary: 'Ends all subscriptions',
      answers: { 200: gives('how many there were', SAID) },
      handle: refusing(removeAll),
    },
    {
      method: 'GET',
      path: `${SCN}/{id}`,
      id: 'hsm.subscriptions.show',
      summary: 'One subscription',
      answers: { 200: gives('as it is', SUBSCRIPTION), 400: badId, 404: noSuch },
      handle: refusing(async ({ params }) => json(shownSubscription(await find(readId(params['id'] ?? ''))))),
    },
    {
      method: 'PUT',
      path: `${SCN}/{id}`,
      id: 'hsm.subscriptions.replace',
      summary: 'Replaces a subscription',
      body: NEW,
      answers: { 204: { description: 'done' }, 400: badBody, 404: noSuch, 500: UNDECODABLE },
      handle: refusing(replace),
    },
    {
      method: 'PATCH',
      path: `${SCN}/{id}`,
      id: 'hsm.subscriptions.patch',
      summary: 'Adds to what a subscription asks for, takes from it, or replaces lists of it',
      body: PATCH,
      answers: { 204: { description: 'done' }, 400: badBody, 404: noSuch, 500: UNDECODABLE },
      handle: refusing(patch),
    },
    {
      method: 'DELETE',
      path: `${SCN}/{id}`,
      id: 'hsm.subscriptions.delete',
      summary: 'Ends a subscription; what it was not told yet is dropped',
      answers: { 200: gives('done', SAID), 400: badId, 404: noSuch },
      handle: refusing(remove),
    },
  ];
}

const unknown = (): never => {
  throw new Refused(404, 'Subscription not found');
};

/** Two of one Subscriber and Url are refused in smd's few words. */
async function kept<T>(work: Promise<T>, failed: string): Promise<T> {
  try {
    return await work;
  } catch (thrown) {
    if (!(thrown instanceof CsmError)) throw thrown;
    if (thrown.code === code.INVALID_PARAMETER) return refuse(failed);
    if (thrown.code === code.NO_RESULTS) return unknown();
    throw thrown;
  }
}
