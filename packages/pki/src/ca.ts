/**
 * A certificate authority in a directory:
 *
 *   ca.pem  ca.key (0600)  issued.json  revoked.json  <role>-<node>.pem (certificate and key, 0600)  user-<name>.pem
 *
 * A certificate is in `issued.json` before its file exists, so that none is ever out that could not be revoked.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CsmError, code, fail, problem } from '@csm/model';
import type { Leaf, Lifetime, Signer } from './engine.ts';
import { createFile, makePrivateDirectory, replaceFile } from './file.ts';
import { checkNames, checkSubject, type Subject, subjectText } from './identity.ts';
import { certificateInfo, parsePem } from './pem.ts';
import {
  changeLists,
  type Issued,
  issuedFile,
  type Lists,
  type Revoked,
  readIssued,
  readRevoked,
  revokedFile,
} from './register.ts';
import { normalSerial, randomSerial } from './serial.ts';

const DAY = 24 * 3600 * 1000;
/** How far a certificate is dated back. Unit: ms. Clocks of nodes differ; a new certificate must hold on all of them. */
const BACKDATE = 3600 * 1000;
const MAX_DAYS = 36_500;
export const DEFAULT_CA_DAYS = 3650;
export const DEFAULT_DAYS = 365;

export const caCertFile = (dir: string): string => join(dir, 'ca.pem');
export const caKeyFile = (dir: string): string => join(dir, 'ca.key');
export const pemFile = (dir: string, role: Subject['role'], node: string): string => join(dir, `${role}-${node}.pem`);

export interface InitCaOptions {
  /** Common name, for people. */
  readonly name: string;
  readonly days?: number;
}

export interface IssueOptions {
  /** `user`: for a user of the API, whose name `node` is. */
  readonly role: Subject['role'];
  readonly node: string;
  /** DNS names and addresses under which the daemon is dialled. Default: the node's name; none for a user. */
  readonly names?: readonly string[];
  readonly days?: number;
  /** Begin of validity, ms UTC. Default: an hour ago. */
  readonly validFrom?: number;
}

export interface IssueResult extends Issued {
  /** What was written: certificate and key, or for a request the certificate alone. */
  readonly file: string;
}

export type CertificateState = 'valid' | 'expired' | 'revoked';
export interface Listed extends Issued {
  readonly state: CertificateState;
}

const engine = () => import('./engine.ts');

function lifetime(days: number, validFrom?: number): Lifetime {
  if (!Number.isFinite(days) || days <= 0 || days > MAX_DAYS) {
    fail(code.INVALID_PARAMETER, `${days} days are no lifetime`, {
      field: 'days',
      allowed: `above 0, up to ${MAX_DAYS}`,
    });
  }
  const begin = validFrom ?? Date.now();
  // Certificates count whole seconds.
  const seconds = (ms: number) => new Date(Math.floor(ms / 1000) * 1000);
  return { notBefore: seconds(validFrom ?? begin - BACKDATE), notAfter: seconds(begin + days * DAY) };
}

/**
 * Makes a CA in `dir` (created with mode 0700 if missing).
 * @throws CsmError BAD_STATE when there is one already: it is never overwritten
 */
export async function initCa(dir: string, options: InitCaOptions): Promise<{ serial: string; validTo: number }> {
  if (options.name === '' || options.name.length > 64) {
    fail(code.INVALID_PARAMETER, `'${options.name}' is not a CA name`, {
      field: 'name',
      allowed: '1 to 64 characters',
    });
  }
  const life = lifetime(options.days ?? DEFAULT_CA_DAYS);
  await makePrivateDirectory(dir);
  const serial = randomSerial();
  const { cert, key } = await (await engine()).makeCa(options.name, serial, life);
  // The key comes first and by creation only: of two callers one wins, and a later one stops here.
  if (!(await createFile(caKeyFile(dir), key, 0o600))) {
    fail(code.BAD_STATE, `${caKeyFile(dir)} exists: a CA is never overwritten; choose another directory`, {
      field: dir,
    });
  }
  await createFile(issuedFile(dir), '[]\n', 0o644);
  await createFile(revokedFile(dir), '[]\n', 0o644);
  await replaceFile(caCertFile(dir), cert, 0o644);
  return { serial, validTo: life.notAfter.getTime() };
}

/** Opening a CA reads and checks two files; the last ones opened are kept while their texts are the same. */
let opened: { readonly cert: string; readonly key: string; readonly signer: Promise<Signer> } | undefined;

async function openCa(dir: string): Promise<{ readonly signer: Signer; readonly validTo: number }> {
  const read = (file: string) =>
    readFile(file, 'utf8').catch((cause: unknown) => {
      const why = cause instanceof Error ? cause.message : String(cause);
      const extra = { field: dir, allowed: 'a directory made by initCa' };
      throw new CsmError(problem(code.INVALID_PARAMETER, `${dir} holds no usable CA: ${why}`, extra), { cause });
    });
  const [cert, key] = await Promise.all([read(caCertFile(dir)), read(caKeyFile(dir))]);
  if (opened?.cert !== cert || opened.key !== key) {
    parsePem(`${cert}\n${key}`, `the CA in ${dir}`, Date.now());
    opened = { cert, key, signer: (await engine()).openSigner({ cert, key }) };
  }
  return { signer: await opened.signer, validTo: certificateInfo(cert).validTo };
}

interface Plan {
  readonly leaf: Leaf;
  readonly row: Issued;
  readonly signer: Signer;
}

async function plan(dir: string, options: IssueOptions): Promise<Plan> {
  const subject = checkSubject(options);
  const names = namesOf(subject, options.names);
  const wanted = lifetime(options.days ?? DEFAULT_DAYS, options.validFrom);
  const { signer, validTo } = await openCa(dir);
  // A certificate that outlives its CA would only seem valid.
  const life = { ...wanted, notAfter: new Date(Math.min(wanted.notAfter.getTime(), validTo)) };
  const serial = randomSerial();
  const row: Issued = {
    serial,
    ...subject,
    names: names.map((name) => name.value),
    validFrom: life.notBefore.getTime(),
    validTo: life.notAfter.getTime(),
    time: Date.now(),
  };
  return { leaf: { subject, names, serial, life }, row, signer };
}

/** A user is dialled by nobody. */
function namesOf(subject: Subject, names: readonly string[] | undefined) {
  if (subject.role !== 'user') return checkNames(names ?? [subject.node]);
  if ((names ?? []).length === 0) return [];
  return fail(code.INVALID_PARAMETER, 'the certificate of a user has no host names', { field: 'names' });
}

const register = (dir: string, row: Issued): Promise<void> => changeLists(dir, (lists) => void lists.issued.push(row));

/**
 * Issues a certificate and key for one daemon or user into `<dir>/<role>-<node>.pem`.
 * @throws CsmError SAME_STATE when that file exists (use `renew`), INVALID_PARAMETER for a bad role, node, user, name or term
 */
export async function issue(dir: string, options: IssueOptions): Promise<IssueResult> {
  const { leaf, row, signer } = await plan(dir, options);
  const file = pemFile(dir, row.role, row.node);
  const taken = (): never =>
    fail(code.SAME_STATE, `${file} exists: use renew for a new certificate`, { field: 'node' });
  if (await exists(file)) taken();
  const { cert, key } = await (await engine()).makeLeaf(signer, leaf);
  await register(dir, row);
  if (!(await createFile(file, cert + key, 0o600))) taken();
  return { ...row, file };
}

/**
 * Certifies the key of a request into `<dir>/<role>-<node>.crt`; the private key stays where it is. The role, node and
 * names are those given here; a request that names another daemon is refused.
 */
export async function issueFromCsr(
  dir: string,
  csrPem: string,
  options: IssueOptions,
): Promise<IssueResult & { readonly cert: string }> {
  const { leaf, row, signer } = await plan(dir, options);
  const cert = await (await engine()).signRequest(signer, csrPem, leaf);
  const file = join(dir, `${row.role}-${row.node}.crt`);
  await register(dir, row);
  await replaceFile(file, cert, 0o644);
  return { ...row, file, cert };
}

/** A new key and a request for it. Needs no CA: it is made where the key shall live. */
export async function makeCsr(
  options: Omit<IssueOptions, 'days' | 'validFrom'>,
): Promise<{ csr: string; key: string }> {
  const subject = checkSubject(options);
  return (await engine()).makeRequest(subject, namesOf(subject, options.names));
}

/**
 * A new key and certificate in place of `<dir>/<role>-<node>.pem`, with the names of the last one. The old certificate
 * stays valid until it expires or is revoked, so that a daemon can change over without a gap.
 * @throws CsmError NO_RESULTS when none was ever issued to it
 */
export async function renew(
  dir: string,
  role: Subject['role'],
  node: string,
  options: { readonly days?: number } = {},
): Promise<IssueResult> {
  const last = (await readIssued(dir)).filter((row) => row.role === role && row.node === node).at(-1);
  if (last === undefined)
    return fail(code.NO_RESULTS, `no certificate was issued to ${subjectText({ role, node })}`, { field: 'node' });
  const { leaf, row, signer } = await plan(dir, { role, node, names: last.names, ...options });
  const { cert, key } = await (await engine()).makeLeaf(signer, leaf);
  await register(dir, row);
  const file = pemFile(dir, role, node);
  await replaceFile(file, cert + key, 0o600);
  return { ...row, file };
}

/**
 * Adds to `<dir>/revoked.json`: one serial, or every certificate of a daemon or user that is neither expired nor revoked.
 * Gives the new rows.
 * @throws CsmError NO_RESULTS when nothing of the kind was issued here, SAME_STATE when it is revoked already
 */
export async function revoke(dir: string, target: string | Subject, reason: string): Promise<Revoked[]> {
  if (reason === '' || reason.length > 200) {
    fail(code.INVALID_PARAMETER, 'a revocation needs a reason', { field: 'reason', allowed: '1 to 200 characters' });
  }
  const chosen = typeof target === 'string' ? normalSerial(target) : checkSubject(target);
  const what = typeof chosen === 'string' ? `serial ${chosen}` : subjectText(chosen);
  let added: Revoked[] = [];
  await changeLists(dir, (lists: Lists) => {
    const now = Date.now();
    const gone = new Set(lists.revoked.map((row) => normalSerial(row.serial)));
    const known = lists.issued.filter((row) =>
      typeof chosen === 'string'
        ? normalSerial(row.serial) === chosen
        : row.role === chosen.role && row.node === chosen.node && row.validTo >= now,
    );
    if (known.length === 0) fail(code.NO_RESULTS, `no certificate that is still valid was issued here for ${what}`);
    const left = known.filter((row) => !gone.has(normalSerial(row.serial)));
    if (left.length === 0) fail(code.SAME_STATE, `${what} is revoked already`);
    added = left.map(({ serial, role, node }) => ({ serial, role, node, time: now, reason }));
    lists.revoked.push(...added);
  });
  return added;
}

/** Every certificate issued here, oldest first, with its state at `now` (ms UTC). */
export async function list(dir: string, now: number = Date.now()): Promise<Listed[]> {
  const [issued, revoked] = await Promise.all([readIssued(dir), readRevoked(revokedFile(dir))]);
  const gone = new Set(revoked.map((row) => normalSerial(row.serial)));
  return issued.map((row) => ({
    ...row,
    state: gone.has(normalSerial(row.serial)) ? 'revoked' : row.validTo < now ? 'expired' : 'valid',
  }));
}

async function exists(file: string): Promise<boolean> {
  return readFile(file).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== 'ENOENT',
  );
}
