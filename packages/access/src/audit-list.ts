/** Reads the audit record. */
import type { CallContext } from '@csm/api';
import { code, fail, isObject } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { SqlValue, Store } from '@csm/store';
import { AUDIT_LIMIT, type AuditRecord } from './api.ts';

/** Rows read at a time, and in all, when they are looked through for nodes. */
const PAGE = 500;
export const LOOKED_MAX = 100_000;

export interface ListInput {
  readonly user?: string;
  readonly call?: string;
  readonly since?: string;
  readonly until?: string;
  readonly nodes?: string;
  readonly before?: number;
  readonly limit?: number;
}

interface Row {
  readonly seq: number;
  readonly time: number;
  readonly user_name: string;
  readonly uid: number | null;
  readonly vouched_by: string;
  readonly via: AuditRecord['via'];
  readonly token: string | null;
  readonly call: string;
  readonly input: string | null;
  readonly term: number | null;
  readonly code: number | null;
  readonly detail: string | null;
  readonly ms: number | null;
  readonly times: number;
  readonly trace: string | null;
}

/** Newest first. */
export async function listAudit(
  store: Pick<Store, 'query' | 'term'>,
  input: ListInput,
  signal: CallContext['signal'],
): Promise<readonly AuditRecord[]> {
  const { limit = AUDIT_LIMIT } = input;
  const wanted = input.nodes === undefined ? undefined : NodeSet.parse(input.nodes);
  const filter = filterOf(input);
  const found: AuditRecord[] = [];
  let before = input.before ?? Number.MAX_SAFE_INTEGER;
  for (let looked = 0; found.length < limit && looked < LOOKED_MAX && !signal.aborted; ) {
    const page = wanted === undefined ? limit - found.length : PAGE;
    const rows = await pageOf(store, filter, before, page);
    for (const row of rows) {
      if (found.length < limit && (wanted === undefined || names(row, wanted))) found.push(recordOf(row, store.term));
    }
    looked += rows.length;
    before = rows.at(-1)?.seq ?? 0;
    if (rows.length < page) break;
  }
  return found;
}

interface Filter {
  readonly where: readonly string[];
  readonly values: readonly SqlValue[];
}

function filterOf({ user, call, since, until }: ListInput): Filter {
  const terms: [sql: string, value: SqlValue | undefined][] = [
    ['user_name =', user],
    ['call =', call],
    ['time >=', since === undefined ? undefined : momentOf(since, 'since')],
    ['time <', until === undefined ? undefined : momentOf(until, 'until')],
  ];
  const given = terms.filter((term): term is [string, SqlValue] => term[1] !== undefined);
  return { where: given.map(([sql], i) => `${sql} $${i + 3}`), values: given.map(([, value]) => value) };
}

async function pageOf(store: Pick<Store, 'query'>, { where, values }: Filter, before: number, rows: number) {
  const sql = `SELECT * FROM audit WHERE ${['seq < $1', ...where].join(' AND ')} ORDER BY seq DESC LIMIT $2`;
  return store.query<Row>(sql, [before, rows, ...values]);
}

/** Whether the input names one of the nodes. */
function names({ input }: Row, wanted: NodeSet): boolean {
  const given: unknown = input === null ? null : JSON.parse(input);
  if (!isObject(given)) return false;
  return ['nodes', 'name', 'node'].some((field) => {
    const text = given[field];
    const set = typeof text === 'string' ? NodeSet.tryParse(text) : undefined;
    return set?.ok === true && set.value.intersection(wanted).size > 0;
  });
}

function recordOf(row: Row, term: number): AuditRecord {
  return {
    seq: row.seq,
    time: new Date(row.time).toISOString(),
    user: row.user_name,
    uid: row.uid,
    vouched_by: row.vouched_by,
    via: row.via,
    token: row.token,
    call: row.call,
    input: row.input === null ? null : (JSON.parse(row.input) as unknown),
    outcome: outcomeOf(row, term),
    code: row.code,
    detail: row.detail,
    ms: row.ms,
    times: row.times,
    trace: row.trace,
  };
}

/** What was begun under an earlier term and has not ended never will: that master died. */
function outcomeOf(row: Row, term: number): AuditRecord['outcome'] {
  if (row.code === null) return row.term === term ? 'under way' : 'unknown';
  if (row.term === null || row.code === code.PERMISSION) return 'refused';
  return row.code === 0 ? 'ok' : 'failed';
}

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601 as milliseconds; without a zone it is UTC, as all times are that we tell. */
function momentOf(text: string, field: string): number {
  const match = MOMENT.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(text.includes('T') && match[1] === undefined ? `${text}Z` : text);
  if (!Number.isNaN(ms)) return ms;
  return fail(code.INVALID_PARAMETER, `${field} is '${text}'`, {
    field,
    allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
  });
}
