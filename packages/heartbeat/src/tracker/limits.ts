import { CsmError, code, err, fail, ok, type Result } from '@csm/model';
import type { Limits, LimitsFor, Thresholds } from '../types.ts';
import { componentSet, type NameSet, typeNamed, typeOf, XNAME_TYPES } from '../xname/index.ts';

/** The limits of limits, ms. */
export const WARN_MIN_MS = 1000;
export const ERR_MAX_MS = 7 * 24 * 60 * 60 * 1000;

/** Special pairs at most, and the names that all groups may have together. */
export const SPECIAL_MAX = 1000;
const NAMES_MAX = 1_000_000;

/** In force before anything is configured: hbtd's. */
export const DEFAULT_LIMITS: Limits = { warnMs: 10_000, errMs: 30_000 };

const GROUP_RULE = "1 to 64 letters, digits, '.', '-' or '_'";

/** Thresholds, read once: which pair is in force for a name. */
export interface LimitTable {
  readonly global: Limits;
  /** Of the first group that has the name, else of its type, else the global one. */
  of(name: string): Limits;
}

/** Throws a `CsmError` (code 9) that names the field, `global` or `special[2].errMs`, for what must not be. */
export function readThresholds(thresholds: Thresholds): LimitTable {
  const global = pair(thresholds.global, 'global');
  if (thresholds.special.length > SPECIAL_MAX) {
    refuse(`${thresholds.special.length} thresholds are given`, 'special', `at most ${SPECIAL_MAX}`);
  }
  // Of two groups with one name the first counts.
  const byName = new Map<string, Limits>();
  const byType = new Map<string, Limits>();
  const seen = new Set<string>();
  for (const [i, each] of thresholds.special.entries()) {
    const field = `special[${i}]`;
    const limits = pair(each, field);
    const whom = readFor(each, field);
    if (seen.has(whom.key)) refuse(`${whom.key} stands there twice`, field, 'each type and each group once');
    seen.add(whom.key);
    if (whom.members === undefined) {
      byType.set(whom.type, limits);
      continue;
    }
    for (const name of whom.members.names()) if (!byName.has(name)) byName.set(name, limits);
    if (byName.size > NAMES_MAX) refuse('the groups are too large', field, `at most ${NAMES_MAX} names in all of them`);
  }
  return {
    global,
    of: (name) => {
      const ofGroup = byName.get(name);
      if (ofGroup !== undefined) return ofGroup;
      const type = byType.size === 0 ? undefined : typeOf(name);
      return (type === undefined ? undefined : byType.get(type)) ?? global;
    },
  };
}

/** The same, with the problem as a value: for doors that only ask whether it may be. */
export function checkThresholds(thresholds: Thresholds): Result<LimitTable> {
  try {
    return ok(readThresholds(thresholds));
  } catch (e) {
    if (e instanceof CsmError) return err(e.problem);
    throw e;
  }
}

type Whom =
  | { readonly key: string; readonly members: undefined; readonly type: string }
  | { readonly key: string; readonly members: NameSet };

function readFor(whom: LimitsFor, field: string): Whom {
  if ('type' in whom) {
    const type = typeNamed(whom.type);
    if (type === undefined) {
      return refuse(`'${whom.type}' is no type of component`, `${field}.type`, XNAME_TYPES.join(', '));
    }
    return { key: `type ${type}`, members: undefined, type };
  }
  if (!/^[A-Za-z0-9._-]{1,64}$/.test(whom.group)) {
    refuse(`'${whom.group}' is no name of a group`, `${field}.group`, GROUP_RULE);
  }
  const members = componentSet(whom.components, `${field}.components`);
  if (members.size === 0) refuse(`group ${whom.group} is empty`, `${field}.components`, 'at least one component');
  return { key: `group ${whom.group}`, members };
}

function pair({ warnMs, errMs }: Limits, field: string): Limits {
  whole(warnMs, `${field}.warnMs`);
  whole(errMs, `${field}.errMs`);
  if (errMs <= warnMs) {
    refuse(
      `the error time, ${errMs} ms, is not above the warning time, ${warnMs} ms`,
      `${field}.errMs`,
      `more than ${warnMs} ms`,
    );
  }
  return { warnMs, errMs };
}

function whole(ms: number, field: string): void {
  if (Number.isSafeInteger(ms) && ms >= WARN_MIN_MS && ms <= ERR_MAX_MS) return;
  refuse(`${ms} ms are given`, field, `whole milliseconds from ${WARN_MIN_MS} to ${ERR_MAX_MS}`);
}

const refuse = (detail: string, field: string, allowed: string): never =>
  fail(code.INVALID_PARAMETER, detail, { field, allowed });
