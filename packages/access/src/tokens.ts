/** Answers to the calls about tokens. */
import { randomBytes } from 'node:crypto';
import { type CallContext, type Handler, isEmptyScope } from '@csm/api';
import { type MasterPorts, once } from '@csm/feature';
import { CsmError, code, fail, isUserName, type Json, USER_NAME_RULE } from '@csm/model';
import { type api, LIFETIME, type TokenRecord } from './api.ts';
import { allTokens, type CreateToken, type RevokeToken } from './store/tokens.ts';
import { bearerText, digestOf, newBearer, readBearer } from './token.ts';
import type { Token, TokenMemory } from './token-memory.ts';

/** Tokens whose text is remembered for a repetition under the same key. It is kept in no file. */
const REMEMBERED = 100;

interface CreateInput {
  readonly user?: string;
  readonly scopes: readonly string[];
  readonly lifetime?: number;
}

type Ports = Pick<MasterPorts, 'store' | 'clock' | 'calls' | 'isPrivileged'>;

export function tokenHandlers(
  { store, clock, calls, isPrivileged }: Ports,
  memory: TokenMemory,
): Readonly<Record<string, Handler<never>>> {
  const told = new Map<string, string>();
  const create: Handler<CreateInput> = async (input, ctx) => {
    const { caller } = ctx;
    const { user = caller.user, scopes, lifetime = LIFETIME } = input;
    if (caller.via === 'token') fail(code.PERMISSION, 'a call that bears a token makes no further one');
    // Whatever the class of the call: who makes a token for somebody else can act as him.
    if (user !== caller.user && !isPrivileged(caller)) refuse(ctx, 'token.create', `a token for user ${user}`);
    if (user === 'root' && caller.uid !== 0) fail(code.PERMISSION, 'a token for root is made by root only');
    if (!isUserName(user)) fail(code.INVALID_PARAMETER, notAName(user), { field: 'user', allowed: USER_NAME_RULE });
    checkScopes(scopes, calls);
    const bearer = newBearer(randomBytes);
    const digest = digestOf(bearer.secret);
    const made: CreateToken = {
      id: bearer.id,
      user,
      digest,
      scopes: [...new Set(scopes)],
      lifetime,
      createdBy: caller.user,
      byRoot: caller.uid === 0,
    };
    const token = await store.call<Token>('access.createToken', made, { once: once(ctx, ['token.create', input]) });
    // Under its key a token that was revoked meanwhile is told again: only a new one may be remembered.
    if (token.id === bearer.id) {
      memory.add(token);
      remember(told, token.id, bearerText(bearer));
    }
    const text = told.get(token.id);
    if (text === undefined) {
      fail(code.CONTEXT_LOST, `token ${token.id} was made under this key before, and its text is told only once`, {
        field: 'Idempotency-Key',
        allowed: `revoke ${token.id}, and make another one under a new key`,
      });
    }
    return { ...recordOf(token, memory), token: text } as Json;
  };
  const list: Handler<{ user?: string }> = async ({ user }, ctx) => {
    const own = ctx.grant === 'owner-check';
    if (own && user !== undefined && user !== ctx.caller.user) refuse(ctx, 'token.list', `tokens of user ${user}`);
    const wanted = own ? ctx.caller.user : user;
    const tokens = (await allTokens(store)).filter((token) => wanted === undefined || token.user === wanted);
    return tokens.map((token) => recordOf(token, memory)) as unknown as Json;
  };
  const revoke: Handler<{ id: string }> = async (input, ctx) => {
    const { user } = ctx.caller;
    const given: RevokeToken = {
      id: input.id,
      owner: ctx.grant === 'owner-check' ? user : null,
      notOwned: `token.revoke is refused to user ${user}: only whose token ${input.id} is and privileged users may make it`,
    };
    const token = await store.call<Token>('access.revokeToken', given, { once: once(ctx, ['token.revoke', input]) });
    const record = recordOf(token, memory);
    memory.remove(token.id);
    told.delete(token.id);
    return record as unknown as Json;
  };
  const resolve: Handler<{ bearer: string }> = async ({ bearer }) => {
    const found = memory.resolve(readBearer(bearer), clock.now().wall);
    if ('code' in found) throw new CsmError(found);
    const { id, user, scopes, expires } = found;
    return { id, user, scopes, expires: new Date(expires).toISOString() } as unknown as Json;
  };
  return { 'token.create': create, 'token.list': list, 'token.revoke': revoke, 'token.resolve': resolve };
}

/** Such a token would be of no use: no door takes it. */
const notAName = (user: string): string =>
  `${JSON.stringify(user.slice(0, 80))} is not the name of a user for whom a token can stand`;

function refuse(ctx: CallContext, call: (typeof api)[number]['name'], what: string): never {
  const { user, uid } = ctx.caller;
  return fail(
    code.PERMISSION,
    `${call} is refused to user ${user} (uid ${uid}): only privileged users may ask for ${what}`,
  );
}

/** A scope that gives nothing is a mistake, and is found when somebody needs it. */
function checkScopes(scopes: readonly string[], calls: readonly string[]): void {
  for (const [i, scope] of scopes.entries()) {
    if (!isEmptyScope(scope, calls)) continue;
    const nouns = [...new Set(calls.filter((call) => call.includes('.')).map((call) => `${call.split('.')[0]}.*`))];
    fail(code.INVALID_PARAMETER, `the scope '${scope}' names no call`, {
      field: `scopes[${i}]`,
      allowed: `a call (GET /csm/v1/ lists them), ${nouns.join(', ')}, public, private or privileged`,
    });
  }
}

function remember(told: Map<string, string>, id: string, text: string): void {
  told.set(id, text);
  for (const [oldest] of told) {
    if (told.size <= REMEMBERED) break;
    told.delete(oldest);
  }
}

function recordOf(token: Token, memory: TokenMemory): TokenRecord {
  const used = memory.lastUsed(token.id) ?? token.lastUsed;
  return {
    id: token.id,
    user: token.user,
    scopes: [...token.scopes],
    created: new Date(token.created).toISOString(),
    created_by: token.createdBy,
    expires: new Date(token.expires).toISOString(),
    last_used: used === null ? null : new Date(used).toISOString(),
  };
}
