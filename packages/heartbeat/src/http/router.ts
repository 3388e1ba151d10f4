/** Finds the route of a request: a tree of path segments, made from the table. */
import type { Method, Route } from './route.ts';

export type Found =
  | { readonly kind: 'route'; readonly route: Route; readonly params: Readonly<Record<string, string>> }
  /** The path is there; these are its methods. */
  | { readonly kind: 'method'; readonly allow: readonly string[] }
  | { readonly kind: 'malformed' }
  | { readonly kind: 'none' };

interface Step {
  readonly literals: Map<string, Step>;
  /** `{name}`: any one segment. */
  any: { readonly name: string; readonly step: Step } | undefined;
  readonly routes: Map<Method, Route>;
}

const newStep = (): Step => ({ literals: new Map(), any: undefined, routes: new Map() });
const NONE: Found = { kind: 'none' };

/** The long form of a path: `/v1` is short for `/hmi/v1`, and one slash at the end says nothing. */
export function longPath(path: string): string {
  const long = path === '/v1' || path.startsWith('/v1/') ? `/hmi${path}` : path;
  return long.length > 1 && long.endsWith('/') ? long.slice(0, -1) : long;
}

export class Router {
  readonly #root: Step = newStep();

  /** Throws where two routes are one. */
  constructor(routes: readonly Route[]) {
    for (const route of routes) this.#add(route);
  }

  #add(route: Route): void {
    let step = this.#root;
    for (const segment of route.path.slice(1).split('/')) {
      const name = /^\{(\w+)\}$/.exec(segment)?.[1];
      if (name === undefined) {
        const next = step.literals.get(segment) ?? newStep();
        step.literals.set(segment, next);
        step = next;
      } else {
        if (step.any !== undefined && step.any.name !== name)
          throw new Error(`${route.path}: {${name}} is {${step.any.name}} elsewhere`);
        step.any ??= { name, step: newStep() };
        step = step.any.step;
      }
    }
    if (step.routes.has(route.method)) throw new Error(`${route.method} ${route.path} stands twice`);
    step.routes.set(route.method, route);
  }

  /** `path` in its long form, without the query. HEAD is answered as GET is. */
  find(method: string, path: string): Found {
    if (!path.startsWith('/')) return NONE;
    const params: Record<string, string> = {};
    let step = this.#root;
    for (const segment of path.slice(1).split('/')) {
      const next = step.literals.get(segment);
      if (next !== undefined) {
        step = next;
        continue;
      }
      if (step.any === undefined || segment === '') return NONE;
      const text = decoded(segment);
      if (text === undefined) return { kind: 'malformed' };
      params[step.any.name] = text;
      step = step.any.step;
    }
    if (step.routes.size === 0) return NONE;
    const route = step.routes.get((method === 'HEAD' ? 'GET' : method) as Method);
    if (route !== undefined) return { kind: 'route', route, params };
    return { kind: 'method', allow: [...step.routes.keys()].flatMap((m) => (m === 'GET' ? ['GET', 'HEAD'] : [m])) };
  }
}

function decoded(segment: string): string | undefined {
  if (!segment.includes('%')) return segment;
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined;
  }
}
