/** How the parameters may be changed: all that is asked for, or nothing. Pure. */
import { parseJson } from '../json.ts';
import type { Params } from '../types.ts';
import { allowedWords, inOrder, PARAM_NAMES, type ParamName, RULES, readParam } from './rules.ts';

export interface ParamFault {
  readonly name: ParamName;
  readonly value: string;
  /** As hbtd says it, with `; ` at the end. */
  readonly words: string;
  readonly allowed: string;
}

export type Patched =
  | { readonly ok: true; readonly params: Params }
  /** `detail` as hbtd has it; `faults` is empty where the body itself is wrong. */
  | { readonly ok: false; readonly detail: string; readonly faults: readonly ParamFault[] };

/** Reads the body of a PATCH and applies it to what is in force. */
export function patchParams(params: Params, body: string): Patched {
  const given = readBody(body);
  return typeof given === 'string' ? { ok: false, detail: given, faults: [] } : changeParams(params, given);
}

/** Values by name; an empty one changes nothing. */
export function changeParams(params: Params, given: Readonly<Partial<Record<ParamName, string>>>): Patched {
  const faults = new Map<ParamName, ParamFault>();
  const changed: Record<ParamName, string> = { ...params };
  for (const name of PARAM_NAMES) {
    const value = given[name] ?? '';
    if (value === '') continue;
    const read = name === 'Port' ? undefined : readParam(name, value);
    if (read === undefined) faults.set(name, fault(name, value));
    else changed[name] = read;
  }
  if (!faults.has('Warntime') && !faults.has('Errtime') && !inOrder(changed)) {
    // The one that was given is to blame; of both the error time.
    const name = (given.Errtime ?? '') === '' && (given.Warntime ?? '') !== '' ? 'Warntime' : 'Errtime';
    const allowed = name === 'Errtime' ? `more than ${changed.Warntime}` : `less than ${changed.Errtime}`;
    faults.set(name, { ...fault(name, given[name] || changed[name]), allowed });
  }
  if (faults.size === 0) return { ok: true, params: inTheirOrder(changed) };
  const inOrderOfFields = PARAM_NAMES.flatMap((name) => faults.get(name) ?? []);
  return { ok: false, detail: inOrderOfFields.map(({ words }) => words).join(''), faults: inOrderOfFields };
}

/** Their order is part of the answer. */
export const inTheirOrder = (params: Params): Params =>
  Object.fromEntries(PARAM_NAMES.map((name) => [name, params[name]])) as unknown as Params;

function fault(name: ParamName, value: string): ParamFault {
  const allowed = name === 'Port' ? 'what it was started with' : allowedWords(name);
  return { name, value, words: words(name, value), allowed };
}

function words(name: ParamName, value: string): string {
  const start = `Parameter '${name.toLowerCase()}'`;
  if (name === 'Port') return `${start} can't be changed in PATCH operation; `;
  if (name === 'Use_telemetry') return `${start} with unknown value '${value}'; `;
  const what = RULES[name].kind === 'telemetry' || RULES[name].kind === 'url' ? 'invalid format' : 'illegal value';
  return `${start} with ${what} '${value}'; `;
}

const NAME_OF: ReadonlyMap<string, ParamName> = new Map(PARAM_NAMES.map((name) => [name.toLowerCase(), name]));

/** Texts by name, or what is wrong with the body. Keys are taken in any case, unknown ones and null are passed over. */
function readBody(text: string): Partial<Record<ParamName, string>> | string {
  let body: unknown;
  try {
    body = parseJson(text);
  } catch {
    return 'Invalid JSON data type';
  }
  if (body === null) return {};
  if (typeof body !== 'object' || Array.isArray(body)) return 'Invalid JSON data type';
  const given: Partial<Record<ParamName, string>> = {};
  const wrong: string[] = [];
  let isWrong = false;
  for (const [key, value] of Object.entries(body)) {
    const name = NAME_OF.get(key.toLowerCase());
    if (name === undefined || value === null) continue;
    if (typeof value === 'string') given[name] = value;
    else {
      isWrong = true;
      if (key === name) wrong.push(name);
    }
  }
  if (!isWrong) return given;
  // hbtd finds the culprit only under its exact name.
  if (wrong.length === 0) return 'Invalid JSON data type';
  return PARAM_NAMES.filter((name) => wrong.includes(name))
    .map((name) => `Invalid data type in ${name} field. `)
    .join('');
}
