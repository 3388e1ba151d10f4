/** Refusals that daemons tell of: what was turned away at their doors. */
import { code, isCode, isObject } from '@csm/model';
import type { ReportApplier } from '@csm/store';
import { FOLD_MOST } from '../fold.ts';
import { type Refused, refusals } from './audit.ts';

/** A daemon tells of a minute: what it counted, and what was new. */
const CALLS_MAX = 2 * FOLD_MOST + 56;

const textOf = (value: unknown, most: number): string | null =>
  typeof value === 'string' && value !== '' ? value.slice(0, most) : null;
const countOf = (value: unknown): number | null =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? (value as number) : null;

/** Who sent the report vouches for it, whatever stands in it. */
export const refused: ReportApplier = async (tx, items) => {
  const rows: Refused[] = [];
  for (const { daemon, body } of items) {
    if (!isObject(body) || !Array.isArray(body['calls'])) {
      throw new Error('a report of refused calls must be {calls: [...]}');
    }
    for (const call of (body['calls'] as unknown[]).slice(0, CALLS_MAX)) {
      if (!isObject(call)) throw new Error(`a refused call must be an object, not ${JSON.stringify(call)}`);
      rows.push({
        // A daemon whose clock is ahead must not make a row that never ages.
        time: Math.min(countOf(call['at']) ?? tx.now, tx.now),
        user: textOf(call['user'], 256) ?? '',
        uid: countOf(call['uid']),
        vouchedBy: daemon,
        via: textOf(call['via'], 16),
        token: textOf(call['token'], 64),
        call: textOf(call['call'], 128) ?? '',
        input: null,
        code: isCode(call['code']) ? call['code'] : code.PERMISSION,
        detail: textOf(call['detail'], 1024) ?? '',
        times: Math.max(1, countOf(call['times']) ?? 1),
        trace: null,
      });
    }
  }
  await refusals(tx, { calls: rows });
};
