/**
 * Two advisory locks of the database say who leads. The *leader's* is held on the lease's connection for as long as a
 * master leads; whoever holds it may raise the term. The *term's* is held, shared, by each transaction that writes, and
 * alone by a master that takes over, so that no term begins in the midst of a transaction: whoever was deposed finds
 * another term at the beginning of his next one, and writes nothing.
 */
import { CsmError, code, problem } from '@csm/model';
import { LEADER, type Leader, raiseIf } from '../leader.ts';
import type { Connection } from './connection.ts';
import type { Backend } from './session.ts';

/** `CSM ` as a number: advisory locks are kept by database, and shared with whoever else uses it. */
const LOCK_CLASS = 0x43534d20;
const LOCK_LEADER = 1;
const LOCK_TERM = 2;

const granted = (lock: number): string => `l.locktype = 'advisory' AND l.granted AND l.classid = ${LOCK_CLASS}
    AND l.objid = ${lock} AND l.objsubid = 2 AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`;

/** Holds the term to the end of the transaction, and tells it and whose it is. */
export const HOLD_TERM = `SELECT pg_advisory_xact_lock_shared(${LOCK_CLASS}, ${LOCK_TERM}); SELECT term, session FROM leader WHERE id = 1`;

const HOLDER = `
  SELECT a.pid, a.application_name AS name, coalesce(host(a.client_addr), '') AS address,
    CAST(extract(epoch FROM a.backend_start) * 1000 AS BIGINT) AS started
  FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
  WHERE ${granted(LOCK_LEADER)}`;

/** Whether the backend `$n` still holds the leader's lock. */
const leads = (n: number): string =>
  `EXISTS (SELECT 1 FROM pg_locks l WHERE ${granted(LOCK_LEADER)} AND l.pid = CAST($${n} AS INTEGER))`;

/** Takes the leader's lock; tells who holds it instead. It is free again with the session, however that ends. */
export async function takeLock(db: Connection): Promise<Backend | undefined> {
  const taken = await db.get(`SELECT pg_try_advisory_lock(${LOCK_CLASS}, ${LOCK_LEADER}) AS got`);
  if (taken?.['got'] === 1) return undefined;
  return (await findHolder(db)) ?? { pid: 0, started: 0, words: 'another session' };
}

/** Who holds the leader's lock. */
export async function findHolder(db: Connection): Promise<Backend | undefined> {
  const row = (await db.get(HOLDER)) as
    | { readonly pid: number; readonly name: string | null; readonly address: string; readonly started: number | null }
    | undefined;
  if (row === undefined) return undefined;
  const since = row.started === null ? '' : ` since ${new Date(row.started).toISOString()}`;
  const from = row.address === '' ? '' : ` from ${row.address}`;
  const words = `${row.name || `server process ${row.pid}`}${from}${since}`;
  return { pid: row.pid, started: row.started ?? 0, words };
}

/** Ends a backend of ours that has outlived its connection and holds the lock still. */
export async function endBackend(db: Connection, { pid }: Backend): Promise<void> {
  await db.get('SELECT pg_terminate_backend(CAST($1 AS INTEGER)) AS ended', [pid]);
}

/**
 * Ends the transactions that an older leader has left open, also one that was stopped in the midst of it, and keeps new
 * ones from beginning until `openTerm`. Does nothing to others once `lease` has lost the leader's lock.
 */
export async function closeTerm(db: Connection, lease: Backend): Promise<void> {
  await db.all(
    `SELECT pg_terminate_backend(l.pid) AS ended FROM pg_locks l
     WHERE ${granted(LOCK_TERM)} AND l.pid <> pg_backend_pid() AND ${leads(1)}`,
    [lease.pid],
  );
  await db.get(`SELECT pg_advisory_lock(${LOCK_CLASS}, ${LOCK_TERM})`);
}

export async function openTerm(db: Connection): Promise<void> {
  await db.get(`SELECT pg_advisory_unlock(${LOCK_CLASS}, ${LOCK_TERM}) AS was`);
}

/** The leader's row; undefined before the first. */
export async function readLeader(db: Connection): Promise<Leader | undefined> {
  const found = await db.get(`SELECT to_regclass('leader') IS NOT NULL AS found`);
  return found?.['found'] === 1 ? ((await db.get(LEADER)) as Leader | undefined) : undefined;
}

/** Begins a new term; undefined when `lease` has lost the leader's lock. */
export async function raise(db: Connection, next: Omit<Leader, 'term'>, lease: Backend): Promise<number | undefined> {
  const { master, session, since, lease: ms } = next;
  const row = await db.get(raiseIf(leads(5)), [master, session, since, ms, lease.pid]);
  // What was asked about in a term that is over can be asked no more.
  if (row !== undefined) await db.run('DELETE FROM commit_mark WHERE term < $1', [row['term'] ?? 0]);
  return row?.['term'] as number | undefined;
}

/** How many marks are left standing; only the last one is ever asked for. */
const MARKS_KEPT = 1_000;

/** Text that leaves the mark of a transaction, and removes old ones now and then. */
export function leaveMark(term: number, mark: number): string {
  const clean = `DELETE FROM commit_mark WHERE term = ${term} AND number < ${mark}; `;
  return `${mark % MARKS_KEPT === 0 ? clean : ''}INSERT INTO commit_mark (term, number) VALUES (${term}, ${mark})`;
}

/** Whether the transaction that leaves this mark was committed. */
export async function isMarked(db: Connection, term: number, mark: number): Promise<boolean> {
  return (
    (await db.get('SELECT 1 AS found FROM commit_mark WHERE term = $1 AND number = $2', [term, mark])) !== undefined
  );
}

export const inUse = (database: string, holder: Backend): CsmError =>
  unavailable(`the database ${database} is in use by ${holder.words}`);

export const deposed = (term: number, found: number): CsmError =>
  unavailable(`another master has begun term ${found}; what this one does under term ${term} counts no more`);

const unavailable = (detail: string): CsmError =>
  new CsmError(
    problem(code.DATABASE_UNAVAILABLE, detail, {
      field: 'database',
      allowed: 'one leading master a database; stop the other, or name another database',
    }),
  );
