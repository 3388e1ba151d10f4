/** Thresholds of types and groups as they are changed: what is asked for, held against what is there. Pure. */
import { code, fail, nearest } from '@csm/model';
import { SPECIAL_MAX } from './api.ts';
import type { Limits, LimitsFor, Thresholds } from './types.ts';
import { componentSet, foldComponents, typeNamed, XNAME_TYPES } from './xname/index.ts';

export interface ThresholdsChange {
  readonly type?: string | undefined;
  readonly group?: string | undefined;
  readonly components?: string | undefined;
  /** Seconds. */
  readonly warntime?: number | undefined;
  readonly errtime?: number | undefined;
  readonly remove?: boolean | undefined;
}

type Special = Thresholds['special'];
type One = Special[number];

/** All special ones as they are then. Throws codes 4, 8 and 9 with the field at fault. */
export function changedSpecial(special: Special, change: ThresholdsChange): Special {
  const whom = whomOf(change);
  const { components, warntime, errtime, remove = false } = change;
  if (components !== undefined && !('group' in whom))
    refuse('components', 'components are given without a group', 'with group; a type names its own');
  const at = special.findIndex((one) => isFor(one, whom));
  const isEmpty = components === undefined && warntime === undefined && errtime === undefined;
  if (remove) {
    if (!isEmpty) refuse('remove', 'remove is given with something else to be changed', 'remove alone');
    if (at < 0) fail(code.NO_RESULTS, `there are no thresholds of ${wordsOf(whom)}`);
    return special.toSpliced(at, 1);
  }
  if (isEmpty)
    fail(code.MISSING_PARAMETER, `nothing of ${wordsOf(whom)} is to be changed`, {
      field: 'warntime',
      allowed: 'at least one of warntime, errtime, components and remove',
    });
  const limits = limitsOf(special[at], warntime, errtime, whom);
  if (at >= 0) return special.with(at, { ...merged(special[at] as One, components), ...limits });
  if (special.length >= SPECIAL_MAX)
    refuse(
      'group' in whom ? 'group' : 'type',
      `there are ${special.length} pairs of thresholds`,
      'to remove one first',
    );
  return [...special, { ...fresh(whom, components), ...limits }];
}

type Whom = { readonly type: string } | { readonly group: string };

function whomOf({ type, group }: ThresholdsChange): Whom {
  if (type !== undefined && group !== undefined)
    refuse('group', 'a type and a group are named', 'one of both at a time');
  if (group !== undefined) return { group };
  if (type === undefined)
    return fail(code.MISSING_PARAMETER, 'it is not said whose thresholds are to change', {
      field: 'type',
      allowed: 'type or group; the global ones are parameters Warntime and Errtime',
    });
  const known = typeNamed(type);
  if (known !== undefined) return { type: known };
  const near = nearest(type, XNAME_TYPES);
  const hint = near === undefined ? '' : `; did you mean '${near}'?`;
  return refuse('type', `'${type}' is no type of components${hint}`, `one of ${XNAME_TYPES.join(', ')}`);
}

const isFor = (one: One, whom: Whom): boolean =>
  'group' in whom ? 'group' in one && one.group === whom.group : 'type' in one && one.type === whom.type;

const wordsOf = (whom: Whom): string => ('group' in whom ? `group ${whom.group}` : `type ${whom.type}`);

function limitsOf(known: Limits | undefined, warntime: number | undefined, errtime: number | undefined, whom: Whom) {
  const ms = (field: string, given: number | undefined, before: number | undefined): number => {
    if (given !== undefined) return Math.round(given * 1000);
    return before ?? fail(code.MISSING_PARAMETER, `${field} of ${wordsOf(whom)} is missing`, { field });
  };
  const limits = { warnMs: ms('warntime', warntime, known?.warnMs), errMs: ms('errtime', errtime, known?.errMs) };
  if (limits.errMs <= limits.warnMs) {
    const [field, value] = errtime === undefined ? ['warntime', warntime] : ['errtime', errtime];
    const allowed = errtime === undefined ? `below ${limits.errMs / 1000}` : `above ${limits.warnMs / 1000}`;
    refuse(field, `${field} is ${value}, and a component is late before it is dead`, `seconds ${allowed}`);
  }
  return limits;
}

/** Whom one that is there is for, then. */
function merged(one: One, components: string | undefined): LimitsFor {
  if ('type' in one) return { type: one.type };
  return { group: one.group, components: components === undefined ? one.components : folded(components) };
}

function fresh(whom: Whom, components: string | undefined): LimitsFor {
  if (!('group' in whom)) return whom;
  if (components === undefined)
    return fail(code.MISSING_PARAMETER, `the components of ${wordsOf(whom)} are missing`, { field: 'components' });
  return { ...whom, components: folded(components) };
}

function folded(components: string): string {
  const set = componentSet(components, 'components');
  if (set.size === 0) refuse('components', 'the set names no component', 'at least one component');
  return foldComponents(set.names());
}

function refuse(field: string, detail: string, allowed: string): never {
  fail(code.INVALID_PARAMETER, detail, { field, allowed });
}
