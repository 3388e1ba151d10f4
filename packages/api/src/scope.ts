/**
 * What a token gives of what its user may: calls by name (`node.list`), all calls of a noun (`node.*`), all of a class
 * (`public`, `private`, `privileged`). A scope never gives what its user may not; it only takes away.
 */
import { code, type Problem, problem } from '@csm/model';
import { ACCESS, type Access } from './row.ts';

export const SCOPES_MAX = 64;
const NAME = '[a-z][a-z0-9_-]*';
/** A name of a call, a noun with `.*`, or a class. */
export const SCOPE_PATTERN = `^(?:${NAME}(?:\\.${NAME})*(?:\\.\\*)?)$`;

export function scopeGives(scope: string, call: string, access: Access): boolean {
  if ((ACCESS as readonly string[]).includes(scope)) return scope === access;
  return scope.endsWith('.*') ? call.startsWith(scope.slice(0, -1)) : scope === call;
}

/** Undefined when one of the scopes gives the call. */
export function scopeFault(scopes: readonly string[], call: string, access: Access): Problem | undefined {
  if (scopes.some((scope) => scopeGives(scope, call, access))) return undefined;
  return problem(code.PERMISSION, `${call} is ${access}, which the token does not give`, {
    allowed: scopes.join(', '),
  });
}

/** A scope that could give nothing: it names no class, and no call of the table. */
export function isEmptyScope(scope: string, calls: readonly string[]): boolean {
  return !ACCESS.some((access) => scope === access) && !calls.some((call) => scopeGives(scope, call, 'public'));
}
