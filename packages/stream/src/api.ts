/** The rows of the API table that the stream feature owns. */
import type { ApiRow } from '@csm/api';
import { code, type Role } from '@csm/model';
import Type, { type Static } from 'typebox';
import { URL_MAX } from './url.ts';

const closed = { additionalProperties: false } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];
const base = { enters: ADMIN_DAEMONS, reach: 'master', access: 'private', owned: true } as const;
const orNull = (schema: Parameters<typeof Type.Union>[0][number], description: string) =>
  Type.Union([schema, Type.Null()], { description });

const common = {
  id: Type.String(),
  owner: Type.String({ description: 'the user who made it' }),
  url: Type.String(),
  kinds: orNull(Type.Array(Type.String()), 'kinds of changes; null: all'),
  nodes: orNull(Type.String(), 'folded node set; null: all nodes'),
  created: Type.String({ description: 'ISO 8601, UTC' }),
};

export const SubscriptionRecord = Type.Object({
  ...common,
  cursor: Type.Integer({ description: 'all changes up to here are delivered, or not wanted' }),
  behind: Type.Integer({ description: 'changes that are yet to be looked at' }),
  sent: Type.Integer({ description: 'requests the receiver has taken since the master was started' }),
  failures: Type.Integer({ description: 'failed attempts since the last that succeeded' }),
  lost: Type.Integer({ description: 'changes that were removed before the receiver had them' }),
  problem: orNull(Type.String(), 'why the last attempt failed; null when it did not'),
});
export type SubscriptionRecord = Static<typeof SubscriptionRecord>;

export const api = [
  {
    ...base,
    name: 'subscription.create',
    summary: 'Has changes sent to a URL as they happen',
    description:
      'Each change is one POST of the JSON that `node.watch` tells, signed with the secret (`CSM-Signature: t=…,v1=…`), numbered by `CSM-Event-Id`, in order for each subject. A receiver that does not answer 2xx is tried again with growing pauses, and gets nothing later before; what it has not taken within `db.change_keep` is lost, counted, and told to it. Users who are not privileged may only name URLs below `webhook.url_prefixes`. The secret is told once, in this answer.',
    changes: true,
    method: 'POST',
    path: '/csm/v1/subscriptions',
    input: Type.Object(
      {
        url: Type.String({ minLength: 1, maxLength: URL_MAX, description: 'receiver, http or https' }),
        kinds: Type.Optional(
          Type.Array(Type.String({ pattern: '^[a-z][a-z0-9.-]{0,63}$', allowed: 'a kind such as node' }), {
            minItems: 1,
            maxItems: 16,
            description: 'kinds of changes; all when left out',
          }),
        ),
        nodes: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 65_536,
            description: 'only what concerns these nodes',
            allowed: 'a node set such as n[001-128],login1',
          }),
        ),
        since: Type.Optional(
          Type.Integer({ minimum: 0, description: 'the last change already known; left out: what comes next' }),
        ),
        secret: Type.Optional(
          Type.String({
            pattern: '^[\\x21-\\x7e]{16,128}$',
            description: 'signs the requests; one is made when left out',
            allowed: '16 to 128 visible ASCII characters',
            secret: true,
          }),
        ),
      },
      closed,
    ),
    output: Type.Object({ ...common, secret: Type.String({ description: 'to be kept, it is not told again' }) }),
    codes: [code.CONTEXT_LOST],
    examples: [
      { title: 'States of all nodes', input: { url: 'https://hooks.example.org/csm', kinds: ['node'] } },
      { title: 'All about a rack', input: { url: 'https://hooks.example.org/r7', nodes: 'n[001-018]' } },
    ],
  },
  {
    ...base,
    name: 'subscription.list',
    summary: 'Lists subscriptions and how far their receivers are',
    description: "One's own; privileged users see all.",
    changes: false,
    method: 'GET',
    path: '/csm/v1/subscriptions',
    input: Type.Object({}, closed),
    output: Type.Array(SubscriptionRecord),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'All there are', input: {} }],
  },
  {
    ...base,
    name: 'subscription.delete',
    summary: 'Ends a subscription',
    description: 'A request under way may still arrive. What was not delivered will not be.',
    changes: true,
    method: 'DELETE',
    path: '/csm/v1/subscriptions/:id',
    input: Type.Object({ id: Type.String({ pattern: '^[a-z0-9]{12}$', allowed: 'an id from the list' }) }, closed),
    output: Type.Object({ id: Type.String() }),
    codes: [code.NO_RESULTS],
    examples: [{ title: 'One', input: { id: '0123456789ab' } }],
  },
] as const satisfies readonly ApiRow[];
