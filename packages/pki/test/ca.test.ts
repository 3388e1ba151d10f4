import { X509Certificate } from 'node:crypto';
import { readdir, readFile, stat, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect } from 'chai';
import {
  certificateInfo,
  initCa,
  issue,
  issueFromCsr,
  list,
  loadRevoked,
  makeCsr,
  normalSerial,
  pemFile,
  readPem,
  renew,
  revoke,
} from '../src/index.ts';
import { meet, openssl, refused, withDir } from './helpers.ts';

const mode = async (file: string): Promise<string> => ((await stat(file)).mode & 0o777).toString(8);
const seen = (side: unknown): unknown =>
  typeof side === 'object' && side !== null ? Reflect.get(side, 'subjectaltname') : side;

describe('a CA in a directory', () => {
  it('is made once, with a key for its owner only, and never overwritten', () =>
    withDir(async (dir) => {
      await initCa(join(dir, 'ca'), { name: 'test CA' });
      const ca = join(dir, 'ca');
      expect(await mode(ca)).to.equal('700');
      expect(await mode(join(ca, 'ca.key'))).to.equal('600');
      expect(await mode(join(ca, 'ca.pem'))).to.equal('644');
      const before = await readFile(join(ca, 'ca.key'), 'utf8');
      const no = await refused(initCa(ca, { name: 'another' }));
      expect(no.name).to.equal('BAD_STATE');
      expect(no.detail).to.contain('never overwritten');
      expect(await readFile(join(ca, 'ca.key'), 'utf8')).to.equal(before);
      const certificate = new X509Certificate(await readFile(join(ca, 'ca.pem')));
      expect(certificate.ca).to.equal(true);
      expect(certificate.subject).to.contain('CN=test CA');
      expect((await readdir(ca)).sort()).to.deep.equal(['ca.key', 'ca.pem', 'issued.json', 'revoked.json']);
    }));

  it('of several at once one is made', () =>
    withDir(async (dir) => {
      const results = await Promise.allSettled([1, 2, 3].map((n) => initCa(dir, { name: `ca ${n}` })));
      expect(results.filter((result) => result.status === 'fulfilled')).to.have.length(1);
      await issue(dir, { role: 'master', node: 'm1' });
    }));

  it('issues a certificate and key in one file, listed before use', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const made = await issue(dir, { role: 'aggregator', node: 'agg-A', names: ['agg-a.example', '10.1.2.3', '::1'] });
      expect(made.file).to.equal(pemFile(dir, 'aggregator', 'agg-A'));
      expect(await mode(made.file)).to.equal('600');
      const pair = await readPem(made.file);
      expect(pair.identity).to.deep.equal({ role: 'aggregator', node: 'agg-A' });
      expect(pair.sans).to.deep.equal([
        'URI:csm:aggregator:agg-A',
        'DNS:agg-a.example',
        'IP:10.1.2.3',
        'IP:0:0:0:0:0:0:0:1',
      ]);
      expect(pair.serial).to.equal(made.serial);
      expect(pair.serial).to.match(/^[4-7][0-9A-F]{31}$/);
      expect(pair.validTo).to.equal(made.validTo);
      expect(made.validTo - Date.now()).to.be.within(364.9 * 86_400_000, 365 * 86_400_000);
      const rows = await list(dir);
      expect(rows.map(({ serial, state, names }) => ({ serial, state, names }))).to.deep.equal([
        { serial: made.serial, state: 'valid', names: ['agg-a.example', '10.1.2.3', '::1'] },
      ]);
      const again = await refused(issue(dir, { role: 'aggregator', node: 'agg-A' }));
      expect(again.name).to.equal('SAME_STATE');
      expect(again.detail).to.contain('renew');
    }));

  it('works in a mutual TLS 1.3 handshake, where the host name counts', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const a = await issue(dir, { role: 'aggregator', node: 'agg-A', names: ['agg-a.example'] });
      const n = await issue(dir, { role: 'compute', node: 'n001' });
      const ca = join(dir, 'ca.pem');
      const good = await meet(ca, a.file, n.file, 'agg-a.example');
      expect(seen(good.server)).to.equal('URI:csm:compute:n001, DNS:n001');
      expect(seen(good.client)).to.equal('URI:csm:aggregator:agg-A, DNS:agg-a.example');
      expect(normalSerial(String(Reflect.get(good.server as object, 'serialNumber')))).to.equal(n.serial);
      const other = await meet(ca, a.file, n.file, 'agg-b.example');
      expect(other.client).to.equal('ERR_TLS_CERT_ALTNAME_INVALID');
    }));

  it('an expired and a foreign certificate fail on either side', () =>
    withDir(async (dir) => {
      const foreign = join(dir, 'foreign');
      await initCa(dir, { name: 'test CA' });
      await initCa(foreign, { name: 'test CA' });
      const ca = join(dir, 'ca.pem');
      const a = await issue(dir, { role: 'aggregator', node: 'a', names: ['a'] });
      const old = await issue(dir, { role: 'compute', node: 'old', validFrom: Date.now() - 2 * 86_400_000, days: 1 });
      const alien = await issue(foreign, { role: 'compute', node: 'n1' });
      expect((await meet(ca, a.file, old.file, 'a')).server).to.equal('CERT_HAS_EXPIRED');
      expect((await meet(ca, old.file, a.file, 'old')).client).to.equal('CERT_HAS_EXPIRED');
      expect((await meet(ca, a.file, alien.file, 'a')).server).to.be.oneOf([
        'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
        'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
        'CERT_SIGNATURE_FAILURE',
      ]);
      expect((await list(dir)).map((row) => row.state)).to.deep.equal(['valid', 'expired']);
      const no = await refused(readPem(old.file));
      expect(no.detail).to.match(/old\.pem: its certificate expired on \d{4}-/);
      expect((await readPem(old.file, { expired: 'accept' })).serial).to.equal(old.serial);
    }));

  it('openssl verifies what it made', function () {
    const run = openssl();
    if (run === undefined) return this.skip();
    return withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const made = await issue(dir, { role: 'compute', node: 'n001' });
      const ca = join(dir, 'ca.pem');
      for (const purpose of ['sslserver', 'sslclient']) {
        const args = ['verify', '-x509_strict', '-purpose', purpose, '-CAfile', ca, made.file];
        expect(run(...args)).to.deep.include({ status: 0, output: `${made.file}: OK\n` });
      }
      const text = run('x509', '-in', made.file, '-noout', '-serial', '-subject').output;
      expect(normalSerial(text.split('\n')[0] ?? '')).to.equal(made.serial);
      expect(text).to.contain('compute/n001');
      expect(run('verify', '-CAfile', made.file, made.file).status).to.not.equal(0);
    });
  });

  it('certifies a request, taking only its key', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const { csr, key } = await makeCsr({ role: 'compute', node: 'n7', names: ['evil.example'] });
      const made = await issueFromCsr(dir, csr, { role: 'compute', node: 'n7', names: ['n7'] });
      const file = join(dir, 'n7-with-key.pem');
      await writeFile(file, key + made.cert);
      expect((await readPem(file)).sans).to.deep.equal(['URI:csm:compute:n7', 'DNS:n7']);
      const other = await refused(issueFromCsr(dir, csr, { role: 'master', node: 'n7' }));
      expect(other.detail).to.equal('the certificate request is for compute/n7, not for csm:master:n7');
      const torn = await refused(issueFromCsr(dir, csr.slice(0, 200), { role: 'compute', node: 'n7' }));
      expect(torn.field).to.equal('csr');
      const body = csr.split('\n');
      body[4] = (body[4] ?? '').split('').reverse().join('');
      const broken = await refused(issueFromCsr(dir, body.join('\n'), { role: 'compute', node: 'n7' }));
      expect(broken.name).to.equal('INVALID_PARAMETER');
      expect(await list(dir)).to.have.length(1);
    }));

  it('renews with the same names while the old certificate stays valid', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const first = await issue(dir, { role: 'compute', node: 'n1', names: ['n1.example'] });
      const before = await readPem(first.file);
      const second = await renew(dir, 'compute', 'n1', { days: 30 });
      const after = await readPem(second.file);
      expect(after.sans).to.deep.equal(before.sans);
      expect(after.serial).to.not.equal(before.serial);
      expect(after.key).to.not.equal(before.key);
      expect(await mode(second.file)).to.equal('600');
      expect((await list(dir)).map((row) => row.state)).to.deep.equal(['valid', 'valid']);
      expect((await refused(renew(dir, 'compute', 'n2'))).name).to.equal('NO_RESULTS');
    }));

  it('revokes by serial and by daemon', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const file = join(dir, 'revoked.json');
      expect([...(await loadRevoked(file))]).to.deep.equal([]);
      const one = await issue(dir, { role: 'compute', node: 'n1' });
      const two = await renew(dir, 'compute', 'n1');
      const three = await issue(dir, { role: 'utility', node: 'n1' });
      const lower = one.serial.toLowerCase().replace(/..(?=.)/g, '$&:');
      expect((await revoke(dir, lower, 'key was copied'))[0]).to.deep.include({ serial: one.serial, node: 'n1' });
      expect((await refused(revoke(dir, one.serial, 'again'))).name).to.equal('SAME_STATE');
      const rest = await revoke(dir, { role: 'compute', node: 'n1' }, 'node was stolen');
      expect(rest.map((row) => row.serial)).to.deep.equal([two.serial]);
      expect(await loadRevoked(file)).to.deep.equal(new Set([one.serial, two.serial]));
      expect((await list(dir)).map((row) => row.state)).to.deep.equal(['revoked', 'revoked', 'valid']);
      expect((await refused(revoke(dir, 'ABCD', 'x'))).name).to.equal('NO_RESULTS');
      expect((await refused(revoke(dir, 'nonsense', 'x'))).detail).to.equal("'nonsense' is not a serial number");
      expect((await refused(revoke(dir, three.serial, ''))).field).to.equal('reason');
    }));

  it('issues to users: no host names, no use as a server, and never mistaken for a daemon', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const made = await issue(dir, { role: 'user', node: 'alice', days: 30 });
      expect(made.file).to.equal(join(dir, 'user-alice.pem'));
      expect(await mode(made.file)).to.equal('600');
      const pem = await readPem(made.file);
      expect(pem.sans).to.deep.equal(['URI:csm:user:alice']);
      expect(pem.identity).to.equal(undefined);
      const { keyUsage } = new X509Certificate(pem.cert);
      expect(keyUsage).to.deep.equal(['1.3.6.1.5.5.7.3.2']);
      const next = await renew(dir, 'user', 'alice');
      expect(next.names).to.deep.equal([]);
      expect((await list(dir)).map(({ role, node, state }) => `${role} ${node} ${state}`)).to.deep.equal([
        'user alice valid',
        'user alice valid',
      ]);
      const gone = await revoke(dir, { role: 'user', node: 'alice' }, 'left');
      expect(await loadRevoked(join(dir, 'revoked.json'))).to.deep.equal(new Set([made.serial, next.serial]));
      expect(gone.map(({ role, node }) => `${role} ${node}`)).to.deep.equal(['user alice', 'user alice']);
      for (const node of ['', '1000', 'a b', '../x', 'ä', 'x'.repeat(65)]) {
        const why = await refused(issue(dir, { role: 'user', node }));
        expect([why.code, why.field], node).to.deep.equal([9, 'user']);
      }
      const named = await refused(issue(dir, { role: 'user', node: 'bob', names: ['bob.example'] }));
      expect(named.detail).to.equal('the certificate of a user has no host names');
      expect((await refused(renew(dir, 'user', 'bob'))).detail).to.equal('no certificate was issued to user bob');
    }));

  it('a torn, missing or foreign list of revocations is refused with words', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const made = await issue(dir, { role: 'compute', node: 'n1' });
      await revoke(dir, made.serial, 'test');
      const file = join(dir, 'revoked.json');
      await truncate(file, 40);
      const torn = await refused(loadRevoked(file));
      expect(torn.detail).to.contain(`${file} is not whole JSON (40 characters)`);
      expect((await refused(revoke(dir, { role: 'compute', node: 'n1' }, 'test'))).detail).to.contain('not whole JSON');
      expect((await refused(issue(dir, { role: 'compute', node: 'n2' }))).detail).to.contain('not whole JSON');
      expect((await stat(file)).size, 'the torn file is left for repair').to.equal(40);
      await writeFile(file, '{"serial":"AB"}');
      expect((await refused(loadRevoked(file))).detail).to.contain('holds no JSON array');
      await writeFile(file, '[{"serial":"AB"}]');
      expect((await refused(loadRevoked(file))).detail).to.contain('entry 0 without serial, role and node');
      expect((await refused(loadRevoked(join(dir, 'none.json')))).detail).to.contain('cannot be read');
    }));

  it('issues 50 at once, each listed and each readable, and leaves nothing beside them', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      const nodes = Array.from({ length: 50 }, (_, n) => `n${String(n).padStart(3, '0')}`);
      const made = await Promise.all(nodes.map((node) => issue(dir, { role: 'compute', node })));
      expect(new Set(made.map((row) => row.serial)).size).to.equal(50);
      expect(new Set((await list(dir)).map((row) => row.serial))).to.deep.equal(new Set(made.map((row) => row.serial)));
      for (const row of made) expect((await readPem(row.file)).identity?.node).to.equal(row.node);
      const twice = await Promise.allSettled([1, 2, 3].map(() => issue(dir, { role: 'compute', node: 'same' })));
      expect(twice.filter((result) => result.status === 'fulfilled')).to.have.length(1);
      expect((await readdir(dir)).filter((name) => /tmp|lock/.test(name))).to.deep.equal([]);
    }));

  it('takes over the lock of a process that is gone', () =>
    withDir(async (dir) => {
      await initCa(dir, { name: 'test CA' });
      await writeFile(join(dir, '.lock'), '4194303'); // above the kernel's largest pid by default
      await issue(dir, { role: 'compute', node: 'n1' });
      expect(await list(dir)).to.have.length(1);
    }));

  it('no certificate outlives its CA', () =>
    withDir(async (dir) => {
      const { validTo } = await initCa(dir, { name: 'short', days: 2 });
      const made = await issue(dir, { role: 'compute', node: 'n1', days: 365 });
      expect(made.validTo).to.equal(validTo);
      expect(certificateInfo(await readFile(made.file, 'utf8')).validTo).to.equal(validTo);
    }));

  it('refuses bad input with field and rule', () =>
    withDir(async (dir) => {
      expect((await refused(issue(dir, { role: 'compute', node: 'n1' }))).detail).to.contain('holds no usable CA');
      await initCa(dir, { name: 'test CA' });
      const field = async (options: Parameters<typeof issue>[1]) => (await refused(issue(dir, options))).field;
      expect(await field({ role: 'king' as 'master', node: 'n1' })).to.equal('role');
      expect(await field({ role: 'compute', node: '../n1' })).to.equal('node');
      expect(await field({ role: 'compute', node: 'n1', names: ['*.example'] })).to.equal('names');
      expect(await field({ role: 'compute', node: 'n1', names: ['300.1.1.1'] })).to.equal('names');
      expect(await field({ role: 'compute', node: 'n1', days: 0 })).to.equal('days');
      expect(await list(dir)).to.deep.equal([]);
    }));
});
