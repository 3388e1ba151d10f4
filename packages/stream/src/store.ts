/** Tables and procedures of the stream feature: subscriptions, whose cursors the store itself keeps. */
import { code, fail } from '@csm/model';
import { forgetFollower, type Migration, openFollower, type Tx } from '@csm/store';

export const name = 'stream';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'subscriptions',
    sql: `CREATE TABLE subscription (
      id TEXT PRIMARY KEY, owner TEXT NOT NULL, url TEXT NOT NULL, kinds TEXT, nodes TEXT, secret TEXT NOT NULL,
      created BIGINT NOT NULL, lost BIGINT NOT NULL, lost_to BIGINT NOT NULL
    )`,
  },
];

/** Subscriptions of a user, and of all. */
export const OWNER_MAX = 16;
export const ALL_MAX = 256;

export interface Subscription {
  readonly id: string;
  readonly owner: string;
  readonly url: string;
  /** JSON list; null: all kinds. */
  readonly kinds: string | null;
  /** Folded node set; null: all nodes. */
  readonly nodes: string | null;
  readonly secret: string;
  readonly created: number;
  /** Changes that were pruned before they could be sent. */
  readonly lost: number;
}

/** What is kept under the key of the call that made it: all but the secret. */
export type Made = Omit<Subscription, 'secret'>;

export interface CreateInput extends Omit<Subscription, 'created' | 'lost'> {
  /** The name of its follower. */
  readonly follower: string;
  /** The last change already known; null: it begins with what comes next. */
  readonly since: number | null;
}

/** With its follower's cursor as it is stored. */
export interface Listed extends Subscription {
  readonly cursor: number;
}

/** All, oldest first; $1 is what the name of a follower has before the id. */
export const LIST = `
  SELECT s.id, s.owner, s.url, s.kinds, s.nodes, s.secret, s.created, s.lost, coalesce(f.cursor, 0) AS cursor
  FROM subscription s LEFT JOIN follower f ON f.name = $1 || s.id ORDER BY s.created, s.id LIMIT ${ALL_MAX}`;

/** The subscription and its cursor come to be together: nothing is missed between. */
async function create(tx: Tx, input: CreateInput): Promise<Made> {
  const { id, owner, url, kinds, nodes, secret, follower, since } = input;
  const all = await tx.all<{ owner: string; n: number }>(
    'SELECT owner, count(*) AS n FROM subscription GROUP BY owner LIMIT 1000',
  );
  const mine = all.find((row) => row.owner === owner)?.n ?? 0;
  if (mine >= OWNER_MAX) {
    fail(code.MEMORY, `${owner} has ${mine} subscriptions`, { allowed: `${OWNER_MAX} of a user` });
  }
  if (all.reduce((sum, { n }) => sum + n, 0) >= ALL_MAX) {
    fail(code.MEMORY, `there are ${ALL_MAX} subscriptions already`, { allowed: `${ALL_MAX} of all users` });
  }
  await openFollower(tx, { name: follower, from: since ?? 'now' });
  await tx.run(
    `INSERT INTO subscription (id, owner, url, kinds, nodes, secret, created, lost, lost_to)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 0, 0)`,
    [id, owner, url, kinds, nodes, secret, tx.now],
  );
  return { id, owner, url, kinds, nodes, created: tx.now, lost: 0 };
}

/** `owner`: only when it is his; null: whoever's it is. */
async function remove(
  tx: Tx,
  { id, owner, follower }: { readonly id: string; readonly owner: string | null; readonly follower: string },
): Promise<{ readonly id: string }> {
  const known = await tx.get<{ owner: string }>('SELECT owner FROM subscription WHERE id = $1', [id]);
  // What is somebody else's is not told to be there.
  if (known === undefined || (owner !== null && known.owner !== owner)) {
    const whose = owner === null ? '' : ' of yours';
    fail(code.NO_RESULTS, `there is no subscription '${id}'${whose}`, { field: 'id' });
  }
  await tx.run('DELETE FROM subscription WHERE id = $1', [id]);
  await forgetFollower(tx, { name: follower });
  return { id };
}

/** Counts what was lost, each change once: the telling of a loss may be repeated, and grow. */
async function lost(
  tx: Tx,
  { id, from, to }: { readonly id: string; readonly from: number; readonly to: number },
): Promise<null> {
  const known = await tx.get<{ lost_to: number }>('SELECT lost_to FROM subscription WHERE id = $1', [id]);
  if (known === undefined || known.lost_to >= to) return null;
  const count = to - Math.max(from - 1, known.lost_to);
  await tx.run('UPDATE subscription SET lost = lost + $1, lost_to = $2 WHERE id = $3', [count, to, id]);
  return null;
}

export const procedures = { create, remove, lost };
