/** Procedures of the audit record. A row is written before the call begins, and gets its outcome when it has ended. */
import { inSlice, type Tx } from '@csm/store';
import type { Folded } from '../fold.ts';

/** Rows kept at most. */
export const ROWS_MAX = 2_000_000;
const DETAIL_MAX = 1024;

export interface Begun {
  readonly user: string;
  readonly uid: number;
  readonly vouchedBy: string;
  readonly via: string;
  readonly token: string | null;
  readonly call: string;
  /** JSON. */
  readonly input: string;
  /** Of the master that has it carried out: one of an earlier term died. */
  readonly term: number;
  readonly trace: string;
}

export interface Ended {
  readonly seq: number;
  readonly code: number;
  readonly detail: string | null;
  readonly ms: number;
}

/** A folded refusal; the first of a minute comes with its input. */
export type Refused = Folded & { readonly input: string | null; readonly trace: string | null };

/** No database keeps U+0000 in a text; a caller may have sent it in any. */
const plain = (text: string | null): string | null => text?.replaceAll('\0', '\uFFFD') ?? null;

const COLUMNS = [
  'time',
  'user_name',
  'uid',
  'vouched_by',
  'via',
  'token',
  'call',
  'input',
  'code',
  'detail',
  'times',
  'trace',
];

export async function begin(tx: Tx, call: Begun): Promise<{ readonly seq: number }> {
  const row = await tx.get<{ seq: number }>(
    `INSERT INTO audit (time, user_name, uid, vouched_by, via, token, call, input, term, times, trace)
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, 1, $10) RETURNING seq`,
    [
      tx.now,
      plain(call.user),
      call.uid,
      call.vouchedBy,
      call.via,
      call.token,
      call.call,
      plain(call.input),
      call.term,
      plain(call.trace),
    ],
  );
  return { seq: row?.seq ?? 0 };
}

export async function ended(tx: Tx, { calls }: { readonly calls: readonly Ended[] }): Promise<null> {
  for (const { seq, code, detail, ms } of calls) {
    const cut = detail === null ? null : plain(detail.slice(0, DETAIL_MAX));
    await tx.run('UPDATE audit SET code = $1, detail = $2, ms = $3 WHERE seq = $4', [code, cut, ms, seq]);
  }
  return null;
}

export async function refusals(tx: Tx, { calls }: { readonly calls: readonly Refused[] }): Promise<null> {
  await tx.insert('audit', COLUMNS, calls.map(rowOf));
  return null;
}

const rowOf = (r: Refused) => [
  r.time,
  plain(r.user),
  r.uid,
  r.vouchedBy,
  plain(r.via),
  plain(r.token),
  plain(r.call),
  plain(r.input),
  r.code,
  plain(r.detail.slice(0, DETAIL_MAX)),
  r.times,
  plain(r.trace),
];

interface Oldest {
  readonly seq: number;
  readonly time: number;
}

/** Removes the oldest rows, one slice; `more` tells that another has work. */
export async function prune(
  tx: Tx,
  { olderThan, rows = ROWS_MAX }: { readonly olderThan: number; readonly rows?: number },
): Promise<{ readonly deleted: number; readonly more: boolean }> {
  const head = (await tx.get<{ head: number | null }>('SELECT max(seq) AS head FROM audit'))?.head ?? 0;
  const { rows: deleted, more } = await inSlice(tx, async (most) => {
    const oldest = await tx.all<Oldest>('SELECT seq, time FROM audit ORDER BY seq LIMIT $1', [most]);
    const kept = oldest.findIndex(({ seq, time }) => time >= olderThan && seq > head - rows);
    const last = oldest[(kept === -1 ? oldest.length : kept) - 1];
    if (last === undefined) return 0;
    return (await tx.run('DELETE FROM audit WHERE seq <= $1', [last.seq])).changes;
  });
  return { deleted, more };
}
