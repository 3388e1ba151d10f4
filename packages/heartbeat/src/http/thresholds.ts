/** The body of PUT /thresholds. Pure. */
import { code, fail } from '@csm/model';
import { parseJson } from '../json.ts';
import { ERRTIME_MAX, WARNTIME_MIN } from '../params/rules.ts';
import type { Limits, Thresholds } from '../types.ts';
import { foldComponents, typeNamed, xnameSet } from '../xname/index.ts';

/** Special pairs there may be: a component is looked for in the groups one by one. */
export const SPECIAL_MAX = 100;
const GROUP = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
const FIELDS = ['Type', 'Group', 'Components', 'Warntime', 'Errtime'];

type Special = Thresholds['special'][number];
type Fields = Readonly<Record<string, unknown>>;

const refuse = (detail: string, field: string, allowed: string): never =>
  fail(code.INVALID_PARAMETER, detail, { field, allowed });

/** Throws code 9 with the place of the first fault. */
export function readThresholds(text: string, global: Limits): Thresholds['special'] {
  let body: unknown;
  try {
    body = parseJson(text);
  } catch {
    return refuse('the body is not JSON', '', '{"Special":[…]}');
  }
  if (!isFields(body)) return refuse('the body is no object', '', '{"Special":[…]}');
  for (const [name, ms] of [
    ['Warntime', global.warnMs],
    ['Errtime', global.errMs],
  ] as const) {
    const value = body[name];
    if (value !== undefined && value !== ms / 1000)
      refuse(`${name} is ${JSON.stringify(value)}, and is not set here`, name, `${ms / 1000}; or PATCH /hmi/v1/params`);
  }
  const unknown = Object.keys(body).find((name) => !['Warntime', 'Errtime', 'Special'].includes(name));
  if (unknown !== undefined) refuse(`'${unknown}' is no field`, unknown, 'Special');
  const { Special } = body as { readonly Special?: unknown };
  if (!Array.isArray(Special)) return refuse('Special is missing or no list', 'Special', 'a list');
  if (Special.length > SPECIAL_MAX)
    refuse(`Special has ${Special.length} entries`, 'Special', `at most ${SPECIAL_MAX}`);
  const special = Special.map((entry: unknown, index) => readOne(entry, `Special[${index}]`));
  const seen = new Set<string>();
  for (const one of special) {
    const key = 'type' in one ? `Type ${one.type}` : `Group ${one.group}`;
    if (seen.has(key)) refuse(`${key} stands twice`, 'Special', 'each type and each group once');
    seen.add(key);
  }
  return special;
}

function readOne(entry: unknown, at: string): Special {
  if (!isFields(entry)) return refuse(`${at} is no object`, at, 'an object');
  const unknown = Object.keys(entry).find((name) => !FIELDS.includes(name));
  if (unknown !== undefined) refuse(`${at} has a field '${unknown}'`, `${at}.${unknown}`, FIELDS.join(', '));
  const { Type, Group, Components } = entry as { readonly [name in 'Type' | 'Group' | 'Components']?: unknown };
  const limits = readLimits(entry, at);
  if ((Type === undefined) === (Group === undefined))
    return refuse(`${at} is for no type and no group, or for both`, at, 'Type, or Group with Components');
  if (Type !== undefined) {
    if (Components !== undefined) refuse(`${at} has Components and a Type`, `${at}.Components`, 'with Group only');
    const type = typeof Type === 'string' ? typeNamed(Type) : undefined;
    if (type === undefined)
      return refuse(
        `${at}.Type is ${JSON.stringify(Type)}`,
        `${at}.Type`,
        'a type of components such as Node or NodeBMC',
      );
    return { type, ...limits };
  }
  if (typeof Group !== 'string' || !GROUP.test(Group))
    return refuse(`${at}.Group is ${JSON.stringify(Group)}`, `${at}.Group`, 'a word of at most 64 letters and digits');
  if (typeof Components !== 'string')
    return refuse(`${at}.Components is missing or no text`, `${at}.Components`, 'a set such as x3c[0-7]s[0-7]b0n0');
  const set = xnameSet(Components, `${at}.Components`);
  if (set.size === 0) refuse(`${at}.Components is empty`, `${at}.Components`, 'at least one component');
  return { group: Group, components: foldComponents(set.names()), ...limits };
}

function readLimits(entry: Fields, at: string): Limits {
  const read = (name: string): number => {
    const value = entry[name];
    if (typeof value === 'number' && value >= WARNTIME_MIN && value <= ERRTIME_MAX) return Math.round(value * 1000);
    const allowed = `seconds, ${WARNTIME_MIN} to ${ERRTIME_MAX}`;
    return refuse(`${at}.${name} is ${JSON.stringify(value) ?? 'missing'}`, `${at}.${name}`, allowed);
  };
  const limits = { warnMs: read('Warntime'), errMs: read('Errtime') };
  if (limits.errMs <= limits.warnMs) {
    const what = `${at}.Errtime is ${limits.errMs / 1000}, which is not above Warntime ${limits.warnMs / 1000}`;
    refuse(what, `${at}.Errtime`, `more than ${limits.warnMs / 1000}`);
  }
  return limits;
}

const isFields = (value: unknown): value is Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
