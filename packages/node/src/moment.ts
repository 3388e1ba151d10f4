import { code, fail } from '@csm/model';

const MOMENT = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601 as milliseconds; without a zone it is UTC, as all times are that we tell. Code 9 names the field. */
export function momentOf(text: string, field: string): number {
  const match = MOMENT.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(text.includes('T') && match[1] === undefined ? `${text}Z` : text);
  return Number.isNaN(ms)
    ? fail(code.INVALID_PARAMETER, `${field} is '${text}'`, {
        field,
        allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
      })
    : ms;
}
