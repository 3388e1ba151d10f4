/** What a query asks for, as times: read, defaulted and widened to whole steps. */
import { code, fail, type Wall, wall } from '@csm/model';
import { HOUR_MS, TIME_MAX } from '../store/slot.ts';

/** From `since` up to but without `until`. */
export interface Range {
  readonly since: Wall;
  readonly until: Wall;
}

const FORMAT = /^(\d{4})-(\d{2})-(\d{2})(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}))?$/;

/** Throws code 9 naming the field and its text. `stepMs` 0: as sampled. */
export function readRange(
  given: { readonly since?: string | undefined; readonly until?: string | undefined },
  stepMs: number,
  now: Wall,
): Range {
  // What was stored in this millisecond counts too.
  const until = given.until === undefined ? now + 1 : moment('until', given.until);
  const since = given.since === undefined ? Math.max(0, until - HOUR_MS) : moment('since', given.since);
  if (since >= until) {
    const shown = (ms: number): string => new Date(ms).toISOString();
    fail(code.INVALID_PARAMETER, `since is ${shown(since)}, which is not before until, ${shown(until)}`, {
      field: 'since',
      allowed: `a time before ${shown(until)}`,
    });
  }
  if (stepMs === 0) return { since: wall(since), until: wall(until) };
  return { since: wall(Math.floor(since / stepMs) * stepMs), until: wall(Math.ceil(until / stepMs) * stepMs) };
}

function moment(field: string, text: string): number {
  const [, year, month, day] = FORMAT.exec(text) ?? [];
  const ms = isDate(Number(year), Number(month), Number(day)) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(ms) || ms < 0 || ms > TIME_MAX) {
    fail(code.INVALID_PARAMETER, `${field} is '${text.slice(0, 40)}', which is not a time`, {
      field,
      allowed: 'ISO 8601 with its zone, such as 2026-07-01T12:00:00Z, or a date (0 h UTC), from 1970 to 2209',
    });
  }
  return ms;
}

/** JavaScript takes 30 February for 2 March. */
function isDate(year: number, month: number, day: number): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day;
}
