/** A call's key as the store takes it, so that a call made again changes nothing again. */
import { createHash } from 'node:crypto';
import type { CallContext } from '@csm/api';
import { isObject } from '@csm/model';
import type { OnceKey } from '@csm/store';

/**
 * For `CallOptions.once`; undefined when the caller gave no key. `input` is the call's, as it came: what is told from
 * other data, such as the time, must not be in it. Keys are a user's own, by whichever daemon they enter.
 */
export function once(ctx: Pick<CallContext, 'caller' | 'idempotencyKey'>, input: unknown): OnceKey | undefined {
  if (ctx.idempotencyKey === undefined) return undefined;
  const hash = createHash('sha256').update(sorted(input)).digest('base64url');
  return { owner: ctx.caller.user, key: ctx.idempotencyKey, hash };
}

/** JSON with the fields of every object in order: whoever repeats a call may name them in another one. */
function sorted(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sorted).join(',')}]`;
  if (!isObject(value)) return JSON.stringify(value) ?? 'null';
  const fields = Object.keys(value).filter((name) => value[name] !== undefined);
  return `{${fields
    .sort()
    .map((name) => `${JSON.stringify(name)}:${sorted(value[name])}`)
    .join(',')}}`;
}
