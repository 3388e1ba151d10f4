/** Moments and steps as a person writes them. */
import { code, fail } from '@csm/model';
import { printable } from './text.ts';

const UNITS: { readonly [unit: string]: number } = {
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
  w: 7 * 86_400_000,
};

export const MOMENT_RULE =
  "ISO 8601 such as 2026-10-17T10:00:00Z (UTC where it names no zone), 'now', or so long ago: 10m, 2h, 1d (units s, m, h, d, w)";
export const STEP_RULE = 'a whole number and a unit: 30s, 10m, 1h, 1d (units s, m, h, d, w), of 1s to 366d';

const ISO = /^(\d{4})-(\d\d)-(\d\d)(?:[Tt ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?([Zz]|[+-]\d\d:?\d\d)?)?$/;
const STEP_MAX_S = 366 * 86_400;

/** ms UTC; `now` likewise; `allowed`: what an error says may stand there. Throws code 9 for what is no moment, or one before 1970. */
export function readMoment(text: string, field: string, now: number, allowed = MOMENT_RULE): number {
  const ms = text === 'now' ? now : (ago(text, now) ?? iso(text));
  if (ms !== undefined && ms >= 0) return ms;
  return fail(code.INVALID_PARAMETER, `'${printable(text)}' is no moment since 1970`, { field, allowed });
}

/** Whole seconds. Throws code 9. */
export function readStep(text: string, field: string): number {
  const [, count, unit = ''] = /^(\d{1,9})([smhdw])$/.exec(text) ?? [];
  const seconds = (Number(count) * (UNITS[unit] ?? Number.NaN)) / 1000;
  if (seconds >= 1 && seconds <= STEP_MAX_S) return seconds;
  return fail(code.INVALID_PARAMETER, `'${printable(text)}' is no step`, { field, allowed: STEP_RULE });
}

function ago(text: string, now: number): number | undefined {
  const [, count, unit = ''] = /^(\d{1,9}(?:\.\d{1,3})?)([smhdw])$/.exec(text) ?? [];
  return count === undefined ? undefined : now - Math.round(Number(count) * (UNITS[unit] ?? Number.NaN));
}

/** A date that no calendar has, such as 30 February, is none. */
function iso(text: string): number | undefined {
  const found = ISO.exec(text);
  if (found === null) return undefined;
  const part = (i: number): number => Number(found[i] ?? 0);
  const [year, month, day, hour, minute, second] = [part(1), part(2), part(3), part(4), part(5), part(6)];
  const ms = Number(`0.${found[7] ?? 0}`) * 1000;
  if (hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(Date.UTC(year, month - 1, day, hour, minute, second, Math.floor(ms)));
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const offset = zone(found[8]);
  return offset === undefined ? undefined : date.getTime() - offset;
}

/** ms east of UTC. */
function zone(text: string | undefined): number | undefined {
  if (text === undefined || /^[Zz]$/.test(text)) return 0;
  const [hours, minutes] = [Number(text.slice(1, 3)), Number(text.slice(-2))];
  if (hours > 14 || minutes > 59) return undefined;
  return (text.startsWith('-') ? -1 : 1) * (hours * 60 + minutes) * 60_000;
}
