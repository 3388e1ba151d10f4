/** What an external state manager is yet to be told: of each component the newest, under the number of its change. */
import { deleteAmong, type Tx } from '@csm/store';
import { NOTICE } from '../hsm/rules.ts';
import type { Change, Notice, Procedures } from '../types.ts';
import { typeOf } from '../xname/index.ts';
import { LISTED, listed, plain, Statement } from './lists.ts';

/** Refused rows that are kept. */
const REFUSED_MAX = 1_000;
/** Characters of a state manager's reason. */
const REASON_MAX = 1_000;

const COLUMNS = ['seq', 'name', 'state', 'flag', 'message'];
const NEWEST = `(name) DO UPDATE SET seq = excluded.seq, state = excluded.state, flag = excluded.flag,
  message = excluded.message`;

interface Waiting extends Notice {
  readonly seq: number;
}

/** Names that are no xnames, of nodes of this cluster, mean nothing to a state manager. */
export async function noteWaiting(tx: Tx, changes: readonly Change[], seqs: readonly number[]): Promise<void> {
  /** Undefined: an alarm that still waits is not to be raised. */
  const newest = new Map<string, Waiting | undefined>();
  for (const [i, { name, kind }] of changes.entries()) {
    if (typeOf(name) === undefined) continue;
    const notice = NOTICE[kind];
    if (notice !== undefined) newest.set(name, { ...notice, seq: seqs[i] ?? 0 });
    else if (newest.get(name)?.flag !== 'OK') newest.set(name, undefined);
  }
  const rows = [...newest].flatMap(([name, waiting]) =>
    waiting === undefined ? [] : [[waiting.seq, name, waiting.state, waiting.flag, waiting.message]],
  );
  const calm = [...newest].flatMap(([name, waiting]) => (waiting === undefined ? [name] : []));
  await tx.insert('heartbeat_outbox', COLUMNS, rows, { onConflict: NEWEST });
  if (calm.length === 0) return;
  const { sql, values } = new Statement()
    .add("DELETE FROM heartbeat_outbox WHERE flag <> 'OK' AND name IN ")
    .add(LISTED, listed(calm));
  await tx.run(sql, values);
}

/** While no external state manager is told, what waited for it of these is out of date. */
export async function forgetWaiting(tx: Tx, changes: readonly Change[]): Promise<void> {
  const names = [...new Set(changes.map(({ name }) => name))].map((name) => [name]);
  await deleteAmong(tx, { table: 'heartbeat_outbox', key: [['name', 'TEXT']] }, names);
}

/** A newer row of the same component has another number, and stays. */
export async function sent(tx: Tx, { rows }: Procedures['sent']): Promise<null> {
  const seqs = rows.map(({ seq }) => [seq]);
  await deleteAmong(tx, { table: 'heartbeat_outbox', key: [['seq', 'BIGINT']] }, seqs);
  return null;
}

/** Nothing, where a newer row has taken its place: that one is tried for itself. */
export async function refused(tx: Tx, { seq, reason }: Procedures['refused']): Promise<null> {
  await tx.run(
    `INSERT INTO heartbeat_refused (seq, name, state, flag, message, reason, time)
     SELECT seq, name, state, flag, message, $2, $3 FROM heartbeat_outbox WHERE seq = $1
     ON CONFLICT DO NOTHING`,
    [seq, plain(reason, REASON_MAX), tx.now],
  );
  await tx.run('DELETE FROM heartbeat_outbox WHERE seq = $1', [seq]);
  await tx.run(
    `DELETE FROM heartbeat_refused WHERE seq <
       (SELECT min(seq) FROM (SELECT seq FROM heartbeat_refused ORDER BY seq DESC LIMIT ${REFUSED_MAX}) AS kept)`,
  );
  return null;
}
