/// <reference types="mocha" />
/** Who may do what over TLS, by real certificates on real connections. */
import { request } from 'node:https';
import { expect } from 'chai';
import type { Identity } from '../src/http/identity.ts';
import { type Pair, TestCa } from './http-certificates.ts';
import { beatOf, HttpWorld } from './http-world.ts';

const P = '/hmi/v1';
const XNAME = 'x0c0s0b0n0';

describe('components that show certificates', function () {
  this.timeout(60_000);
  let ca: TestCa;
  let server: Pair;
  let component: Pair;
  let world: HttpWorld | undefined;

  before(async () => {
    ca = await TestCa.make('ours');
    server = await ca.issue({ commonName: 'heartbeats', ips: ['127.0.0.1'] });
    component = await ca.issue({ commonName: 'node', uris: [`csm:component:${XNAME}`] });
  });
  afterEach(async () => {
    await world?.close();
    world = undefined;
  });

  const start = async (identity: Identity): Promise<HttpWorld> => {
    const tls = { ...server, ca: ca.cert, identity };
    world = await HttpWorld.start({ server: { tls, wallNow: () => world?.time.now().wall ?? (0 as never) } });
    // The clock of the test began years ago: certificates are of today.
    world.time.stepWall(Date.now() - world.time.now().wall);
    return world;
  };

  const ask = (
    at: HttpWorld,
    pair: Pair | undefined,
    method: string,
    path: string,
    body?: unknown,
    trusted = ca.cert,
  ): Promise<{ status: number; text: string }> =>
    new Promise((resolve, reject) => {
      const asked = request(`${at.server.url}${path}`, { method, ca: trusted, ...pair, agent: false }, (response) => {
        let text = '';
        response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
        response.once('end', () => resolve({ status: response.statusCode ?? 0, text }));
      });
      asked.once('error', reject).end(body === undefined ? undefined : JSON.stringify(body));
    });

  const beat = async (at: HttpWorld, pair: Pair | undefined, name = XNAME) =>
    (await ask(at, pair, 'POST', `${P}/heartbeat`, beatOf(name))).status;

  it('speak TLS, and nothing else', async () => {
    const at = await start('none');
    expect(await beat(at, undefined)).equals(200);
    const other = await TestCa.make('another');
    let refused: unknown;
    await ask(at, undefined, 'GET', `${P}/params`, undefined, other.cert).catch((error: unknown) => {
      refused = error;
    });
    expect(refused).instanceOf(Error);
    const plain = await at.ask('GET', `${P}/params`).catch((error: unknown) => error);
    expect(plain).instanceOf(Error);
    // And that has harmed nobody.
    expect(await beat(at, undefined)).equals(200);
  });

  it('beat for themselves alone where that is required', async () => {
    const at = await start('required');
    expect(await beat(at, component)).equals(200);
    expect(await beat(at, component, 'X00c0s0b0n0')).equals(200);
    expect(await beat(at, component, 'x0c0s0b0n1')).equals(403);
    expect(await beat(at, undefined)).equals(403);
    const path = `${P}/heartbeat/x0c0s0b0n1`;
    const named = await ask(at, component, 'POST', path, { Status: 'OK', Timestamp: 't' });
    expect(named.status).equals(403);
    expect(JSON.parse(named.text)).deep.equals({
      type: 'about:blank',
      title: 'Invalid Request',
      detail: 'the certificate is of x0c0s0b0n0, the heartbeat of x0c0s0b0n1',
      instance: '/hmi/v1/heartbeat',
      status: 403,
    });
    const batch = await ask(at, component, 'POST', `${P}/heartbeats`, [beatOf(XNAME), beatOf('x0c0s0b0n1')]);
    expect(batch.status).equals(200);
    expect(JSON.parse(batch.text)).includes({ Accepted: 1 });
    expect(at.service.tracker.size).equals(1);
  });

  it('are known by the common name as well', async () => {
    const at = await start('required');
    const named = await ca.issue({ commonName: 'x7c0s0b0n0' });
    expect(await beat(at, named, 'x7c0s0b0n0')).equals(200);
    expect(await beat(at, named, XNAME)).equals(403);
  });

  it('are refused with a certificate of another CA, or an old one', async () => {
    const at = await start('required');
    const foreign = await (await TestCa.make('another')).issue({ commonName: XNAME });
    expect(await beat(at, foreign)).equals(403);
    const brief = await ca.issue({ commonName: XNAME, notAfter: new Date(Date.now() + 60_000) });
    expect(await beat(at, brief)).equals(200);
    at.time.stepWall(120_000);
    expect(await beat(at, brief)).equals(403);
    expect(await beat(at, component)).equals(200);
  });

  it('may look, and change nothing', async () => {
    const at = await start('required');
    const operator = await ca.issue({ commonName: 'alice' });
    const status = async (pair: Pair | undefined, method: string, path: string, body?: unknown) =>
      (await ask(at, pair, method, path, body)).status;
    for (const [pair, reads, changes] of [
      [undefined, 403, 403],
      [component, 200, 403],
      [operator, 200, 200],
    ] as const) {
      expect(await status(pair, 'GET', `${P}/params`)).equals(reads);
      expect(await status(pair, 'POST', `${P}/hbstates`, { XNames: [XNAME] })).equals(reads);
      expect(await status(pair, 'PATCH', `${P}/params`, { Debug: '0' })).equals(changes);
      // Probes come from whoever starts the process.
      expect(await status(pair, 'GET', `${P}/liveness`)).equals(204);
      expect(await status(pair, 'GET', `${P}/readiness`)).equals(204);
    }
    expect(await beat(at, operator)).equals(403);
    const off = { ComponentIDs: [XNAME], State: 'Off' };
    const bulk = '/hsm/v2/State/Components/BulkStateData';
    expect(await status(component, 'PATCH', bulk, off)).equals(403);
    expect(await status(operator, 'PATCH', bulk, off)).equals(204);
  });

  it('may go without one where that is optional, but not with another one', async () => {
    const at = await start('optional');
    expect(await beat(at, undefined, 'x5')).equals(200);
    expect(await beat(at, component)).equals(200);
    expect(await beat(at, component, 'x5')).equals(403);
    const foreign = await (await TestCa.make('another')).issue({ commonName: 'x5' });
    expect(await beat(at, foreign, 'x5')).equals(403);
  });

  it('meet a certificate that was renewed', async () => {
    const at = await start('none');
    const next = await TestCa.make('next');
    at.server.renewTls({ ...(await next.issue({ commonName: 'heartbeats', ips: ['127.0.0.1'] })), ca: next.cert });
    const reply = await ask(at, undefined, 'GET', `${P}/params`, undefined, next.cert);
    expect(reply.status).equals(200);
  });
});
