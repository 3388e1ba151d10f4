/** What TLS needs, and the secure contexts made of it. */
import { createHash } from 'node:crypto';
import { createSecureContext, type SecureContext } from 'node:tls';

/** PEM texts. `ca` may hold several certificates. The object is cached: change a setting by making a new one. */
export interface TlsSettings {
  readonly ca: string | Buffer;
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
}

export interface ListenTls extends TlsSettings {
  /** 48 random bytes; give the same after a restart and sessions of before can be resumed. Made when left out. */
  readonly ticketKeys?: Buffer;
}

/** How long a session may be resumed. Unit: s. TLS 1.3 allows 7 days; a peer's validity is checked at each use. */
export const SESSION_TIMEOUT = 24 * 3600;

/** TLS 1.3 and nothing else. */
export const VERSIONS = { minVersion: 'TLSv1.3', maxVersion: 'TLSv1.3' } as const;

const contexts = new WeakMap<TlsSettings, SecureContext>();

/** The dialer's context, made once for each settings object: making it costs more than a resumed handshake. */
export function dialContext(tls: TlsSettings): SecureContext {
  let context = contexts.get(tls);
  if (context === undefined) {
    context = createSecureContext({ ca: tls.ca, cert: tls.cert, key: tls.key, ...VERSIONS });
    contexts.set(tls, context);
  }
  return context;
}

/** A session made under one CA must not be resumed under another: the CA is part of its id context (32 bytes at most). */
export function sessionIdContext(tls: TlsSettings): string {
  return createHash('sha256').update(tls.ca).digest('hex').slice(0, 32);
}
