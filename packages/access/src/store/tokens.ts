/** Procedures that change tokens. */
import { code, fail } from '@csm/model';
import type { Store, Tx } from '@csm/store';
import type { Token } from '../token-memory.ts';

/** Tokens of one user that are valid, and of all together. The master keeps all in memory. */
const USER_MAX = 100;
const ALL_MAX = 10_000;
/** An expired token is shown for so long, ms. */
const SHOWN_MS = 7 * 86_400_000;

export interface TokenColumns {
  readonly id: string;
  readonly user_name: string;
  readonly digest: string;
  readonly scopes: string;
  readonly created: number;
  readonly created_by: string;
  readonly by_root: number;
  readonly expires: number;
  readonly last_used: number | null;
}

const COLUMNS = 'id, user_name, digest, scopes, created, created_by, by_root, expires, last_used';

export const tokenOf = (row: TokenColumns): Token => ({
  id: row.id,
  user: row.user_name,
  digest: row.digest,
  scopes: JSON.parse(row.scopes) as string[],
  created: row.created,
  createdBy: row.created_by,
  byRoot: row.by_root === 1,
  expires: row.expires,
  lastUsed: row.last_used,
});

/** All there are, oldest first. */
export const allTokens = async (store: Pick<Store, 'query'>): Promise<Token[]> =>
  (await store.query<TokenColumns>(`SELECT ${COLUMNS} FROM token ORDER BY created, id`)).map(tokenOf);

export interface CreateToken {
  readonly id: string;
  readonly user: string;
  readonly digest: string;
  readonly scopes: readonly string[];
  readonly lifetime: number;
  readonly createdBy: string;
  readonly byRoot: boolean;
}

/** Keeps a new token; those that expired long ago go. */
export async function createToken(tx: Tx, given: CreateToken): Promise<Token> {
  await tx.run('DELETE FROM token WHERE expires < $1', [tx.now - SHOWN_MS]);
  const counts = await tx.get<{ own: number; n: number }>(
    `SELECT (SELECT count(*) FROM token WHERE user_name = $1 AND expires > $2) AS own, (SELECT count(*) FROM token) AS n`,
    [given.user, tx.now],
  );
  if ((counts?.own ?? 0) >= USER_MAX) {
    const allowed = `${USER_MAX} valid tokens a user; revoke one`;
    fail(code.BAD_STATE, `user ${given.user} has ${counts?.own} tokens`, { field: 'user', allowed });
  }
  if ((counts?.n ?? 0) >= ALL_MAX) {
    fail(code.BAD_STATE, `there are ${counts?.n} tokens`, { allowed: `${ALL_MAX} tokens in all; revoke some` });
  }
  const { id, user, digest, scopes, createdBy, byRoot } = given;
  const expires = tx.now + given.lifetime * 1000;
  await tx.run(`INSERT INTO token (${COLUMNS}) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, NULL)`, [
    id,
    user,
    digest,
    JSON.stringify(scopes),
    tx.now,
    createdBy,
    byRoot ? 1 : 0,
    expires,
  ]);
  return { id, user, digest, scopes, created: tx.now, createdBy, byRoot, expires, lastUsed: null };
}

export interface RevokeToken {
  readonly id: string;
  /** Only when it is a token of this user; null: anybody's. */
  readonly owner: string | null;
  /** Code 16 in words, for a token of somebody else. */
  readonly notOwned: string;
}

/** Removes a token: what it was stays in the audit record. */
export async function revokeToken(tx: Tx, { id, owner, notOwned }: RevokeToken): Promise<Token> {
  const row = await tx.get<TokenColumns>(`SELECT ${COLUMNS} FROM token WHERE id = $1`, [id]);
  if (row === undefined) return fail(code.NO_RESULTS, `there is no token with the id ${id}`, { field: 'id' });
  if (owner !== null && row.user_name !== owner) fail(code.PERMISSION, notOwned);
  await tx.run('DELETE FROM token WHERE id = $1', [id]);
  return tokenOf(row);
}

/** When tokens were used last. One that is gone stays gone. */
export async function usedTokens(
  tx: Tx,
  { used }: { readonly used: readonly { readonly id: string; readonly at: number }[] },
): Promise<null> {
  for (const { id, at } of used) {
    await tx.run('UPDATE token SET last_used = $1 WHERE id = $2 AND (last_used IS NULL OR last_used < $3)', [
      at,
      id,
      at,
    ]);
  }
  return null;
}
