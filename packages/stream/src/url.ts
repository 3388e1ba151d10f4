/** Where a webhook may lead. Pure. */
import { code, fail } from '@csm/model';

export const URL_MAX = 2_048;
const ALLOWED = 'an http or https URL without user, password and fragment';

/** The URL as it will be called. Throws code 9 for what is none, or may not be one. */
export function readUrl(text: string): URL {
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return refuse('it is no URL');
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') refuse(`its scheme is ${url.protocol.slice(0, 20)}`);
  if (url.username !== '' || url.password !== '') refuse('it has a user or a password in it');
  if (url.hash !== '') refuse('it has a fragment');
  return url;
}

function refuse(why: string): never {
  return fail(code.INVALID_PARAMETER, `the URL of the receiver cannot be used: ${why}`, {
    field: 'url',
    allowed: ALLOWED,
  });
}

/**
 * Whether a URL lies below one of the prefixes: same scheme, host and port, and a path that is the prefix's or goes on
 * behind a slash. Both are compared as they are called, so that `..`, upper case and `%2e` hide nothing.
 */
export function isBelow(url: URL, prefixes: readonly string[]): boolean {
  return prefixes.some((text) => {
    const prefix = readUrl(text);
    const base = prefix.pathname.endsWith('/') ? prefix.pathname : `${prefix.pathname}/`;
    return url.origin === prefix.origin && `${url.pathname}/`.startsWith(base);
  });
}

/** Throws code 16 when a user who is not privileged may not have this URL called. */
export function checkBelow(url: URL, prefixes: readonly string[]): void {
  if (isBelow(url, prefixes)) return;
  const allowed = prefixes.length === 0 ? 'none is configured' : `below ${prefixes.join(', ')}`;
  fail(code.PERMISSION, `the master calls ${url.origin} only for privileged users`, { field: 'url', allowed });
}
