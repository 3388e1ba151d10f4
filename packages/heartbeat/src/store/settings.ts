/** What is kept whole: parameters, thresholds, and where requests are taken. */
import type { Tx } from '@csm/store';
import type { Procedures } from '../types.ts';

export async function keep(tx: Tx, name: 'params' | 'thresholds' | 'subscriptions', value: unknown): Promise<void> {
  await tx.run(
    `INSERT INTO heartbeat_setting (name, value) VALUES ($1, $2)
     ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    [name, JSON.stringify(value)],
  );
}

export async function setParams(tx: Tx, { params, configured }: Procedures['setParams']): Promise<null> {
  await keep(tx, 'params', { params, configured });
  return null;
}

export async function setThresholds(tx: Tx, { special }: Procedures['setThresholds']): Promise<null> {
  await keep(tx, 'thresholds', special);
  return null;
}

/** Who writes leads: the store sees to that. */
export async function leads(tx: Tx, { address, term }: Procedures['leads']): Promise<null> {
  await tx.run(
    `INSERT INTO heartbeat_leader (id, address, term, since) VALUES (1, $1, $2, $3)
     ON CONFLICT (id) DO UPDATE SET address = excluded.address, term = excluded.term, since = excluded.since`,
    [address, term, tx.now],
  );
  return null;
}
