/** The rows of the API table that the access feature owns. */
import { type ApiRow, SCOPE_PATTERN, SCOPES_MAX } from '@csm/api';
import { code, type Role } from '@csm/model';
import Type, { type Static } from 'typebox';
import { BEARER_MAX } from './token.ts';

const closed = { additionalProperties: false } as const;
const ADMIN_DAEMONS: readonly Role[] = ['master', 'aggregator', 'utility'];
const base = { enters: ADMIN_DAEMONS, reach: 'master' } as const;
const orNull = (description: string) => Type.Union([Type.String(), Type.Null()], { description });
const moment = (description: string) => Type.String({ description: `${description}, ISO 8601, UTC` });
const givenMoment = (description: string) =>
  Type.Optional(
    Type.String({
      minLength: 10,
      maxLength: 40,
      description,
      allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
    }),
  );
const user = (description: string) => Type.String({ minLength: 1, maxLength: 256, description });
const tokenId = Type.String({
  pattern: '^[a-z0-9]{12}$',
  description: 'public id of the token',
  allowed: 'the id of a token: 12 small letters and digits',
});

/** Seconds a token may be valid: a minute to ten years. */
const LIFETIME_MIN = 60;
const LIFETIME_MAX = 10 * 365 * 86_400;
export const LIFETIME = 90 * 86_400;

const scopes = Type.Array(
  Type.String({
    maxLength: 64,
    pattern: SCOPE_PATTERN,
    allowed:
      'the name of a call (node.list), of all calls of a noun (node.*), or a class (public, private, privileged)',
  }),
  {
    minItems: 1,
    maxItems: SCOPES_MAX,
    description: 'what it gives of what its user may: calls, nouns with `.*`, classes',
  },
);

export const TokenRow = Type.Object({
  id: Type.String({ description: 'public id; it stands in the audit record' }),
  user: Type.String({ description: 'whose calls are made with it' }),
  scopes: Type.Array(Type.String()),
  created: moment('made'),
  created_by: Type.String({ description: 'who made it' }),
  expires: moment('valid until'),
  last_used: orNull('last used, ISO 8601, UTC; written about once a minute'),
});
export type TokenRecord = Static<typeof TokenRow>;

export const AuditRow = Type.Object({
  seq: Type.Integer({ description: 'rises with time' }),
  time: moment('begun, or refused'),
  user: Type.String({ description: 'who called; empty where nobody proved it' }),
  uid: Type.Union([Type.Integer(), Type.Null()]),
  vouched_by: Type.String({ description: 'the daemon where the call entered, which told who calls' }),
  via: Type.Union([Type.Literal('socket'), Type.Literal('certificate'), Type.Literal('token'), Type.Null()], {
    description: 'how the caller was known',
  }),
  token: orNull('public id of the token'),
  call: Type.String(),
  input: Type.Unknown({ description: 'without secrets, at most 4 KiB; null where it was not kept' }),
  outcome: Type.Union(
    [
      Type.Literal('ok'),
      Type.Literal('failed'),
      Type.Literal('refused'),
      Type.Literal('under way'),
      Type.Literal('unknown'),
    ],
    { description: '`unknown`: the master died while the call was under way' },
  ),
  code: Type.Union([Type.Integer(), Type.Null()], { description: 'CSM code; null while the outcome is open' }),
  detail: orNull('why it failed or was refused'),
  ms: Type.Union([Type.Integer(), Type.Null()], { description: 'how long it took' }),
  times: Type.Integer({ description: 'refusals alike within a minute are one row' }),
  trace: orNull('stands in every log line of the call'),
});
export type AuditRecord = Static<typeof AuditRow>;

export const AUDIT_LIMIT = 100;

export const api = [
  {
    ...base,
    name: 'token.create',
    summary: 'Makes a token with which a user calls over HTTPS',
    description:
      'The token itself is told once, in this answer, and kept nowhere. It gives no more than its user may and its scopes allow. Privileged users may make one for somebody else; one that stands for root is made by root only. A call that bears a token makes none.',
    access: 'private',
    owned: true,
    changes: true,
    method: 'POST',
    path: '/csm/v1/tokens',
    input: Type.Object(
      {
        user: Type.Optional(user('for whom; default: the caller')),
        scopes,
        lifetime: Type.Optional(
          Type.Integer({
            minimum: LIFETIME_MIN,
            maximum: LIFETIME_MAX,
            description: `seconds until it expires; default ${LIFETIME}, 90 days`,
          }),
        ),
      },
      closed,
    ),
    output: Type.Object({ ...TokenRow.properties, token: Type.String({ description: 'to be kept secret' }) }),
    codes: [code.BAD_STATE, code.CONTEXT_LOST],
    examples: [{ title: 'For a script that looks at nodes', input: { scopes: ['node.list', 'node.show'] } }],
  },
  {
    ...base,
    name: 'token.list',
    summary: 'Shows tokens, without their secrets',
    description: "One's own. Privileged users see those of all, or of `user`.",
    access: 'private',
    owned: true,
    changes: false,
    method: 'GET',
    path: '/csm/v1/tokens',
    input: Type.Object({ user: Type.Optional(user('only those of this user')) }, closed),
    output: Type.Array(TokenRow),
  },
  {
    ...base,
    name: 'token.revoke',
    summary: 'Makes a token invalid, for ever',
    description: 'At once at the master; elsewhere within 10 s. Calls under way with it end.',
    access: 'private',
    owned: true,
    changes: true,
    method: 'DELETE',
    path: '/csm/v1/tokens/:id',
    input: Type.Object({ id: tokenId }, closed),
    output: TokenRow,
    codes: [code.NO_RESULTS],
    examples: [{ title: 'One that leaked', input: { id: '7c1x0q4m9zab' } }],
  },
  {
    ...base,
    name: 'token.resolve',
    summary: 'Tells a daemon whose token it was shown',
    access: 'public',
    internal: true,
    changes: false,
    method: 'POST',
    path: '/csm/v1/tokens/resolve',
    input: Type.Object({ bearer: Type.String({ minLength: 1, maxLength: BEARER_MAX, secret: true }) }, closed),
    output: Type.Object({
      id: Type.String(),
      user: Type.String(),
      scopes: Type.Array(Type.String()),
      expires: moment('valid until'),
    }),
  },
  {
    ...base,
    name: 'audit.list',
    summary: 'Shows who did what: calls that changed something, needed privilege or were refused',
    description:
      'Newest first. To read on, give the last `seq` as `before`. With `nodes`, calls whose input names one of them by `nodes`, `name` or `node`.',
    access: 'privileged',
    changes: false,
    method: 'GET',
    path: '/csm/v1/audit',
    input: Type.Object(
      {
        user: Type.Optional(user('only calls of this user')),
        call: Type.Optional(
          Type.String({ minLength: 1, maxLength: 64, description: 'only this call, such as node.update' }),
        ),
        since: givenMoment('only what began then or later'),
        until: givenMoment('only what began before'),
        nodes: Type.Optional(
          Type.String({
            minLength: 1,
            maxLength: 65_536,
            description: 'only calls that name one of these nodes',
            allowed: 'a node set such as n[001-128],login1',
          }),
        ),
        before: Type.Optional(
          Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER, description: 'only rows with a lower seq' }),
        ),
        limit: Type.Optional(
          Type.Integer({ minimum: 1, maximum: 1000, description: `rows at most; default ${AUDIT_LIMIT}` }),
        ),
      },
      closed,
    ),
    output: Type.Array(AuditRow),
    codes: [code.NO_RESULTS],
    examples: [
      { title: 'What an admin did', input: { user: 'alice' } },
      { title: 'Who ran programs on a node', input: { call: 'run', nodes: 'n001' } },
    ],
  },
] as const satisfies readonly ApiRow[];
