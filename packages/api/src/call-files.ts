/**
 * The two files of IBM CSM about calls: who may make which (`csm_api.acl`), and how long each may take
 * (`csm_api.cfg`). Here is what their values mean; whoever reads the file brings them as JSON.
 */
import { isObject, nearest } from '@csm/model';
import { callsNamed } from './csm-names.ts';
import { type Access, MINIMUM_TIMEOUT_SECONDS, NOBODY_ID } from './row.ts';
import type { ApiTable } from './table.ts';

/** One thing that is wrong in a file. */
export interface FileFault {
  /** Such as `public[3]`; '' for the whole file. */
  readonly key: string;
  /** What was given, as JSON. */
  readonly value: string;
  readonly allowed: string;
  readonly hint?: string;
}

/** What a permission file says. */
export interface Acl {
  /** Names or numbers, besides root. */
  readonly users: readonly string[];
  readonly groups: readonly string[];
  /** By the name of our call; what is not in it is privileged. */
  readonly classes: ReadonlyMap<string, Access>;
}

const LISTS = ['private', 'public', 'privileged'] as const;
const WHO = ['privileged_user_id', 'privileged_group_id'] as const;
const KEYS: readonly string[] = [...WHO, ...LISTS];
const NAMES_MAX = 10_000;
/** A day, the longest time of any call. */
const SECONDS_MAX = 86_400;

const shown = (value: unknown): string => {
  const text = JSON.stringify(value) ?? typeof value;
  return text.length <= 80 ? text : `${text.slice(0, 80)}…`;
};
const isOff = (name: string): boolean => name.includes('#');

/**
 * Reads a permission file. Keys that begin with `#` and entries with a `#` are skipped, names are ours or CSM's in any
 * case. With a fault the rest is read all the same, so that all are told at once; its result must not be used.
 */
export function readAcl(value: unknown, table: ApiTable): { readonly acl: Acl; readonly faults: readonly FileFault[] } {
  const faults: FileFault[] = [];
  const acl = { users: [] as string[], groups: [] as string[], classes: new Map<string, Access>() };
  if (!isObject(value)) {
    faults.push({ key: '', value: shown(value), allowed: `an object of ${KEYS.join(', ')}` });
    return { acl, faults };
  }
  refuseUnknownKeys(value, faults);
  acl.users = names(value, 'privileged_user_id', 'the name or number of a user', faults).map(({ name }) => name);
  acl.groups = names(value, 'privileged_group_id', 'the name or number of a group', faults).map(({ name }) => name);
  const places = new Map<string, { readonly access: Access; readonly at: string }>();
  for (const access of LISTS) {
    for (const { name, at } of names(value, access, 'the name of a call', faults)) {
      const found = callsNamed(name, table);
      if ('near' in found) {
        faults.push(unknownCall(at, name, found.near));
        continue;
      }
      // A call that is not built yet has no row; its own name keeps it from standing in two lists.
      const targets = found.rows.length === 0 ? [found.key] : found.rows.map((row) => row.name);
      for (const target of targets) {
        const other = places.get(target);
        if (other !== undefined && other.access !== access) {
          const what = target === name ? 'it' : `it means ${target}, which`;
          faults.push({
            key: at,
            value: shown(name),
            allowed: 'each call in one list',
            hint: `${what} stands in ${other.at} too`,
          });
          continue;
        }
        places.set(target, { access, at });
      }
      for (const row of found.rows) {
        if (access === 'private' && row.owned !== true) faults.push(ownsNothing(at, name, row.name, table));
        acl.classes.set(row.name, access);
      }
    }
  }
  return { acl, faults };
}

function refuseUnknownKeys(value: object, faults: FileFault[]): void {
  for (const [key, given] of Object.entries(value)) {
    if (key.startsWith('#') || KEYS.includes(key)) continue;
    const near = nearest(key, KEYS);
    const hint = near === undefined ? 'unknown key' : `unknown key; did you mean ${near}?`;
    faults.push({ key, value: shown(given), allowed: `one of ${KEYS.join(', ')}`, hint });
  }
}

interface Entry {
  readonly name: string;
  readonly at: string;
}

/** A text or a list of texts; a number is a text too where users and groups are named. */
function names(value: { readonly [key: string]: unknown }, key: string, what: string, faults: FileFault[]): Entry[] {
  const given = Object.hasOwn(value, key) ? value[key] : [];
  const takesNumbers = (WHO as readonly string[]).includes(key);
  const allowed = `${what}${takesNumbers ? ' (a whole number from 0)' : ''}, or a list of at most ${NAMES_MAX} such`;
  if (Array.isArray(given) && given.length > NAMES_MAX) {
    faults.push({ key, value: `a list of ${given.length}`, allowed });
    return [];
  }
  const list: readonly (readonly [unknown, string])[] = Array.isArray(given)
    ? given.map((one, i) => [one, `${key}[${i}]`])
    : [[given, key]];
  return list.flatMap(([one, at]): Entry[] => {
    const name = takesNumbers && Number.isSafeInteger(one) && (one as number) >= 0 ? String(one) : one;
    if (typeof name !== 'string' || name === '' || name.length > 256) {
      faults.push({ key: at, value: shown(one), allowed });
      return [];
    }
    if (takesNumbers && (name === String(NOBODY_ID) || name !== name.trim())) {
      const hint = name === name.trim() ? 'everybody who is unknown at a daemon has this number' : 'there are spaces';
      faults.push({ key: at, value: shown(one), allowed, hint });
      return [];
    }
    return isOff(name) ? [] : [{ name, at }];
  });
}

function unknownCall(key: string, name: string, near: string | undefined): FileFault {
  const hint = near === undefined ? undefined : `did you mean ${near}?`;
  const allowed = 'the name of a call (GET /csm/v1/ lists them) or one of IBM CSM';
  return { key, value: shown(name), allowed, ...(hint === undefined ? {} : { hint }) };
}

function ownsNothing(key: string, name: string, row: string, table: ApiTable): FileFault {
  const owned = table.offered.filter((one) => one.owned === true).map((one) => one.name);
  const allowed = `a call that checks who owns what it names: ${owned.length === 0 ? 'there is none' : owned.join(', ')}`;
  return { key, value: shown(name), allowed, hint: `${row} asks for no owner; make it public or privileged` };
}

/**
 * Reads a time-out file: from names of calls to seconds. What is not in it keeps the time of the table. As with
 * `readAcl`, a result with faults must not be used.
 */
export function readTimeouts(
  value: unknown,
  table: ApiTable,
): { readonly seconds: ReadonlyMap<string, number>; readonly faults: readonly FileFault[] } {
  const faults: FileFault[] = [];
  const seconds = new Map<string, number>();
  if (!isObject(value)) {
    faults.push({ key: '', value: shown(value), allowed: 'an object from names of calls to seconds' });
    return { seconds, faults };
  }
  const from = new Map<string, string>();
  for (const [key, given] of Object.entries(value)) {
    if (isOff(key)) continue;
    const found = callsNamed(key, table);
    if ('near' in found) {
      faults.push(unknownCall(key, key, found.near));
      continue;
    }
    const n = typeof given === 'string' && /^\d{1,6}$/.test(given) ? Number(given) : given;
    if (!Number.isInteger(n) || (n as number) < MINIMUM_TIMEOUT_SECONDS || (n as number) > SECONDS_MAX) {
      const allowed = `whole seconds from ${MINIMUM_TIMEOUT_SECONDS} to ${SECONDS_MAX}`;
      faults.push({ key, value: shown(given), allowed });
      continue;
    }
    for (const row of found.rows) {
      const other = seconds.get(row.name);
      if (other !== undefined && other !== n) {
        const hint = `it means ${row.name}, which ${from.get(row.name) ?? ''} gives ${other}`;
        faults.push({ key, value: shown(given), allowed: 'one time for each call', hint });
        continue;
      }
      seconds.set(row.name, n as number);
      from.set(row.name, key);
    }
  }
  return { seconds, faults };
}
