/**
 * Calls under a key: however often one is made within 24 h, what it changes is changed once. Key and answer are kept in
 * the transaction of the change itself, so that after a crash, and under another master, both are there or neither.
 * A call that was refused has changed nothing and keeps no key: it may be made again, and may then be granted.
 */
import { code, fail } from '@csm/model';
import type { AnyProcedure, Procedure, Sql, Tx } from './module.ts';

/** Whose key, which key, and a digest of all that tells this call from others. */
export interface OnceKey {
  /** 1 to 256 characters. */
  readonly owner: string;
  /** 1 to 128 characters. */
  readonly key: string;
  /** 1 to 128 characters. */
  readonly hash: string;
}

export interface OnceInput extends OnceKey {
  /** `module.procedure` */
  readonly procedure: string;
  readonly input: unknown;
}

/** A key is kept for so long, ms. */
export const ONCE_KEEP_MS = 24 * 3_600_000;
/** Characters of an answer, as JSON. A call with a longer one is refused, and nothing is changed. */
export const ONCE_ANSWER_MAX = 1024 * 1024;
/** Keys kept at most; the oldest go first. */
export const ONCE_KEPT = 200_000;
/** Old keys removed with each new one: the table shrinks faster than it grows, and nobody waits for it. */
const REMOVED_EACH = 8;

export const CALL_KEY: Sql = {
  sqlite: `
    CREATE TABLE call_key (
      id INTEGER PRIMARY KEY, time INTEGER NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL,
      hash TEXT NOT NULL, procedure TEXT NOT NULL, answer TEXT NOT NULL, UNIQUE (owner, key)
    ) STRICT;`,
  postgresql: `
    CREATE TABLE call_key (
      id BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time BIGINT NOT NULL, owner TEXT NOT NULL, key TEXT NOT NULL,
      hash TEXT NOT NULL, procedure TEXT NOT NULL, answer TEXT NOT NULL, UNIQUE (owner, key)
    );`,
};

interface Kept {
  readonly id: number;
  readonly time: number;
  readonly hash: string;
  readonly procedure: string;
  readonly answer: string;
}

/** The procedure `store.once`, over the procedures of all modules. */
export function once(procedures: ReadonlyMap<string, AnyProcedure>): Procedure<OnceInput, unknown> {
  return async (tx, { owner, key, hash, procedure: name, input }) => {
    const known = await tx.get<Kept>(
      'SELECT id, time, hash, procedure, answer FROM call_key WHERE owner = $1 AND key = $2',
      [owner, key],
    );
    if (known !== undefined && known.time > tx.now - ONCE_KEEP_MS) {
      if (known.hash === hash && known.procedure === name) return JSON.parse(known.answer) as unknown;
      fail(code.INVALID_PARAMETER, 'this Idempotency-Key was used within the last 24 h for another call', {
        field: 'Idempotency-Key',
        allowed: 'a new key for a new call',
      });
    }
    const procedure = procedures.get(name);
    if (procedure === undefined) return fail(code.UNKNOWN_COMMAND, `there is no procedure ${name}`);
    if (known !== undefined) await tx.run('DELETE FROM call_key WHERE id = $1', [known.id]);
    const value = await procedure(tx, input as never);
    const answer = JSON.stringify(value) ?? 'null';
    if (answer.length > ONCE_ANSWER_MAX) {
      fail(code.BUFFER_OVERFLOW, `the answer would have ${answer.length} characters, too many to be kept under a key`, {
        allowed: `${ONCE_ANSWER_MAX} characters; ask for less at a time`,
      });
    }
    const newest = await tx.get<{ readonly id: number }>(
      'INSERT INTO call_key (time, owner, key, hash, procedure, answer) VALUES ($1, $2, $3, $4, $5, $6) RETURNING id',
      [tx.now, owner, key, hash, name, answer],
    );
    await removeOld(tx, newest?.id ?? 0);
    return value;
  };
}

/** Ids rise with time. */
async function removeOld(tx: Tx, newest: number): Promise<void> {
  await tx.run(
    `DELETE FROM call_key WHERE id IN (SELECT id FROM call_key ORDER BY id LIMIT ${REMOVED_EACH})
       AND (time <= $1 OR id <= $2)`,
    [tx.now - ONCE_KEEP_MS, newest - ONCE_KEPT],
  );
}
