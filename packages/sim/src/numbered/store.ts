/**
 * The table of numbered reports. Nothing in it is unique, so that a report stored twice shows; rows stand in the order
 * of arrival, in PostgreSQL by a column of their own (it puts new rows where the dead ones of a lost transaction were). A body is `{n, pad}`; a negative number is refused, which sets its report aside as rejected.
 */
import { code, fail, isObject } from '@csm/model';
import type { Migration, ReportApplier, ReportItem } from '@csm/store';

export const name = 'numbered';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'numbered reports',
    sql: {
      sqlite: `CREATE TABLE numbered (
        daemon TEXT NOT NULL, incarnation TEXT NOT NULL, seq INTEGER NOT NULL, urgent INTEGER NOT NULL,
        n INTEGER NOT NULL, pad TEXT NOT NULL) STRICT`,
      postgresql: `CREATE TABLE numbered (
        daemon TEXT NOT NULL, incarnation TEXT NOT NULL, seq BIGINT NOT NULL, urgent BIGINT NOT NULL,
        n BIGINT NOT NULL, pad TEXT NOT NULL, place BIGINT GENERATED ALWAYS AS IDENTITY)`,
    },
  },
];

export const procedures = {};

const COLUMNS = ['daemon', 'incarnation', 'seq', 'urgent', 'n', 'pad'];

const store =
  (urgent: 0 | 1): ReportApplier =>
  async (tx, items) => {
    await tx.insert(
      'numbered',
      COLUMNS,
      items.map(({ daemon, incarnation, seq, body }) => [daemon, incarnation, seq, urgent, ...contents(body)]),
    );
  };

function contents(body: ReportItem['body']): [number, string] {
  const { n, pad } = isObject(body) ? body : {};
  if (typeof n !== 'number' || !Number.isSafeInteger(n) || n < 1 || typeof pad !== 'string')
    return fail(code.INVALID_PARAMETER, `n is ${String(n)}`, {
      field: 'n',
      allowed: 'a whole number from 1, and a pad',
    });
  return [n, pad];
}

export const reports: Readonly<Record<string, ReportApplier>> = { 'sim.numbered': store(0), 'sim.urgent': store(1) };
