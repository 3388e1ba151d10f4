/**
 * What PostgreSQL's errors mean here (SQLSTATE, appendix A of its manual). Code 24: the database cannot work now, and
 * the same call may succeed later. Code 5: the time given was up. Anything else is code 25: the statement was refused.
 */
import { CsmError, code, problem } from '@csm/model';
import { DatabaseError } from 'pg';

/** Whole classes, by the first two characters. */
const UNAVAILABLE_CLASSES: Readonly<Record<string, string>> = {
  '08': 'the connection to the database failed',
  '28': 'the database does not let us in',
  '40': 'the database gave up a transaction for another one',
  '53': 'the database has run out of something',
  '57': 'the database is being stopped or started',
  '58': 'the disk of the database failed',
};

const UNAVAILABLE: Readonly<Record<string, string>> = {
  '25006': 'the database may not be written',
  '25P03': 'the database ended a transaction that took too long',
  '25P04': 'the database ended a transaction that took too long',
  '3D000': 'there is no such database',
  // Rights are set for all rows alike: to hold it against a report would lose good ones.
  '42501': 'the database user may not do this',
  '53100': 'the disk of the database is full',
  '53200': 'no memory is left at the database',
  '53300': 'the database has too many connections',
  '55P03': 'another program holds a lock in the database',
  '57P01': 'the database was stopped or has ended the connection',
  '57P02': 'the database has crashed and is starting again',
  '57P03': 'the database is starting or stopping',
  '57P04': 'the database was dropped',
  XX001: 'data in the database is damaged',
  XX002: 'an index of the database is damaged',
};

const CANCELED = '57014';
const FULL = '53100';
const READ_ONLY = '25006';

/** Any exception of the driver in our words. */
export function asError(thrown: unknown, doing: string): CsmError {
  if (thrown instanceof CsmError) return thrown;
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const state = stateOf(thrown);
  if (state === undefined) {
    // Not from the server: the socket, the handshake, or the driver found the connection unusable.
    const detail = `the connection to the database failed: ${nodeCode(thrown)}${message}, at: ${doing}`;
    return new CsmError(problem(code.DATABASE_UNAVAILABLE, detail), { cause: thrown });
  }
  if (state === CANCELED) {
    return new CsmError(problem(code.TIMEOUT, `the database stopped a statement: ${message}, at: ${doing}`), {
      cause: thrown,
    });
  }
  const words = UNAVAILABLE[state] ?? UNAVAILABLE_CLASSES[state.slice(0, 2)];
  return words === undefined
    ? new CsmError(problem(code.DATABASE, `${message}, at: ${doing}`), { cause: thrown })
    : new CsmError(problem(code.DATABASE_UNAVAILABLE, `${words} (${state}: ${message}), at: ${doing}`), {
        cause: thrown,
      });
}

/** The same as the reason why nothing can be done at present: code 24, whatever it was. */
export function asAway(thrown: unknown, doing: string): CsmError {
  const error = asError(thrown, doing);
  if (error.code === code.DATABASE_UNAVAILABLE) return error;
  return new CsmError({ ...error.problem, code: code.DATABASE_UNAVAILABLE }, { cause: error.cause });
}

/** The server's five characters; undefined for an error that is none of the server's. */
export const stateOf = (thrown: unknown): string | undefined =>
  thrown instanceof DatabaseError && typeof thrown.code === 'string' ? thrown.code : undefined;

/** Whether the server ended the session with it, rather than the statement. */
export const isFatal = (thrown: unknown): boolean =>
  thrown instanceof DatabaseError && (thrown.severity === 'FATAL' || thrown.severity === 'PANIC');

/** Whether the disk is full: smaller changes may still fit. */
export const isFull = (error: CsmError): boolean => stateOf(error.cause) === FULL;

/** Whether it was a change, and the session only reads. */
export const isReadOnly = (error: CsmError): boolean => stateOf(error.cause) === READ_ONLY;

/** `ECONNREFUSED ` and the like, where the message does not say it already. */
function nodeCode(thrown: unknown): string {
  const given = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : '';
  return given === '' || (thrown as Error).message.includes(given) ? '' : `${given} `;
}
