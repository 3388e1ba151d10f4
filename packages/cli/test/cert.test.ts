import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createServer, type PeerCertificate } from 'node:tls';
import { CsmError, problem } from '@csm/model';
import { certificateInfo, readPem } from '@csm/pki';
import { expect } from 'chai';
import { fromSystem } from '../src/system-error.ts';
import { csm } from './harness.ts';

/** One mutual TLS handshake; what the server saw of its client. */
async function handshake(ca: string, server: string, client: string, host: string): Promise<PeerCertificate> {
  const both = { ca: readFileSync(ca), minVersion: 'TLSv1.3', rejectUnauthorized: true } as const;
  const pem = (file: string) => ({ cert: readFileSync(file), key: readFileSync(file) });
  let resolve: (peer: PeerCertificate) => void = () => undefined;
  let reject: (error: Error) => void = () => undefined;
  const seen = new Promise<PeerCertificate>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  const listener = createServer({ ...both, ...pem(server), requestCert: true }, (socket) => {
    resolve(socket.getPeerCertificate());
    socket.on('error', () => undefined);
    socket.end();
  });
  listener.on('tlsClientError', reject);
  await new Promise<void>((done) => listener.listen(0, '127.0.0.1', done));
  const address = listener.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const socket = connect({ ...both, ...pem(client), host: '127.0.0.1', port, servername: host });
  socket.on('error', reject);
  socket.resume();
  try {
    return await seen;
  } finally {
    socket.destroy();
    await new Promise<void>((done) => listener.close(() => done()));
  }
}

describe('csm cert', () => {
  let dir: string;
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-cert-'));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  // No daemon anywhere: a socket that nobody could open.
  const env = { CSM_SOCKET: '/nowhere/s' };
  const cert = (line: string, more: { readonly stdin?: string } = {}) =>
    csm(undefined, `cert ${line}${line.includes('--dir') ? '' : ` --dir ${dir}/ca`}`, { env, ...more });
  const json = async (line: string) => JSON.parse((await cert(`${line} -o json`)).out) as Record<string, unknown>[];

  it('makes a CA and certificates that work', async () => {
    const made = await cert("init-ca --name 'Rack 7' --days 100");
    expect([made.exit, made.err]).to.deep.equal([0, '']);
    expect(made.out).to.match(
      new RegExp(`^made a CA in ${dir}/ca: ${dir}/ca/ca.pem, valid to \\d{4}-\\d\\d-\\d\\d\\n$`),
    );
    expect((await cert('init-ca')).exit).to.equal(44);

    const issued = await cert('issue aggregator agg-A,agg-B --names 127.0.0.1,agg.example --host-name');
    expect([issued.exit, issued.err]).to.deep.equal([0, '']);
    expect(issued.out.split('\n')[0]).to.match(/^ROLE +NODE +SERIAL +VALID TO +FILE$/);
    expect(issued.out).to.contain(`${dir}/ca/aggregator-agg-B.pem`);
    const [compute] = await json('issue compute n001 --days 2');
    expect(compute).to.include({ role: 'compute', node: 'n001', file: `${dir}/ca/compute-n001.pem` });
    expect(statSync(`${dir}/ca/compute-n001.pem`).mode & 0o777).to.equal(0o600);
    const { sans } = await readPem(`${dir}/ca/aggregator-agg-A.pem`);
    expect(sans).to.have.members([
      'URI:csm:aggregator:agg-A',
      ...[...new Set(['agg-A', 'agg.example', hostname()])].map((name) => `DNS:${name}`),
      'IP:127.0.0.1',
    ]);

    const file = (name: string) => `${dir}/ca/${name}.pem`;
    const peer = await handshake(file('ca'), file('aggregator-agg-A'), file('compute-n001'), 'agg.example');
    expect(peer.subjectaltname).to.equal('URI:csm:compute:n001, DNS:n001');
    let why = '';
    await handshake(file('ca'), file('aggregator-agg-A'), file('compute-n001'), 'agg-B').catch((error: Error) => {
      why = error.message;
    });
    expect(why).to.contain('agg-B');
  });

  it('issues to many nodes, or to none of them', async () => {
    await cert('init-ca');
    expect((await cert('issue compute n[001-080]')).out.split('\n')).to.have.length(82);
    const again = await cert('issue compute n[079-082]');
    expect([again.exit, again.out]).to.deep.equal([42, '']);
    expect(again.err).to.contain('n[079-080] of 4 nodes have a compute certificate');
    expect(readdirSync(`${dir}/ca`).filter((name) => name.includes('n08'))).to.deep.equal(['compute-n080.pem']);
    expect((await cert('issue compute n080')).exit).to.equal(42);
    expect((await cert('issue compute n[1-100000]')).exit).to.equal(9);
    expect((await cert('issue compute n1 --names *.x')).exit).to.equal(9);
    expect((await cert('issue compute n1 --days 0')).err).to.contain('field: --days');
  });

  it('renews, revokes and lists', async () => {
    await cert('init-ca');
    const before = await json('issue compute n[1-3] --names 10.0.0.1');
    const renewed = await json('renew compute n1');
    expect(renewed[0]?.['names']).to.deep.equal(['n1', '10.0.0.1']);
    expect(renewed[0]?.['serial']).not.to.equal(before[0]?.['serial']);

    const partly = await cert('renew compute n[2-3,8-9]');
    expect(partly.exit).to.equal(4);
    expect(partly.out.split('\n')).to.have.length(4);
    expect(partly.err).to.match(/^csm: 2 of 4 nodes failed\n {2}nodes:\n {4}n\[8-9\] \(2\): NO_RESULTS: .*for example/);

    expect((await cert('revoke compute n1')).exit).to.equal(8);
    const gone = await cert("revoke compute n1 --reason 'lost it'");
    expect([gone.exit, gone.out.trimEnd().split('\n').length]).to.deep.equal([0, 3]);
    expect(gone.out).to.match(/compute +n1 +[0-9A-F]{32} +lost it\n/);
    expect((await cert("revoke compute n1 --reason 'lost it'")).exit).to.equal(42);
    const serial = String(before[2]?.['serial']);
    expect(await json(`revoke --serial ${serial.toLowerCase()}`)).to.have.length(1);
    expect((await cert(`revoke compute n3 --serial ${serial} --reason x`)).exit).to.equal(9);
    expect((await cert('revoke --serial xyz')).exit).to.equal(9);

    const rows = await json('list');
    expect(rows.map(({ node, state }) => `${String(node)} ${String(state)}`)).to.have.members([
      'n1 revoked',
      'n2 valid',
      'n3 revoked',
      'n1 revoked',
      'n2 valid',
      'n3 valid',
    ]);
    const csv = (await cert('list n2 -o csv')).out.split('\r\n');
    expect(csv[0]).to.equal('role,node,names,serial,valid_from,valid_to,state,issued');
    expect(csv[1]).to.match(/^compute,n2,"\[""n2"",""10\.0\.0\.1""\]",[0-9A-F]{32},20.*,valid,20/);
    expect((await cert('list n2')).out).to.match(/ {2}valid {2}n2,10\.0\.0\.1\n$/);
    expect((await cert('list n7')).exit).to.equal(4);
  });

  it('issues to users, renews and revokes what it issued', async () => {
    await cert('init-ca');
    const [made] = await json('issue --user alice --days 30');
    expect(made).to.include({ role: 'user', node: 'alice', file: `${dir}/ca/user-alice.pem` });
    expect(statSync(`${dir}/ca/user-alice.pem`).mode & 0o777).to.equal(0o600);
    expect((await readPem(`${dir}/ca/user-alice.pem`)).sans).to.deep.equal(['URI:csm:user:alice']);
    expect((await cert('issue --user alice')).exit).to.equal(42);
    expect((await cert('renew --user alice')).exit).to.equal(0);
    expect((await json('list')).map(({ role, node, state }) => [role, node, state])).to.deep.equal([
      ['user', 'alice', 'valid'],
      ['user', 'alice', 'valid'],
    ]);
    const noReason = await cert('revoke --user alice');
    expect([noReason.exit, noReason.err]).to.satisfy(
      ([exit, err]: [number, string]) => exit === 8 && /--reason/.test(err),
    );
    expect((await cert('revoke --user alice --reason left')).exit).to.equal(0);
    expect((await json('list')).every(({ state }) => state === 'revoked')).to.equal(true);

    const told = async (line: string) => {
      const { exit, err } = await cert(line);
      return `${exit} ${err.split('\n')[0]}`;
    };
    expect(await told('issue')).to.equal("8 csm: the argument 'role' is missing");
    expect(await told('issue compute n1 --user bob')).to.equal('9 csm: a user and nodes are given');
    expect(await told('issue --user 1000')).to.equal("9 csm: '1000' is not a user name");
    expect(await told('issue --user bob --names b.example')).to.equal(
      '9 csm: the certificate of a user has no host names',
    );
    expect(await told('renew --user bob')).to.equal('4 csm: no certificate was issued to user bob');
  });

  it('signs requests, from a file or stdin, for nobody else', async () => {
    await cert('init-ca');
    await cert('issue master m1');
    const csr = (line: string) => csm(undefined, `cert csr ${line}`, { env });
    const made = await csr(`compute n9 --names 10.0.0.9 --out ${dir}`);
    expect(made).to.deep.equal({
      exit: 0,
      out: `made ${dir}/compute-n9.csr, and its key ${dir}/compute-n9.key\n`,
      err: '',
    });
    expect(statSync(`${dir}/compute-n9.key`).mode & 0o777).to.equal(0o600);
    const again = await csr(`compute n9 --out ${dir}`);
    expect([again.exit, again.err]).to.deep.equal([
      9,
      `csm: ${dir}/compute-n9.key: it exists already; it is never overwritten\n  field: ${dir}/compute-n9.key\n`,
    ]);

    const signed = await cert(`sign ${dir}/compute-n9.csr compute n9 --names 10.0.0.9`);
    expect([signed.exit, signed.err]).to.deep.equal([0, '']);
    const crt = readFileSync(`${dir}/ca/compute-n9.crt`, 'utf8');
    expect(certificateInfo(crt).sans).to.deep.equal(['URI:csm:compute:n9', 'DNS:n9', 'IP:10.0.0.9']);
    writeFileSync(`${dir}/n9.pem`, crt + readFileSync(`${dir}/compute-n9.key`, 'utf8'), { mode: 0o600 });
    const peer = await handshake(`${dir}/ca/ca.pem`, `${dir}/ca/master-m1.pem`, `${dir}/n9.pem`, 'm1');
    expect(peer.subjectaltname).to.contain('URI:csm:compute:n9');

    const request = readFileSync(`${dir}/compute-n9.csr`, 'utf8');
    expect((await cert('sign - compute n9', { stdin: request })).exit).to.equal(0);
    const other = await cert('sign - compute n8', { stdin: request });
    expect(other.exit).to.equal(9);
    expect(other.err).to.contain('is for compute/n9');
    expect((await cert('sign - compute n9', { stdin: 'x'.repeat(70_000) })).err).to.contain('no certificate request');
    expect((await cert(`sign ${dir}/nothing.csr compute n9`)).err).to.contain('there is no such file');
    expect((await cert(`sign ${dir} compute n9`)).err).to.contain('it is a directory');
  });

  it('tells what the system refuses as permission denied', () => {
    const denied = Object.assign(new Error('EACCES: permission denied'), {
      code: 'EACCES',
      syscall: 'open',
      path: '/x',
    });
    expect(fromSystem(denied)).to.have.nested.property('problem.code', 16);
    expect(fromSystem(denied)).to.have.property('message', '/x: permission denied; this may need root');
    const told = new CsmError(problem(9, '/x cannot be read'), { cause: denied });
    expect(fromSystem(told)).to.have.nested.property('problem.code', 16);
    const socket = new CsmError(problem(22, 'no daemon answers'), { cause: denied });
    expect(fromSystem(socket)).to.equal(socket);
    const other = new TypeError('x');
    expect(fromSystem(other)).to.equal(other);
  });
});
