import { code, fail, type Wall, wall } from '@csm/model';

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/** ISO 8601; without a zone it is UTC, as all times are that we tell. Code 9 names the field. */
export function momentOf(text: string, field: string): Wall {
  const [, day = '', zone] = MOMENT.exec(text) ?? [];
  const ms = isDay(day) ? Date.parse(text.includes('T') && zone === undefined ? `${text}Z` : text) : Number.NaN;
  if (ms >= 0) return wall(ms);
  return fail(code.INVALID_PARAMETER, `${field} is '${text.slice(0, 80)}'`, {
    field,
    allowed: 'a time since 1970 such as 2026-01-31T08:00:00Z or 2026-01-31',
  });
}

/** Date.parse takes 30 February for 2 March. */
function isDay(day: string): boolean {
  const ms = Date.parse(day);
  return !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(day);
}
