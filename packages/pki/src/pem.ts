/** Reads a PEM file that holds a certificate and its key, as CSM's `cred_pem` does. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { CsmError, code, fail, problem } from '@csm/model';
import { type Identity, readIdentity } from './identity.ts';
import { normalSerial } from './serial.ts';

export interface CertificateInfo {
  /** `normalSerial` form. */
  readonly serial: string;
  /** Such as `URI:csm:compute:n001`, `DNS:n001`, `IP:10.0.0.1`. */
  readonly sans: readonly string[];
  readonly identity: Identity | undefined;
  /** ms UTC */
  readonly validFrom: number;
  /** ms UTC */
  readonly validTo: number;
  readonly fingerprint256: string;
}

export interface PemPair extends CertificateInfo {
  /** The certificate, and those of its chain that follow it. */
  readonly cert: string;
  readonly key: string;
}

const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;
const KEY = /-----BEGIN ((?:[A-Z]+ )?PRIVATE KEY)-----[\s\S]+?-----END \1-----/g;

/** What one PEM certificate says. @throws Error of OpenSSL for a text that is none */
export function certificateInfo(pem: string): CertificateInfo {
  const certificate = new X509Certificate(pem);
  const sans = splitSans(certificate.subjectAltName ?? '');
  return {
    serial: normalSerial(certificate.serialNumber),
    sans,
    identity: readIdentity(sans),
    validFrom: Date.parse(certificate.validFrom),
    validTo: Date.parse(certificate.validTo),
    fingerprint256: certificate.fingerprint256,
  };
}

/** Names with commas or quotes are quoted by Node; ours never hold any, so such a name stays as one odd entry. */
function splitSans(text: string): string[] {
  const parts = text.match(/[A-Za-z ]+:(?:"(?:[^"\\]|\\.)*"|[^,]*)/g) ?? [];
  return parts.map((part) => part.trim().replace(/^IP Address:/, 'IP:'));
}

/**
 * Splits and checks a combined PEM text: exactly one key, at least one certificate, the first one belongs to the key.
 * `now` in ms UTC; with undefined an expired certificate is read as well. `source` is what errors call the text.
 * @throws CsmError INVALID_PARAMETER with a sentence that names `source` and the fault
 */
export function parsePem(text: string, source: string, now?: number): PemPair {
  const bad = (fault: string, cause?: unknown): never => {
    const extra = { field: source, allowed: 'a PEM file with a certificate and its unencrypted private key' };
    throw new CsmError(problem(code.INVALID_PARAMETER, `${source}: ${fault}`, extra), { cause });
  };
  const certs = text.match(CERTIFICATE) ?? [];
  const keys = text.match(KEY) ?? [];
  const [leaf] = certs;
  const [key] = keys;
  if (leaf === undefined) return bad('there is no certificate in it');
  if (key === undefined) return bad('there is no private key in it');
  if (keys.length > 1) return bad(`there are ${keys.length} private keys in it, where one is expected`);
  if (key.includes('ENCRYPTED'))
    return bad('its private key is encrypted; a daemon has nobody to ask for the password');
  let info: CertificateInfo;
  let secret: KeyObject;
  let matches: boolean;
  try {
    info = certificateInfo(leaf);
  } catch (cause) {
    return bad('its certificate cannot be read', cause);
  }
  try {
    secret = createPrivateKey(key);
    matches = new X509Certificate(leaf).checkPrivateKey(secret);
  } catch (cause) {
    return bad('its private key cannot be read', cause);
  }
  if (!matches) return bad('its private key does not belong to its certificate');
  if (now !== undefined && info.validTo < now) {
    return bad(`its certificate expired on ${new Date(info.validTo).toISOString()}`);
  }
  return { ...info, cert: `${certs.join('\n')}\n`, key: `${key}\n` };
}

/** Reads a combined PEM file; see `parsePem`. An expired certificate is refused unless `expired` is 'accept'. */
export async function readPem(file: string, options: { readonly expired?: 'accept' } = {}): Promise<PemPair> {
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    return fail(
      code.INVALID_PARAMETER,
      `${file} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`,
      {
        field: file,
      },
    );
  }
  return parsePem(text, file, options.expired === 'accept' ? undefined : Date.now());
}
