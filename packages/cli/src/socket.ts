/** Which daemon is asked. */

/** Sockets of the daemons of this machine, the first choice first; a heartbeat service alone knows its own calls only. */
export const DEFAULT_SOCKETS: readonly string[] = ['utility', 'master', 'aggregator', 'compute', 'heartbeat'].map(
  (role) => `/run/csm/${role}.sock`,
);

/** `--socket`, else CSM_SOCKET, else the first default that exists, else the first default. */
export function chooseSocket(
  given: string | undefined,
  env: { readonly [name: string]: string | undefined },
  exists: (path: string) => boolean,
): string {
  const named = given ?? (env['CSM_SOCKET'] === '' ? undefined : env['CSM_SOCKET']);
  return named ?? DEFAULT_SOCKETS.find(exists) ?? (DEFAULT_SOCKETS[0] as string);
}
