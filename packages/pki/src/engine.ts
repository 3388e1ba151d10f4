/**
 * Makes certificates and requests. The only file that loads @peculiar/x509, and it is itself loaded only when one is
 * made: a daemon that just reads its own does not pay for it.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { code, fail } from '@csm/model';
import * as x509 from '@peculiar/x509';
import { type HostName, identityUri, readIdentity, type Subject, subjectText } from './identity.ts';

x509.cryptoProvider.set(webcrypto);

type Key = webcrypto.CryptoKey;
const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;
/** RFC 5280 §4.2.1.6 */
const SUBJECT_ALT_NAME = '2.5.29.17';

export interface Lifetime {
  readonly notBefore: Date;
  readonly notAfter: Date;
}

const newKeys = (): Promise<webcrypto.CryptoKeyPair> => webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);

async function keyPem(key: Key): Promise<string> {
  return `${x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', key), 'PRIVATE KEY')}\n`;
}

/** @throws CsmError when the PEM text is no P-256 private key */
async function signingKey(pem: string): Promise<Key> {
  try {
    const [der] = x509.PemConverter.decode(pem);
    return await webcrypto.subtle.importKey('pkcs8', der as ArrayBuffer, P256, false, ['sign']);
  } catch (cause) {
    return fail(code.GENERIC, `the CA's key cannot be used: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
}

/** The subject says the same as the URI, for people who read `openssl x509 -subject`. */
const subjectOf = ({ role, node }: Subject) => [{ CN: [`${role}/${node}`] }, { O: ['CSM'] }];

function altNames(subject: Subject, names: readonly HostName[]): x509.SubjectAlternativeNameExtension {
  return new x509.SubjectAlternativeNameExtension([{ type: 'url', value: identityUri(subject) }, ...names]);
}

/** A new CA: P-256, signs leaves only, no CA below it. */
export async function makeCa(
  name: string,
  serial: string,
  life: Lifetime,
): Promise<{ readonly cert: string; readonly key: string }> {
  const keys = await newKeys();
  const cert = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial,
    name: [{ CN: [name] }, { O: ['CSM'] }],
    ...life,
    signingAlgorithm: SIGNING,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign | x509.KeyUsageFlags.cRLSign, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  return { cert: `${cert.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}

export interface Signer {
  readonly cert: x509.X509Certificate;
  readonly key: Key;
}

export async function openSigner(ca: { readonly cert: string; readonly key: string }): Promise<Signer> {
  return { cert: new x509.X509Certificate(ca.cert), key: await signingKey(ca.key) };
}

export interface Leaf {
  readonly subject: Subject;
  readonly names: readonly HostName[];
  readonly serial: string;
  readonly life: Lifetime;
}

/** Every daemon dials and is dialled; a user only dials, and must not pass as a daemon. */
const usesOf = ({ role }: Subject) =>
  role === 'user'
    ? [x509.ExtendedKeyUsage.clientAuth]
    : [x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth];

async function sign(signer: Signer, publicKey: x509.PublicKeyType, leaf: Leaf): Promise<string> {
  const cert = await x509.X509CertificateGenerator.create({
    serialNumber: leaf.serial,
    subject: subjectOf(leaf.subject),
    issuer: signer.cert.subjectName,
    ...leaf.life,
    signingAlgorithm: SIGNING,
    publicKey,
    signingKey: signer.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension(usesOf(leaf.subject)),
      altNames(leaf.subject, leaf.names),
      await x509.SubjectKeyIdentifierExtension.create(publicKey),
      await x509.AuthorityKeyIdentifierExtension.create(signer.cert.publicKey),
    ],
  });
  return `${cert.toString('pem')}\n`;
}

/** A new key and its certificate. */
export async function makeLeaf(signer: Signer, leaf: Leaf): Promise<{ readonly cert: string; readonly key: string }> {
  const keys = await newKeys();
  return { cert: await sign(signer, keys.publicKey, leaf), key: await keyPem(keys.privateKey) };
}

/** A new key and a request to certify it. */
export async function makeRequest(
  subject: Subject,
  names: readonly HostName[],
): Promise<{ readonly csr: string; readonly key: string }> {
  const keys = await newKeys();
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: subjectOf(subject),
    keys,
    signingAlgorithm: SIGNING,
    extensions: [altNames(subject, names)],
  });
  return { csr: `${request.toString('pem')}\n`, key: await keyPem(keys.privateKey) };
}

/**
 * Certifies the key of a request. Only the key is taken from it, but an identity it names must be the one asked for.
 * @throws CsmError INVALID_PARAMETER
 */
export async function signRequest(signer: Signer, csr: string, leaf: Leaf): Promise<string> {
  const bad = (text: string): never =>
    fail(code.INVALID_PARAMETER, text, { field: 'csr', allowed: 'a PKCS #10 request' });
  let request: x509.Pkcs10CertificateRequest;
  try {
    request = new x509.Pkcs10CertificateRequest(csr);
  } catch (cause) {
    return bad(`the certificate request cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`);
  }
  const algorithm = request.publicKey.algorithm as { readonly name: string; readonly namedCurve?: string };
  if (algorithm.name !== 'ECDSA' || algorithm.namedCurve !== 'P-256') {
    bad(`the certificate request holds a key of ${algorithm.namedCurve ?? algorithm.name}; only P-256 is accepted`);
  }
  if (!(await request.verify().catch(() => false))) bad('the signature of the certificate request is wrong');
  const raw = request.getExtension(SUBJECT_ALT_NAME)?.rawData;
  const sans = raw === undefined ? [] : new x509.SubjectAlternativeNameExtension(raw).names.items;
  const uris = sans.filter((name) => name.type === 'url').map((name) => name.value);
  const wanted = identityUri(leaf.subject);
  const asked = uris.filter((uri) => uri.startsWith('csm:') && uri !== wanted);
  if (asked[0] !== undefined) {
    const who = readIdentity([`URI:${asked[0]}`]);
    bad(`the certificate request is for ${who === undefined ? asked[0] : subjectText(who)}, not for ${wanted}`);
  }
  return sign(signer, request.publicKey, leaf);
}
