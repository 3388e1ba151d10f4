/**
 * SQL text and values on their way to an engine. Statements are written once, with `$1`, `$2` …; SQLite's driver wants
 * `?` in the order of the text, so each text is translated once and the result kept with the prepared statement.
 */
import { code, fail } from '@csm/model';
import type { Sql, SqlValue } from './module.ts';

export type Dialect = 'sqlite' | 'postgresql';

/** The text of a statement for one of the databases. */
export const textFor = (sql: Sql, dialect: Dialect): string => (typeof sql === 'string' ? sql : sql[dialect]);

export interface Translated {
  /** The text with `?` for each placeholder. */
  readonly text: string;
  /** For each `?` the index of its value; undefined when that is simply 0, 1, 2 … */
  readonly order: readonly number[] | undefined;
  /** How many values the statement takes. */
  readonly count: number;
  /** The first word, in capitals. */
  readonly verb: string;
}

// Strings, quoted names and comments are passed over; then come our placeholders and those we do not accept.
const TOKEN = /'(?:[^']|'')*'|"(?:[^"]|"")*"|--[^\n]*|\/\*[\s\S]*?\*\/|\$(\d+)|([?:@$])|\bOR\s+ROLLBACK\b|\w+/gi;

/** Words that would take the transaction out of the store's hands, or change the connection. */
const NOT_OURS = new Set(
  (
    'BEGIN COMMIT END ROLLBACK SAVEPOINT RELEASE START ABORT PRAGMA ATTACH DETACH VACUUM SET RESET LOCK ' +
    'PREPARE EXECUTE DEALLOCATE DISCARD LISTEN UNLISTEN NOTIFY COPY DECLARE FETCH MOVE CLOSE DO CALL LOAD'
  ).split(' '),
);

/**
 * Translates a statement. Throws code 9 for a placeholder that is not `$n`, a missing number, or a forbidden verb. The
 * PostgreSQL half of a pair is not `common`: there `::`, `?` and `@` are operators.
 */
export function translate(sql: string, common = true): Translated {
  const refuse = (what: string, allowed: string): never =>
    fail(code.INVALID_PARAMETER, `${what} in the statement: ${excerpt(sql)}`, { field: 'sql', allowed });
  const order: number[] = [];
  let verb = '';
  const text = sql.replace(TOKEN, (token: string, digits: string | undefined, foreign: string | undefined) => {
    if (digits !== undefined) {
      if (digits === '0' || digits.length > 4) refuse(`placeholder ${token}`, '$1 to $9999');
      order.push(Number(digits) - 1);
      return '?';
    }
    if (foreign === '$' || (foreign !== undefined && common))
      refuse(`the character ${foreign}`, 'placeholders $1, $2 and so on');
    if (/^or\s+rollback$/i.test(token)) refuse(token, 'OR IGNORE, OR REPLACE or ON CONFLICT');
    if (verb === '' && /^\w/.test(token)) verb = token.toUpperCase();
    return token;
  });
  if (verb === '') refuse('nothing to do', 'one SQL statement');
  if (NOT_OURS.has(verb)) refuse(verb, 'statements on data; the store itself begins and ends transactions');
  const count = order.reduce((most, n) => Math.max(most, n + 1), 0);
  const used = new Set(order);
  for (let n = 0; n < count; n++) {
    if (!used.has(n)) refuse(`no placeholder $${n + 1} but $${count}`, 'numbers without a gap');
  }
  return { text, order: order.every((n, i) => n === i) ? undefined : order, count, verb };
}

/** The values in the order of SQLite's text. Throws code 9 naming the value. */
export function bind(statement: Translated, params: readonly SqlValue[], sql: string): SqlValue[] {
  const values = checkValues(statement, params, sql);
  return statement.order === undefined ? values : statement.order.map((n) => values[n] ?? null);
}

/**
 * The values as `$1`, `$2` …, checked. Integers become bigints: SQLite's driver would bind every JavaScript number as
 * a floating one, and PostgreSQL is told the type of each. Throws code 9 naming the value.
 */
export function checkValues(statement: Translated, params: readonly SqlValue[], sql: string): SqlValue[] {
  if (params.length !== statement.count) {
    fail(code.INVALID_PARAMETER, `${params.length} values were given to the statement: ${excerpt(sql)}`, {
      field: 'params',
      allowed: `${statement.count} values`,
    });
  }
  return params.map(sqlValue);
}

/** One value, checked. Throws code 9 naming it by its index. */
export function sqlValue(value: unknown, index: number): SqlValue {
  if (value === null) return value;
  if (typeof value === 'string') {
    // PostgreSQL has no such character in a text; what one database cannot keep is not given to the other either.
    if (!value.includes('\0')) return value;
    return fail(code.INVALID_PARAMETER, `value $${index + 1} has the character U+0000 at ${value.indexOf('\0')}`, {
      field: `params[${index}]`,
      allowed: 'text without U+0000',
    });
  }
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return BigInt(value);
    if (Number.isFinite(value) && !Number.isInteger(value)) return value;
  } else if (typeof value === 'bigint') {
    if (value >= -MAX && value <= MAX) return value;
  } else if (value instanceof Uint8Array) {
    return value as Buffer;
  }
  return fail(code.INVALID_PARAMETER, `value $${index + 1} is ${shown(value)}`, {
    field: `params[${index}]`,
    allowed: 'text, a finite number within ±(2^53 - 1), null or a Buffer; 1 or 0 for true or false',
  });
}

const shown = (value: unknown): string =>
  typeof value === 'number' || typeof value === 'bigint' || typeof value === 'boolean'
    ? String(value)
    : `of type ${typeof value}`;

const MAX = BigInt(Number.MAX_SAFE_INTEGER);

/** The beginning of a statement, on one line, for an error. */
export function excerpt(sql: string): string {
  const line = sql.replace(/\s+/g, ' ').trim();
  return line.length > 120 ? `${line.slice(0, 120)}…` : line;
}
