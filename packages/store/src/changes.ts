/** Reading and pruning the `change` table, over the store's own query and call. */
import { CsmError, code, fail, problem } from '@csm/model';
import { OLDEST } from './change-table.ts';
import type { StoredChange } from './core.ts';
import type { SqlValue } from './module.ts';
import type { PruneSlice } from './prune.ts';
import type { ChangeFilter, ChangeRow, PruneRule, Store } from './store.ts';

export const SINCE_MAX = 10_000;
const FILTER_MAX = 100;

type Query = Store['query'];
type Call = Store['call'];

export interface Window {
  readonly after: number;
  /** Rows above this are left for later; undefined: no upper end. */
  readonly upTo?: number;
  readonly limit: number;
  readonly filter?: ChangeFilter | undefined;
}

/** Throws code 9 for a filter that names nothing, or too much. */
export function checkFilter(filter: ChangeFilter | undefined): void {
  for (const field of ['kinds', 'subjects'] as const) {
    const count = filter?.[field]?.length;
    if (count === undefined || (count > 0 && count <= FILTER_MAX)) continue;
    fail(code.INVALID_PARAMETER, `the filter names ${count} ${field}`, { field, allowed: `1 to ${FILTER_MAX}` });
  }
}

/** Changes in a window of seq, in order. Pruned rows are simply not there. */
export async function readChanges(query: Query, { after, upTo, limit, filter }: Window): Promise<ChangeRow[]> {
  const params: SqlValue[] = [after];
  let where = 'seq > $1';
  if (upTo !== undefined) where += ` AND seq <= $${params.push(upTo)}`;
  checkFilter(filter);
  for (const [column, names] of [
    ['kind', filter?.kinds],
    ['subject', filter?.subjects],
  ] as const) {
    if (names === undefined) continue;
    where += ` AND ${column} IN (${names.map((name) => `$${params.push(name)}`).join(', ')})`;
  }
  const sql = `SELECT seq, time, kind, subject, body FROM change WHERE ${where} ORDER BY seq LIMIT $${params.push(limit)}`;
  const rows = await query<StoredChange>(sql, params, { limit });
  return rows.map((row) => ({ ...row, body: JSON.parse(row.body) as unknown }));
}

export async function since(query: Query, seq: number, limit: number, filter?: ChangeFilter): Promise<ChangeRow[]> {
  if (!Number.isSafeInteger(seq) || seq < 0) {
    fail(code.INVALID_PARAMETER, `seq is ${seq}`, { field: 'seq', allowed: 'an integer from 0' });
  }
  if (!Number.isSafeInteger(limit) || limit < 1 || limit > SINCE_MAX) {
    fail(code.INVALID_PARAMETER, `limit is ${limit}`, { field: 'limit', allowed: `an integer from 1 to ${SINCE_MAX}` });
  }
  const rows = await readChanges(query, { after: seq, limit, filter });
  // Asked after the rows: if pruning came in between, the answer is refused rather than short of some.
  const first = await oldest(query);
  if (first > seq + 1) throw contextLost('seq', seq, first);
  return rows;
}

/** Changes behind cursor `seq` were pruned: the oldest that is kept is `first`. */
export function contextLost(field: string, seq: number, first: number): CsmError {
  return new CsmError(
    problem(code.CONTEXT_LOST, `changes ${seq + 1} to ${first - 1} are no longer kept`, {
      field,
      allowed: `an integer from ${first - 1}; the present state must be read anew`,
      oldest: first - 1,
    }),
  );
}

export async function head(query: Query): Promise<number> {
  const [row] = await query<{ head: number }>('SELECT coalesce(max(seq), 0) AS head FROM change');
  return row?.head ?? 0;
}

export async function oldest(query: Query): Promise<number> {
  const [row] = await query<{ oldest: number }>(OLDEST);
  return row?.oldest ?? 0;
}

/** Slice after slice; each is a call of its own, so that others run in between. */
export async function prune(call: Call, rule: PruneRule): Promise<number> {
  for (const field of ['olderThan', 'keepRows', 'hardRows', 'hardOlderThan'] as const) {
    const value = rule[field];
    if (value !== undefined && (!Number.isSafeInteger(value) || value < 0)) {
      fail(code.INVALID_PARAMETER, `${field} is ${value}`, { field, allowed: 'an integer from 0' });
    }
  }
  const input: PruneSlice = rule;
  let deleted = 0;
  for (;;) {
    const slice = await call<{ deleted: number; more: boolean }>('store.pruneChanges', input);
    deleted += slice.deleted;
    if (!slice.more) return deleted;
  }
}
