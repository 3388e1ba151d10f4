/** Requests that a page of another site makes in the name of whoever looks at it: a browser sends his certificate along. */
import type { IncomingHttpHeaders } from 'node:http';
import { code, type Problem, problem } from '@csm/model';

/** Undefined for one that comes from a page of this server, or from no browser. Pure. */
export function foreignOrigin({ origin, host, ...headers }: IncomingHttpHeaders): Problem | undefined {
  const site = headers['sec-fetch-site'];
  const isOwn = origin === undefined || hostOf(origin) === (host ?? '').toLowerCase();
  if (isOwn && site !== 'cross-site' && site !== 'same-site') return undefined;
  const detail = `a page of ${JSON.stringify((origin ?? 'another site').slice(0, 200))} may not make this call`;
  return problem(code.PERMISSION, detail, { field: 'Origin', allowed: 'pages of this server' });
}

function hostOf(origin: string): string | undefined {
  try {
    const url = new URL(origin);
    return url.protocol === 'http:' || url.protocol === 'https:' ? url.host : undefined;
  } catch {
    return undefined;
  }
}
