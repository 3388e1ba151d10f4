/**
 * All tokens, in the memory of the master that leads: it alone changes them, so that what stands here is what stands in
 * the database. A token is judged with each call that bears it; a revoked one is refused from the commit on.
 */
import { type Access, type Caller, scopeFault } from '@csm/api';
import { code, type Problem, problem, type Wall } from '@csm/model';
import { type Bearer, isSecret } from './token.ts';

/** A token as it is kept. */
export interface Token {
  readonly id: string;
  readonly user: string;
  readonly digest: string;
  readonly scopes: readonly string[];
  readonly created: number;
  readonly createdBy: string;
  /** Made by root: only such a token may stand for uid 0. */
  readonly byRoot: boolean;
  readonly expires: number;
  readonly lastUsed: number | null;
}

interface Entry {
  readonly token: Token;
  used: number | null;
  readonly watchers: Set<(problem: Problem) => void>;
}

const refused = (detail: string): Problem => problem(code.PERMISSION, detail);
/** The same words for a token that never was, one that was revoked and one with a wrong secret: nobody learns which. */
const UNKNOWN = 'the token is not valid: it is unknown or was revoked';

export class TokenMemory {
  readonly #entries = new Map<string, Entry>();
  readonly #used = new Set<string>();

  constructor(tokens: readonly Token[] = []) {
    for (const token of tokens) this.add(token);
  }

  add(token: Token): void {
    const known = this.#entries.get(token.id);
    if (known === undefined) this.#entries.set(token.id, { token, used: token.lastUsed, watchers: new Set() });
  }

  remove(id: string): void {
    const entry = this.#entries.get(id);
    this.#entries.delete(id);
    this.#used.delete(id);
    for (const gone of entry?.watchers ?? []) gone(refused(`the token ${id} was revoked`));
  }

  /** Whose token this is. */
  resolve(bearer: Bearer | undefined, now: Wall): Token | Problem {
    const entry = bearer === undefined ? undefined : this.#entries.get(bearer.id);
    if (bearer === undefined || entry === undefined || !isSecret(bearer.secret, entry.token.digest)) {
      return refused(UNKNOWN);
    }
    return expired(entry.token, now) ?? entry.token;
  }

  /** What is wrong with the token a call bears. What is right is noted as its last use. */
  judge(caller: Caller, call: string, access: Access, now: Wall): Problem | undefined {
    if (caller.via !== 'token' && caller.token === undefined) return undefined;
    const entry = this.#entries.get(caller.token ?? '');
    if (caller.via !== 'token' || entry === undefined) return refused(UNKNOWN);
    const { token } = entry;
    const wrong = expired(token, now) ?? notTheirs(token, caller) ?? scopeFault(token.scopes, call, access);
    if (wrong !== undefined) return wrong;
    entry.used = now;
    this.#used.add(token.id);
    return undefined;
  }

  /** Tells when a token is revoked or has expired. Returns what ends it. */
  watch(id: string, gone: (problem: Problem) => void): () => void {
    const entry = this.#entries.get(id);
    entry?.watchers.add(gone);
    return () => entry?.watchers.delete(gone);
  }

  /** Ends the calls of tokens that have expired meanwhile. */
  sweep(now: Wall): void {
    for (const { token, watchers } of this.#entries.values()) {
      const wrong = watchers.size === 0 ? undefined : expired(token, now);
      if (wrong !== undefined) for (const gone of watchers) gone(wrong);
    }
  }

  lastUsed(id: string): number | null {
    return this.#entries.get(id)?.used ?? null;
  }

  /** What was used since this was last asked. */
  takeUsed(): readonly { readonly id: string; readonly at: number }[] {
    const used = [...this.#used].map((id) => ({ id, at: this.lastUsed(id) ?? 0 }));
    this.#used.clear();
    return used;
  }
}

const expired = (token: Token, now: Wall): Problem | undefined =>
  now < token.expires
    ? undefined
    : refused(`the token ${token.id} expired on ${new Date(token.expires).toISOString()}; make another one`);

/** The entry daemon says who the token's user is; that must be who it was made for. */
function notTheirs(token: Token, { user, uid }: Caller): Problem | undefined {
  if (user !== token.user) return refused(`the token ${token.id} is not one of user ${user}`);
  if (uid === 0 && !token.byRoot)
    return refused(`the token ${token.id} was not made by root and does not stand for uid 0`);
  return undefined;
}
