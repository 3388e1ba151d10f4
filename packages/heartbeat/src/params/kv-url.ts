/** Which database hbtd's `kv_url` asks for. Pure. */

export type Storage =
  /** Nothing is kept. */
  | { readonly kind: 'memory' }
  | { readonly kind: 'sqlite'; readonly path: string }
  | { readonly kind: 'postgresql'; readonly url: string }
  /** It names an etcd, which is not used here: the database of the configuration, or the default one. */
  | { readonly kind: 'own' };

/** `mem:`, `sqlite:/path`, `postgres://…`; whatever else hbtd takes is the address of an etcd. */
export function storageOf(kvUrl: string): Storage {
  if (kvUrl === 'mem:') return { kind: 'memory' };
  const path = /^(?:sqlite|file):(?:\/\/)?(\/.+)$/.exec(kvUrl)?.[1];
  if (path !== undefined) return { kind: 'sqlite', path };
  return /^postgres(?:ql)?:\/\//.test(kvUrl) ? { kind: 'postgresql', url: kvUrl } : { kind: 'own' };
}
