/**
 * Parameters come from two sides: the configuration, or hbtd's options, at the start, and PATCH while the service runs.
 * What was patched holds over a restart, until the configuration says something else than it did then: whoever edits
 * the file, or the command line, wants that to count. Pure.
 */
import { inTheirOrder } from './params/patch.ts';
import { inOrder, PARAM_NAMES } from './params/rules.ts';
import type { Params } from './types.ts';

/** They belong to the process, not to the database. */
const OWN: ReadonlySet<keyof Params> = new Set(['Port', 'Kv_url']);

/** What is in force at the start. `kept`: what the database has, and what the configuration said when that was kept. */
export function paramsAtStart(
  configured: Params,
  kept: { readonly params: Params; readonly configured: Params } | undefined,
): Params {
  if (kept === undefined) return configured;
  const merged: Record<keyof Params, string> = { ...configured };
  for (const name of PARAM_NAMES) {
    if (!OWN.has(name) && kept.configured[name] === configured[name]) merged[name] = kept.params[name];
  }
  // One of the pair was patched, the other one configured anew: together they may not do.
  if (!inOrder(merged)) {
    merged.Warntime = configured.Warntime;
    merged.Errtime = configured.Errtime;
  }
  return inTheirOrder(merged);
}
