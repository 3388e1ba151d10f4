/** What the door shows and asks for where it speaks TLS. */
import type { ServerOptions } from 'node:https';
import type { Identity } from './identity.ts';

export interface DoorTls {
  /** PEM. */
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Who has issued the certificates of components. */
  readonly ca?: string | Buffer;
  readonly identity: Identity;
}

/** Milliseconds a handshake may take. */
const HANDSHAKE_MS = 10_000;

/** What may be renewed while it listens. */
export function contextOf({ cert, key, ca }: Pick<DoorTls, 'cert' | 'key' | 'ca'>) {
  return { cert, key, ...(ca === undefined ? {} : { ca }), minVersion: 'TLSv1.2' as const };
}

export function serverTls(tls: DoorTls): ServerOptions {
  return {
    ...contextOf(tls),
    handshakeTimeout: HANDSHAKE_MS,
    // A wrong certificate is refused in words, once the request is there.
    ...(tls.identity === 'none'
      ? {}
      : { requestCert: true, rejectUnauthorized: false, sessionIdContext: 'csm-heartbeat' }),
  };
}
