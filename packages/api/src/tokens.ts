import { createHash } from 'node:crypto';

/** Whose a token is, and what it gives. */
export interface TokenHolder {
  /** Its public id, which may be logged. */
  readonly id: string;
  readonly user: string;
  /** Names of calls, nouns (`node.*`) or classes; nothing else is given by it. */
  readonly scopes: readonly string[];
}

/** Who knows tokens. The daemon brings one that asks the master. */
export interface TokenPort {
  /**
   * Resolves with the holder of a bearer token, or undefined when it is unknown, expired or revoked. Rejects with a
   * `CsmError` when that cannot be found out.
   */
  resolve(bearer: string): Promise<TokenHolder | undefined>;
}

/** What is known of a token is believed for so long, ms: a revocation takes effect at an entry daemon within it. */
export const TOKEN_KEEP_MS = 10_000;
const KEEP_MAX = 1_024;
/** `csm_<id>_<secret>`; the secret is 32 bytes in base64url. */
const BEARER = /^csm_[A-Za-z0-9.-]{1,64}_[A-Za-z0-9_-]{16,128}$/;

export const isBearer = (text: string): boolean => BEARER.test(text);

/** Remembers holders for `TOKEN_KEEP_MS`, under a hash: the secret itself is not kept. Unknown tokens are not kept. */
export class TokenCache {
  readonly #port: TokenPort;
  readonly #kept = new Map<string, { readonly holder: Promise<TokenHolder | undefined>; readonly until: number }>();

  constructor(port: TokenPort) {
    this.#port = port;
  }

  /** `now` in ms of a monotonic clock. */
  get(bearer: string, now: number): Promise<TokenHolder | undefined> {
    const key = createHash('sha256').update(bearer).digest('base64url');
    const hit = this.#kept.get(key);
    if (hit !== undefined && hit.until > now) return hit.holder;
    this.#kept.delete(key);
    const oldest = this.#kept.size >= KEEP_MAX ? this.#kept.keys().next().value : undefined;
    if (oldest !== undefined) this.#kept.delete(oldest);
    const holder = this.#port.resolve(bearer);
    const forget = (): void => {
      if (this.#kept.get(key)?.holder === holder) this.#kept.delete(key);
    };
    this.#kept.set(key, { holder, until: now + TOKEN_KEEP_MS });
    holder.then((found) => (found === undefined ? forget() : undefined), forget);
    return holder;
  }
}
