import { CsmError, code, type Json, problem } from '@csm/model';
import type { ApiEntry } from './entry.ts';

/** A call as it goes over the wire. */
export interface WireRequest {
  readonly method: string;
  readonly path: string;
  readonly body: string | undefined;
}

type Fields = { readonly [name: string]: unknown };

const text = (value: unknown): string => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''));

/**
 * Places the fields of an input. Absent (undefined) fields are left out; fields the call does not know go along, so
 * that the daemon refuses them with words. Throws code 8 when a field of the path is missing or empty.
 */
export function wireRequest(entry: ApiEntry, input: Fields): WireRequest {
  const rest = new Map(Object.entries(input).filter(([, value]) => value !== undefined));
  const path = entry.path.replace(/:([A-Za-z0-9_]+)/g, (_all, name: string) => {
    const value = text(rest.get(name) ?? '');
    rest.delete(name);
    if (value === '') throw new CsmError(problem(code.MISSING_PARAMETER, `'${name}' is missing`, { field: name }));
    return encodeURIComponent(value);
  });
  const inBody = entry.method !== 'GET' && entry.method !== 'DELETE';
  if (inBody) return { method: entry.method, path, body: JSON.stringify(Object.fromEntries(rest) as Json) };
  const query = new URLSearchParams();
  for (const [name, value] of rest) {
    for (const one of Array.isArray(value) ? value : [value]) if (one !== null) query.append(name, text(one));
  }
  return { method: entry.method, path: query.size === 0 ? path : `${path}?${query.toString()}`, body: undefined };
}
