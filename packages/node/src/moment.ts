import { code, fail } from '@csm/model';

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601 as milliseconds; without a zone it is UTC, as all times are that we tell. Code 9 names the field. */
export function momentOf(text: string, field: string): number {
  const [, day = '', zone] = MOMENT.exec(text) ?? [];
  const ms = isDay(day) ? Date.parse(text.includes('T') && zone === undefined ? `${text}Z` : text) : Number.NaN;
  return Number.isNaN(ms)
    ? fail(code.INVALID_PARAMETER, `${field} is '${text}'`, {
        field,
        allowed: 'a time such as 2026-01-31T08:00:00Z or 2026-01-31',
      })
    : ms;
}

/** Date.parse takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
