import { X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingHttpHeaders, OutgoingHttpHeaders } from 'node:http';
import https from 'node:https';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, type SecureVersion, type TLSSocket } from 'node:tls';
import { CsmError, code, type JsonObject, problem } from '@csm/model';
import { caCertFile, initCa, issue, loadRevoked, readPem, revoke, revokedFile } from '@csm/pki';
import { expect } from 'chai';
import { createHttpsServer } from '../src/https-server.ts';
import {
  type ApiServer,
  type CallContext,
  DEFAULT_POLICY,
  type Dispatch,
  type HttpsOptions,
  type RefusedCall,
  type TokenHolder,
} from '../src/index.ts';
import { until } from './harness.ts';
import { TABLE } from './sample.ts';

const HOUR = 3_600_000;
const GOOD = `csm_abcdefabcdef_${'s'.repeat(43)}`;

interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly json: JsonObject;
}

describe('the API over HTTPS', () => {
  let dir: string;
  let ca: string;
  const pem: Record<string, { readonly cert: string; readonly key: string }> = {};
  let server: ApiServer;
  let port: number;
  let seen: CallContext[];
  let refusals: RefusedCall[];
  let lines: string[];
  let asked: string[];
  let revoked: ReadonlySet<string>;
  let dispatch: Dispatch;
  let holder: () => Promise<TokenHolder | undefined>;

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-https-'));
    const [pki, other] = [join(dir, 'pki'), join(dir, 'other')];
    await initCa(pki, { name: 'ours' });
    await initCa(other, { name: 'not ours' });
    ca = readFileSync(caCertFile(pki), 'utf8');
    const add = async (name: string, options: Parameters<typeof issue>[1], from = pki) => {
      pem[name] = await readPem((await issue(from, options)).file, { expired: 'accept' });
    };
    const names = ['localhost', '127.0.0.1'];
    await add('server', { role: 'utility', node: 'login1', names });
    await add('compute', { role: 'compute', node: 'n1' });
    await add('nobody', { role: 'user', node: 'nobody' });
    await add('stranger', { role: 'user', node: 'no.such.user.here' });
    await add('root', { role: 'user', node: 'root' });
    await add('stolen', { role: 'user', node: 'stolen' });
    await add('old', { role: 'user', node: 'old', validFrom: Date.now() - 2 * HOUR, days: 1 / 24 });
    await add('early', { role: 'user', node: 'early', validFrom: Date.now() + HOUR });
    await add('foreign', { role: 'user', node: 'root' }, other);
    await revoke(pki, { role: 'user', node: 'stolen' }, 'stolen');
    revoked = await loadRevoked(revokedFile(pki));
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  async function open(more: Partial<HttpsOptions> = {}): Promise<void> {
    const say =
      (level: string) =>
      (message: string, fields?: object): unknown =>
        lines.push(`${level} ${message} ${JSON.stringify(fields ?? {})}`);
    server = createHttpsServer({
      table: TABLE,
      host: '127.0.0.1',
      port: 0,
      self: { role: 'utility', node: 'login1' },
      version: '0.1.0',
      policy: DEFAULT_POLICY,
      tls: () => ({ ca, ...(pem['server'] as { cert: string; key: string }) }),
      revoked: () => revoked,
      tokens: {
        resolve: async (bearer) => {
          asked.push(bearer);
          return bearer === GOOD ? holder() : undefined;
        },
      },
      dispatch: (row, input, ctx) => {
        seen.push(ctx);
        return dispatch(row, input, ctx);
      },
      onRefused: (refused) => refusals.push(refused),
      log: { debug: say('debug'), info: say('info'), warn: say('warn'), error: say('error') },
      ...more,
      limits: { checkMs: 20, ...more.limits },
    });
    await server.listen();
    const listening = lines.find((line) => line.includes('API listens over HTTPS')) ?? '';
    port = Number(/:(\d+)"/.exec(listening)?.[1]);
  }

  beforeEach(async () => {
    [seen, refusals, lines, asked] = [[], [], [], []];
    dispatch = async () => [];
    holder = async () => ({ id: 'abcdefabcdef', user: 'nobody', scopes: ['node.*'] });
    await open();
  });
  afterEach(() => server.close(0));

  function ask(
    url: string,
    who: { readonly cert?: string; readonly token?: string; readonly authorization?: string } = {},
    more: { readonly method?: string; readonly body?: string; readonly headers?: OutgoingHttpHeaders } = {},
  ): Promise<Answer> {
    const { cert, token, authorization = token === undefined ? undefined : `Bearer ${token}` } = who;
    return new Promise((resolve, reject) => {
      const request = https.request({
        host: '127.0.0.1',
        port,
        ca,
        ...(cert === undefined ? {} : pem[cert]),
        agent: false,
        path: url,
        method: more.method ?? 'GET',
        headers: {
          ...(authorization === undefined ? {} : { authorization }),
          ...(more.body === undefined ? {} : { 'content-type': 'application/json' }),
          ...more.headers,
        },
      });
      request.on('error', reject);
      request.on('response', (res) => {
        let text = '';
        res.on('data', (chunk) => {
          text += String(chunk);
        });
        res.on('error', reject);
        res.on('end', () => {
          const isJson =
            /json/.test(res.headers['content-type'] ?? '') && !/ndjson/.test(res.headers['content-type'] ?? '');
          resolve({
            status: res.statusCode ?? 0,
            headers: res.headers,
            json: (isJson ? JSON.parse(text) : {}) as JsonObject,
          });
        });
      });
      request.end(more.body);
    });
  }

  it('knows a user by his certificate, with the account of this machine', async () => {
    expect((await ask('/csm/v1/nodes', { cert: 'nobody' })).status).to.equal(200);
    expect(seen[0]?.caller).to.deep.equal({
      user: 'nobody',
      uid: 65_534,
      gid: 65_534,
      groups: ['nogroup'],
      pid: 0,
      vouchedBy: 'utility/login1',
      via: 'certificate',
    });
    await ask('/csm/v1/nodes', { cert: 'stranger' });
    expect(seen[1]?.caller).to.deep.include({ user: 'no.such.user.here', uid: 65_534, groups: [] });
    await ask('/csm/v1/nodes', { cert: 'root' });
    expect(seen[2]?.caller).to.deep.include({ user: 'root', uid: 0, gid: 0, via: 'certificate' });
    expect(seen[2]?.caller.groups).to.include('root');
  });

  it('judges calls as everywhere', async () => {
    const change = { method: 'PATCH', body: '{"comment":"x"}' };
    const refused = await ask('/csm/v1/nodes/n1', { cert: 'nobody' }, change);
    expect([refused.status, refused.json['code']]).to.deep.equal([403, 16]);
    expect(refused.json['detail']).to.match(/node\.update is privileged and refused to user nobody/);
    dispatch = async () => ({ changed: 1 });
    expect((await ask('/csm/v1/nodes/n1', { cert: 'root' }, change)).json).to.deep.equal({ changed: 1 });
    expect(refusals).to.have.length(1);
    expect(refusals[0]?.caller).to.include({ user: 'nobody', via: 'certificate' });
  });

  it('asks who calls before it tells anything', async () => {
    for (const url of ['/csm/v1/nodes', '/csm/v1/', '/openapi.json', '/nowhere']) {
      const { status, headers, json } = await ask(url);
      expect(status, url).to.equal(401);
      expect(headers['www-authenticate']).to.equal('Bearer realm="csm"');
      expect(headers['content-type']).to.contain('application/problem+json');
      expect(json).to.include({ code: 16, name: 'PERMISSION' });
    }
    expect(seen).to.deep.equal([]);
    expect((await ask('/csm/v1/', { cert: 'nobody' })).json).to.include({ daemon: 'utility/login1', api: '1.0' });
  });

  const wrong: readonly [string, RegExp][] = [
    ['compute', /is that of the daemon compute\/n1, which is no user/],
    ['server', /is that of the daemon utility\/login1/],
    ['foreign', /is not signed by the CA of this cluster/],
    ['stolen', /of stolen \(serial [0-9A-F]+\) is revoked/],
    ['old', /expired at /],
    ['early', /is not valid before /],
  ];
  for (const [cert, why] of wrong) {
    it(`refuses the certificate '${cert}' in words, also beside a good token`, async () => {
      for (const who of [{ cert }, { cert, token: GOOD }]) {
        const { status, json } = await ask('/csm/v1/nodes', who);
        expect([status, json['code']]).to.deep.equal([401, 16]);
        expect(json['detail']).to.match('token' in who ? /certificate and a token/ : why);
      }
      expect(refusals[0]?.caller).to.equal(undefined);
      expect(refusals[0]).to.deep.include({ call: 'node.list' });
      expect(seen).to.deep.equal([]);
    });
  }

  it('takes a token, and nothing beyond its scopes', async () => {
    expect((await ask('/csm/v1/nodes', { token: GOOD })).status).to.equal(200);
    expect(seen[0]?.caller).to.deep.include({ user: 'nobody', via: 'token', token: 'abcdefabcdef', pid: 0 });
    const beyond = await ask('/csm/v1/jobs/1', { token: GOOD }, { method: 'DELETE' });
    expect([beyond.status, beyond.json['code'], beyond.json['allowed']]).to.deep.equal([403, 16, 'node.*']);
    holder = async () => ({ id: 'x', user: 'root', scopes: ['public'] });
    // What is known of it is believed for a while.
    await ask('/csm/v1/nodes', { token: GOOD });
    expect(asked).to.have.length(1);
    expect(seen[1]?.caller.user).to.equal('nobody');
  });

  it('takes no second token, and no change in the name of a page of another site', async () => {
    const both = [`Bearer ${GOOD}`, 'Bearer x'] as unknown as string;
    const twice = await ask('/csm/v1/nodes', { authorization: both });
    expect([twice.status, twice.json['detail']]).to.deep.equal([401, 'several Authorization headers are given']);
    const from = (origin: string) =>
      ask('/csm/v1/jobs/1', { cert: 'nobody' }, { method: 'DELETE', headers: { origin } });
    const foreign = await from('https://evil.example');
    expect([foreign.status, foreign.json['field']]).to.deep.equal([403, 'Origin']);
    expect((await from(`https://127.0.0.1:${port}`)).json['field']).to.not.equal('Origin');
    expect(seen.map(({ caller }) => caller.via)).to.not.include('token');
  });

  it('refuses tokens that are none, without asking anybody where it can', async () => {
    const bad = ['', 'x', 'csm_', `csm_abc_${'s'.repeat(400)}`, `${GOOD}\u00e9`];
    for (const token of bad) {
      const { status, headers, json } = await ask('/csm/v1/nodes', {
        authorization: Buffer.from(`Bearer ${token}`).toString('latin1'),
      });
      expect([status, json['code']], token).to.deep.equal([401, 16]);
      expect(headers['www-authenticate']).to.equal('Bearer realm="csm", error="invalid_token"');
    }
    expect((await ask('/csm/v1/nodes', { authorization: 'Basic cm9vdDpyb290' })).status).to.equal(401);
    expect(asked).to.deep.equal([]);
    expect((await ask('/csm/v1/nodes', { token: GOOD.replace('_ss', '_st') })).status).to.equal(401);
    expect(asked).to.have.length(1);
    expect(JSON.stringify(lines)).to.not.contain('sss');
  });

  it('says so when it cannot be found out whose a token is', async () => {
    holder = () => Promise.reject(new CsmError(problem(code.BAD_ADDRESS, 'no master is linked')));
    const { status, json } = await ask('/csm/v1/nodes', { token: GOOD });
    expect([status, json['code']]).to.deep.equal([502, 22]);
    // That is no failed proof, and it is asked again.
    holder = async () => ({ id: 'abcdefabcdef', user: 'nobody', scopes: ['public'] });
    expect((await ask('/csm/v1/nodes', { token: GOOD })).status).to.equal(200);
    expect(refusals).to.deep.equal([]);
  });

  it('lets an address guess a few times, then makes it wait', async () => {
    for (let i = 0; i < 10; i++) expect((await ask('/csm/v1/nodes', { token: 'wrong' })).status).to.equal(401);
    const { status, headers, json } = await ask('/csm/v1/nodes', { token: GOOD });
    expect([status, json['code']]).to.deep.equal([429, 16]);
    expect(Number(headers['retry-after'])).to.be.within(1, 6);
    // A certificate is no guess: its user is not kept out by others at his address.
    expect((await ask('/csm/v1/nodes', { cert: 'nobody' })).status).to.equal(200);
    expect((await ask('/csm/v1/nodes', { cert: 'stolen' })).status).to.equal(429);
    expect(lines.filter((line) => line.includes('a proof of who calls has failed'))).to.have.length(1);
  });

  it('ends calls under way when their certificate is revoked', async () => {
    let ended: unknown;
    dispatch = (_row, _input, ctx) =>
      new Promise((_resolve, reject) => {
        ctx.signal.addEventListener('abort', () => {
          ended = ctx.signal.reason;
          reject(ctx.signal.reason as Error);
        });
      });
    const answer = ask('/csm/v1/nodes', { cert: 'nobody' });
    await until('it is under way', () => seen.length === 1);
    const before = revoked;
    const { serialNumber } = new X509Certificate(pem['nobody']?.cert ?? '');
    revoked = new Set([...revoked, serialNumber.replace(/^0+/, '').toUpperCase()]);
    try {
      server.recheck();
      const { status, json } = await answer;
      expect([status, json['code']]).to.deep.equal([403, 16]);
      expect(json['detail']).to.match(/is revoked/);
      expect(ended).to.be.instanceOf(CsmError);
      expect((await ask('/csm/v1/nodes', { cert: 'nobody' })).status).to.equal(401);
    } finally {
      revoked = before;
    }
  });

  it('takes a new certificate of its own while it runs', async () => {
    const served = async (): Promise<string> =>
      new Promise((resolve, reject) => {
        const socket = connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' }, () => {
          resolve(socket.getPeerCertificate().serialNumber);
          socket.destroy();
        });
        socket.on('error', reject);
      });
    const before = await served();
    const { file } = await issue(join(dir, 'pki'), {
      role: 'utility',
      node: 'login1b',
      names: ['localhost', '127.0.0.1'],
    });
    const old = pem['server'] as { cert: string; key: string };
    pem['server'] = await readPem(file);
    try {
      server.recheck();
      expect(await served()).to.not.equal(before);
    } finally {
      pem['server'] = old;
    }
  });

  const handshake = (maxVersion: SecureVersion, minVersion: SecureVersion = maxVersion): Promise<string> =>
    new Promise((resolve) => {
      const options = { host: '127.0.0.1', port, ca, servername: 'localhost', minVersion, maxVersion };
      const socket: TLSSocket = connectTls({ ...options, ciphers: 'DEFAULT@SECLEVEL=0' }, () => {
        resolve(socket.getProtocol() ?? '');
        socket.destroy();
      });
      socket.on('error', () => resolve('refused'));
    });
  it('speaks TLS 1.2 and 1.3, and nothing older', async () => {
    expect(await handshake('TLSv1.3')).to.equal('TLSv1.3');
    expect(await handshake('TLSv1.2')).to.equal('TLSv1.2');
    expect(await handshake('TLSv1.1')).to.equal('refused');
  });

  const closed = (socket: Socket): Promise<string> =>
    new Promise((resolve) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => {
        text += chunk.toString('latin1');
      });
      socket.on('error', () => undefined);
      socket.once('close', () => resolve(text));
    });

  it('loses nothing to what is no TLS, to a torn handshake and to slow requests', async () => {
    await server.close(0);
    lines = [];
    await open({ limits: { headersTimeoutMs: 200, requestTimeoutMs: 400 } });
    const plain = connectTcp(port, '127.0.0.1');
    plain.write('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await closed(plain)).to.not.contain('HTTP/1.1 200');
    const torn = connectTcp(port, '127.0.0.1');
    torn.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    torn.end();
    await closed(torn);
    const slow = connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' });
    slow.write('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\nX-Slow: ');
    expect(await closed(slow)).to.match(/^$|^HTTP\/1\.1 408 /);
    await until('all are gone', () => server.stats().connections === 0);
    expect(server.stats().garbage).to.be.at.least(1);
    expect((await ask('/csm/v1/nodes', { cert: 'nobody' })).status).to.equal(200);
  });

  it('bounds what one address may open', async () => {
    await server.close(0);
    lines = [];
    await open({ limits: { userConnections: 4, connections: 6 } });
    const sockets = Array.from({ length: 60 }, () => connectTcp(port, '127.0.0.1'));
    const ended = sockets.map((socket) => closed(socket).then(() => true));
    let gone = 0;
    for (const end of ended)
      end.then(
        () => gone++,
        () => undefined,
      );
    await until('those beyond are closed', () => gone >= 40);
    for (const socket of sockets) socket.destroy();
    await Promise.all(ended);
    let status = 0;
    const end = performance.now() + 30_000;
    // The places of the others are given back as their ends are noticed.
    while (status !== 200 && performance.now() < end) {
      status = await ask('/csm/v1/nodes', { cert: 'nobody' }).then(
        (answer) => answer.status,
        () => 0,
      );
    }
    expect(status).to.equal(200);
  });

  it('refuses a port that is taken, in words', async () => {
    const first = port;
    const mine = server;
    try {
      await open({ port: first });
      expect.fail('it listens');
    } catch (error) {
      expect((error as Error).message).to.match(
        new RegExp(`cannot listen on 127\\.0\\.0\\.1 port ${first}: EADDRINUSE`),
      );
    } finally {
      server = mine;
    }
  });

  it('knows a user on a resumed session too, and judges him there', async () => {
    const agent = new https.Agent({ ca, ...pem['nobody'], keepAlive: false });
    const once = (): Promise<{ status: number; reused: boolean }> =>
      new Promise((resolve, reject) => {
        const request = https.request({ host: '127.0.0.1', port, agent, path: '/csm/v1/nodes' }, (res) => {
          res.resume();
          const reused = (res.socket as TLSSocket).isSessionReused();
          res.on('end', () => resolve({ status: res.statusCode ?? 0, reused }));
        });
        request.on('error', reject);
        request.end();
      });
    const before = revoked;
    try {
      expect(await once()).to.deep.equal({ status: 200, reused: false });
      expect(await once()).to.deep.equal({ status: 200, reused: true });
      expect(seen.map(({ caller }) => caller.user)).to.deep.equal(['nobody', 'nobody']);
      const { serialNumber } = new X509Certificate(pem['nobody']?.cert ?? '');
      revoked = new Set([serialNumber.replace(/^0+/, '').toUpperCase()]);
      expect(await once()).to.deep.equal({ status: 401, reused: true });
    } finally {
      revoked = before;
      agent.destroy();
    }
  });

  it('takes a body of exactly 16 MiB, and refuses one byte more with 413 and code 12', async () => {
    dispatch = async () => ({ changed: 1 });
    const change = (bytes: number) =>
      ask('/csm/v1/nodes/n1', { cert: 'root' }, { method: 'PATCH', body: '{"comment":"x"}'.padEnd(bytes) });
    expect((await change(16_777_216)).status).to.equal(200);
    const { status, json } = await change(16_777_217);
    expect([status, json['code'], json['allowed']]).to.deep.equal([413, 12, 'at most 16777216 bytes']);
  });

  it('reads no body of whom it does not know', async () => {
    const socket = connectTls({ host: '127.0.0.1', port, ca, servername: 'localhost' });
    const answer = closed(socket);
    // The body never comes.
    socket.write('PATCH /csm/v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n');
    socket.write('Content-Type: application/json\r\nContent-Length: 16000000\r\n\r\n');
    expect(await answer).to.match(/^HTTP\/1\.1 401 /);
  });
});
