import type { ApiRow } from './row.ts';
import { asJsonSchema } from './schema.ts';

/** Where each field of an input travels in a request. */
export interface Placement {
  readonly path: readonly string[];
  readonly query: readonly string[];
  readonly body: readonly string[];
}

/** Names of the `:parameters` of a path. */
export const pathParameters = (path: string): readonly string[] =>
  path.split('/').flatMap((segment) => (segment.startsWith(':') ? [segment.slice(1)] : []));

/** GET and DELETE carry what is not in the path in the query, the others in a JSON body. */
export function place(row: ApiRow): Placement {
  const path = pathParameters(row.path);
  const rest = Object.keys(asJsonSchema(row.input).properties ?? {}).filter((name) => !path.includes(name));
  const inQuery = row.method === 'GET' || row.method === 'DELETE';
  return { path, query: inQuery ? rest : [], body: inQuery ? [] : rest };
}
