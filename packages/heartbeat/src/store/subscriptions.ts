/** Subscriptions to changes of the built-in state manager. */
import { code, fail } from '@csm/model';
import type { Tx } from '@csm/store';
import type { Procedures, ScnSubscription } from '../types.ts';
import { keep } from './settings.ts';

/** All are read with each change that is delivered. */
export const SUBSCRIPTIONS_MAX = 1_000;

/** Code 9, field Url, for a second one of Subscriber and Url; 13 beyond so many. */
export async function scnCreate(tx: Tx, { subscription }: Procedures['scnCreate']): Promise<ScnSubscription> {
  await checkUnique(tx, subscription, 0);
  const there = await tx.get<{ n: number }>('SELECT count(*) AS n FROM hsm_subscription');
  if ((there?.n ?? 0) >= SUBSCRIPTIONS_MAX) {
    fail(code.MEMORY, `there are ${there?.n} subscriptions`, { allowed: `${SUBSCRIPTIONS_MAX} subscriptions` });
  }
  // Counted on for good: a number that is gone never means another one.
  const last = await tx.get<{ value: string }>("SELECT value FROM heartbeat_setting WHERE name = 'subscriptions'");
  const ID = (last === undefined ? 0 : (JSON.parse(last.value) as number)) + 1;
  await keep(tx, 'subscriptions', ID);
  await tx.run('INSERT INTO hsm_subscription (id, subscriber, url, body) VALUES ($1, $2, $3, $4)', [
    ID,
    subscription.Subscriber,
    subscription.Url,
    JSON.stringify(subscription),
  ]);
  return { ID, ...subscription };
}

/** Code 4 where it is not there, 9 where another one has its Subscriber and Url. */
export async function scnReplace(tx: Tx, { subscription }: Procedures['scnReplace']): Promise<null> {
  const { ID, ...body } = subscription;
  await checkUnique(tx, body, ID);
  const { changes } = await tx.run('UPDATE hsm_subscription SET subscriber = $1, url = $2, body = $3 WHERE id = $4', [
    body.Subscriber,
    body.Url,
    JSON.stringify(body),
    ID,
  ]);
  if (changes === 0) fail(code.NO_RESULTS, `there is no subscription ${ID}`, { field: 'ID' });
  return null;
}

/** Answers whether it was there; without an id how many went. */
export async function scnDelete(tx: Tx, { id }: Procedures['scnDelete']): Promise<boolean | number> {
  if (id === null) return (await tx.run('DELETE FROM hsm_subscription')).changes;
  return (await tx.run('DELETE FROM hsm_subscription WHERE id = $1', [id])).changes > 0;
}

async function checkUnique(
  tx: Tx,
  { Subscriber, Url }: Pick<ScnSubscription, 'Subscriber' | 'Url'>,
  but: number,
): Promise<void> {
  const other = await tx.get<{ id: number }>(
    'SELECT id FROM hsm_subscription WHERE subscriber = $1 AND url = $2 AND id <> $3',
    [Subscriber, Url, but],
  );
  if (other === undefined) return;
  fail(code.INVALID_PARAMETER, `subscription ${other.id} of ${Subscriber} has this Url`, {
    field: 'Url',
    allowed: 'one subscription of a Subscriber and a Url',
  });
}
