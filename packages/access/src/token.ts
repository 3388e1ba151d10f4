/** The text of a token: `csm_<id>_<secret>`. The id is public; of the secret only a digest is kept. */
import { createHash, timingSafeEqual } from 'node:crypto';

const ID_CHARS = 'abcdefghijklmnopqrstuvwxyz0123456789';
const ID_LENGTH = 12;
const SECRET_BYTES = 32;
const BEARER = /^csm_([a-z0-9]{12})_([A-Za-z0-9_-]{43})$/;

export const BEARER_MAX = 128;

export interface Bearer {
  readonly id: string;
  readonly secret: string;
}

/** Undefined for what is no token of ours. */
export function readBearer(text: string): Bearer | undefined {
  const [, id, secret] = BEARER.exec(text) ?? [];
  return id === undefined || secret === undefined ? undefined : { id, secret };
}

export const bearerText = ({ id, secret }: Bearer): string => `csm_${id}_${secret}`;

/** `random` gives so many random bytes. */
export function newBearer(random: (bytes: number) => Buffer): Bearer {
  // 36 does not divide 256: bytes from 252 up would favour the first letters, so they are passed over.
  let id = '';
  while (id.length < ID_LENGTH) {
    for (const byte of random(ID_LENGTH)) {
      if (byte < 252 && id.length < ID_LENGTH) id += ID_CHARS[byte % ID_CHARS.length];
    }
  }
  return { id, secret: random(SECRET_BYTES).toString('base64url') };
}

/** SHA-256, hex: a secret of 256 random bits needs no salt, and no slow hash. */
export const digestOf = (secret: string): string => createHash('sha256').update(secret).digest('hex');

/** Whether the secret has this digest; takes as long either way. */
export function isSecret(secret: string, digest: string): boolean {
  const given = Buffer.from(digestOf(secret), 'hex');
  const kept = Buffer.from(digest, 'hex');
  return given.length === kept.length && timingSafeEqual(given, kept);
}
