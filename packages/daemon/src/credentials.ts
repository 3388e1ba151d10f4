/** This daemon's certificate, its CA, and who is revoked; read anew on SIGHUP. */
import { randomBytes } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ConfigError, type ConfigFault } from '@csm/kit';
import { CsmError, code, fail, type Role } from '@csm/model';
import { certificateInfo, loadRevoked, type PemPair, readPem } from '@csm/pki';
import type { HubShellOptions } from '@csm/tree';

/** What sockets of both ends need. */
type Tls = ReturnType<HubShellOptions['tls']>;

interface SslConfig {
  readonly ca_file: string;
  readonly cred_pem: string;
  readonly revoked_file: string | undefined;
}

/** Whose credentials, and the configuration file that names them, for the words of a fault. */
export interface Whose {
  readonly role: Role;
  readonly node: string;
  readonly file: string;
}

interface Read {
  readonly tls: Tls;
  readonly revoked: ReadonlySet<string>;
  readonly validFrom: number;
  readonly validTo: number;
}

/** Bytes of the keys that seal TLS session tickets. */
const TICKET_KEYS = 48;
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[\s\S]+?-----END CERTIFICATE-----/g;

export class Credentials {
  readonly #ticketKeys: Buffer;
  #read: Read;

  private constructor(read: Read, ticketKeys: Buffer) {
    this.#read = read;
    this.#ticketKeys = ticketKeys;
  }

  /** Reads and judges the files. Ticket keys are kept in `stateDir`. */
  static async load(ssl: SslConfig, whose: Whose, stateDir: string): Promise<Credentials> {
    const read = await readAll(ssl, whose);
    const ticketKeys = await keptKeys(join(stateDir, `${whose.role}-${whose.node}.ticket-keys`));
    return new Credentials({ ...read, tls: { ...read.tls, ticketKeys } }, ticketKeys);
  }

  /** Reads and judges the files, and keeps nothing. Throws a `ConfigError` with every fault. */
  static async check(ssl: SslConfig, whose: Whose): Promise<{ readonly validTo: number }> {
    return readAll(ssl, whose);
  }

  get tls(): Tls {
    return this.#read.tls;
  }

  get revoked(): ReadonlySet<string> {
    return this.#read.revoked;
  }

  get validFrom(): number {
    return this.#read.validFrom;
  }

  get validTo(): number {
    return this.#read.validTo;
  }

  /** Takes what the files say now; on a fault it throws and everything stays as it was. */
  async reload(ssl: SslConfig, whose: Whose): Promise<void> {
    const read = await readAll(ssl, whose);
    this.#read = { ...read, tls: { ...read.tls, ticketKeys: this.#ticketKeys } };
  }
}

async function readAll(ssl: SslConfig, whose: Whose): Promise<Read> {
  const faults: ConfigFault[] = [];
  const { role, node } = whose;
  const ask = async <T>(setting: keyof SslConfig, allowed: string, read: () => Promise<T>): Promise<T | undefined> => {
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof CsmError)) throw error;
      const hint = error.problem.detail.replace(`${ssl[setting]}: `, '').replace(`${ssl[setting]} `, 'it ');
      faults.push({ key: `csm.net.ssl.${setting}`, value: JSON.stringify(ssl[setting]), allowed, hint });
      return undefined;
    }
  };
  const pem = await ask('cred_pem', `certificate and key of ${role}/${node} (csm cert issue ${role} ${node})`, () =>
    ownPem(ssl.cred_pem, whose),
  );
  const ca = await ask('ca_file', 'a PEM file with the certificate of the CA', () => readCa(ssl.ca_file));
  const { revoked_file: revokedFile } = ssl;
  const revoked =
    revokedFile === undefined
      ? new Set<string>()
      : await ask('revoked_file', 'a list of revoked certificates (csm cert revoke)', () => loadRevoked(revokedFile));
  if (pem === undefined || ca === undefined || revoked === undefined) throw new ConfigError(whose.file, faults);
  return { tls: { ca, cert: pem.cert, key: pem.key }, revoked, validFrom: pem.validFrom, validTo: pem.validTo };
}

async function ownPem(file: string, { role, node }: Whose): Promise<PemPair> {
  const pem = await readPem(file);
  const { identity } = pem;
  if (identity?.role === role && identity.node === node) return pem;
  const owner = identity === undefined ? 'no CSM daemon' : `${identity.role}/${identity.node}`;
  return fail(code.INVALID_PARAMETER, `it is for ${owner}, this daemon is ${role}/${node}`);
}

async function readCa(file: string): Promise<string> {
  const text = await readFile(file, 'utf8').catch((error: Error) =>
    fail(code.INVALID_PARAMETER, `it cannot be read: ${error.message}`),
  );
  const certificates = text.match(CERTIFICATE) ?? [];
  if (certificates.length === 0) fail(code.INVALID_PARAMETER, 'there is no certificate in it');
  try {
    for (const certificate of certificates) certificateInfo(certificate);
  } catch {
    fail(code.INVALID_PARAMETER, 'its certificate cannot be read');
  }
  return text;
}

/** Made once and kept: sessions stay resumable when the daemon restarts. */
async function keptKeys(file: string): Promise<Buffer> {
  const kept = await readFile(file).catch(() => undefined);
  if (kept?.length === TICKET_KEYS) return kept;
  const fresh = randomBytes(TICKET_KEYS);
  await writeFile(file, fresh, { mode: 0o600 });
  return fresh;
}
