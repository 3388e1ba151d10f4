import { longPath } from './router.ts';

export interface Target {
  /** In its long form. */
  readonly path: string;
  /** Without its mark. */
  readonly query: string;
}

/** What a request line asks for; an absolute URL, as proxies send it, stands for its path. */
export function targetOf(url: string): Target {
  const own = url.startsWith('/') ? url : (/^https?:\/\/[^/?#]*(\/.*)$/i.exec(url)?.[1] ?? '');
  const mark = own.indexOf('?');
  return mark < 0
    ? { path: longPath(own), query: '' }
    : { path: longPath(own.slice(0, mark)), query: own.slice(mark + 1) };
}
