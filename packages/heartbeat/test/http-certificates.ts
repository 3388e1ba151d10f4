/** Certificates of servers, components and others, by a CA of the test's own. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import * as x509 from '@peculiar/x509';

x509.cryptoProvider.set(webcrypto);

const P256 = { name: 'ECDSA', namedCurve: 'P-256' } as const;
const SIGNING = { name: 'ECDSA', hash: 'SHA-256' } as const;

export interface Pair {
  readonly cert: string;
  readonly key: string;
}

export interface Subject {
  readonly commonName: string;
  /** Such as `csm:component:x0c0s0b0n0`. */
  readonly uris?: readonly string[];
  readonly ips?: readonly string[];
  /** Default: an hour from now. */
  readonly notAfter?: Date;
}

const newKeys = () => webcrypto.subtle.generateKey(P256, true, ['sign', 'verify']);
const keyPem = async ({ privateKey }: webcrypto.CryptoKeyPair): Promise<string> =>
  x509.PemConverter.encode(await webcrypto.subtle.exportKey('pkcs8', privateKey), 'PRIVATE KEY');

export class TestCa {
  readonly cert: string;
  readonly #keys: webcrypto.CryptoKeyPair;
  readonly #name: x509.Name;
  readonly #life: { readonly notBefore: Date; readonly notAfter: Date };

  private constructor(cert: x509.X509Certificate, keys: webcrypto.CryptoKeyPair) {
    this.cert = cert.toString('pem');
    this.#keys = keys;
    this.#name = cert.subjectName;
    this.#life = { notBefore: cert.notBefore, notAfter: cert.notAfter };
  }

  static async make(name: string): Promise<TestCa> {
    const keys = await newKeys();
    const cert = await x509.X509CertificateGenerator.createSelfSigned({
      serialNumber: '01',
      name: [{ CN: [name] }],
      notBefore: new Date(Date.now() - 3_600_000),
      notAfter: new Date(Date.now() + 3_600_000),
      signingAlgorithm: SIGNING,
      keys,
      extensions: [new x509.BasicConstraintsExtension(true, 0, true)],
    });
    return new TestCa(cert, keys);
  }

  async issue({ commonName, uris = [], ips = [], notAfter = this.#life.notAfter }: Subject): Promise<Pair> {
    const keys = await newKeys();
    const names = [
      ...uris.map((value) => ({ type: 'url' as const, value })),
      ...ips.map((value) => ({ type: 'ip' as const, value })),
    ];
    const cert = await x509.X509CertificateGenerator.create({
      serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
        .toString('hex')
        .replace(/^./, '1'),
      subject: [{ CN: [commonName] }],
      issuer: this.#name,
      notBefore: this.#life.notBefore,
      notAfter,
      signingAlgorithm: SIGNING,
      publicKey: keys.publicKey,
      signingKey: this.#keys.privateKey,
      extensions: names.length === 0 ? [] : [new x509.SubjectAlternativeNameExtension(names)],
    });
    return { cert: cert.toString('pem'), key: await keyPem(keys) };
  }
}
