/// <reference types="mocha" />
/** While another process leads: what is answered here, and what goes on to it. */
import { once } from 'node:events';
import { type AddressInfo, connect, createServer } from 'node:net';
import { expect } from 'chai';
import { until } from './hand-time.ts';
import { beatOf, HttpWorld } from './http-world.ts';

const P = '/hmi/v1';

describe('the HTTP door of a standby', function () {
  this.timeout(60_000);
  let leading: HttpWorld;
  let standing: HttpWorld;
  let leader: string | undefined;

  beforeEach(async () => {
    leading = await HttpWorld.start();
    leader = leading.server.url;
    standing = await HttpWorld.start({ server: { leader: () => leader } });
    standing.server.serve(undefined);
  });
  afterEach(async () => {
    await standing.close();
    await leading.close();
  });

  it('lives, and is ready when it knows the leader', async () => {
    const status = async (path: string, method = 'GET') => (await standing.ask(method, `${P}/${path}`)).status;
    expect([await status('liveness'), await status('readiness')]).deep.equals([204, 204]);
    leader = undefined;
    expect([await status('liveness'), await status('readiness')]).deep.equals([204, 503]);
    expect(await status('readiness', 'PUT')).equals(405);
    const refused = await standing.ask('POST', `${P}/heartbeat`, beatOf('x0'));
    expect([refused.status, refused.headers['retry-after']]).deep.equals([503, '1']);
    expect(refused.json['detail']).equals('No process is known to lead');
    const { text } = await standing.ask('GET', '/metrics');
    expect(text).matches(/^csm_heartbeat_leads 0$/m);
  });

  it('sends all else to the leader, and its answers back', async () => {
    expect((await standing.ask('POST', '/v1/heartbeat', beatOf('x0c0s0b0n0'))).status).equals(200);
    expect((await standing.ask('POST', `${P}/heartbeat/x0c0s0b0n1`, { Status: 'OK', Timestamp: 't' })).status).equals(
      200,
    );
    expect(leading.service.tracker.size).equals(2);
    expect(standing.service.tracker.size).equals(0);
    for (const [method, path, body] of [
      ['GET', `${P}/components?limit=1`],
      ['GET', `${P}/params`],
      ['HEAD', `${P}/params`],
      ['GET', `${P}/nothing`],
      ['PUT', `${P}/params`],
      ['PATCH', `${P}/params`, { Debug: 'x' }],
      ['POST', `${P}/heartbeat`, { Component: 'foo' }],
      ['GET', '/hsm/v2/State/Components/x0c0s0b0n0'],
    ] as const) {
      const [here, there] = [await standing.ask(method, path, body), await leading.ask(method, path, body)];
      expect(
        [here.status, here.text, here.headers['content-type'], here.headers.allow],
        `${method} ${path}`,
      ).deep.equals([there.status, there.text, there.headers['content-type'], there.headers.allow]);
    }
    const batch = Array.from({ length: 500 }, (_, n) => beatOf(`x${n}`));
    expect((await standing.ask('POST', `${P}/heartbeats`, batch)).json).deep.equals({ Accepted: 500, Rejected: [] });
    const large = beatOf('x0', { Hostname: 'h'.repeat(70_000) });
    expect((await standing.ask('POST', `${P}/heartbeat`, large)).status).equals(413);
  });

  it('never takes a request to another host than the leader', async () => {
    const reply = await standing.ask('GET', '//192.0.2.1/hmi/v1/params');
    expect(reply.status).equals(404);
    expect(reply.headers['content-type']).equals('application/problem+json');
  });

  it('says so when the leader cannot be reached', async () => {
    await leading.server.close();
    const reply = await standing.ask('POST', `${P}/heartbeat`, beatOf('x0'));
    expect([reply.status, reply.headers['retry-after']]).deep.equals([503, '1']);
    expect(String(reply.json['detail'])).contains('cannot be reached');
    // A process that goes away in the middle takes its answer along, not the standby.
    expect((await standing.ask('GET', `${P}/liveness`)).status).equals(204);
  });

  it('does not send round and round what no one leads', async () => {
    leader = standing.server.url;
    const reply = await standing.ask('POST', `${P}/heartbeat`, beatOf('x0'));
    expect(reply.status).equals(503);
    expect(String(reply.json['detail'])).contains('as to the leader');
  });

  it('follows events at the leader, and lets go with its client', async () => {
    const socket = connect(standing.server.port, '127.0.0.1');
    let text = '';
    socket.setEncoding('utf8').on('data', (chunk: string) => (text += chunk));
    socket.on('error', () => undefined);
    socket.write(`GET ${P}/events HTTP/1.1\r\nHost: x\r\n\r\n`);
    await until('the stream is open', () => text.includes('text/event-stream'));
    await leading.beat('x0c0s0b0n0');
    await until('the start is told', () => text.includes('"Change":"started"'));
    const streams = async () =>
      (await leading.ask('GET', '/metrics')).text.match(/^csm_heartbeat_streams (\d+)$/m)?.[1];
    expect(await streams()).equals('1');
    socket.destroy();
    await until('the leader has let go', async () => (await streams()) === '0');
  });

  it('lets nobody wait for a leader that answers no more once another leads', async () => {
    // It takes connections, and is silent: a process that was stopped, a machine that froze.
    const frozen = createServer((socket) => {
      socket.on('error', () => undefined).on('data', () => undefined);
    }).listen(0, '127.0.0.1');
    await once(frozen, 'listening');
    try {
      const { port } = frozen.address() as AddressInfo;
      const forwarded = async () =>
        (await standing.ask('GET', '/metrics')).text.match(/^csm_heartbeat_forwarded_total (\d+)$/m)?.[1];
      leader = `http://127.0.0.1:${port}`;
      const first = standing.ask('POST', `${P}/heartbeat`, beatOf('x0'));
      await until('it was sent on', async () => (await forwarded()) === '1');
      // Another process leads: known when the next request comes.
      leader = leading.server.url;
      await standing.beat('x1');
      const refused = await first;
      expect([refused.status, refused.headers['retry-after']]).deep.equals([503, '1']);
      expect(String(refused.json['detail'])).contains('it has lost the lead');
      leader = `http://127.0.0.1:${port}`;
      const second = standing.ask('POST', `${P}/heartbeat`, beatOf('x0'));
      await until('it was sent on', async () => (await forwarded()) === '3');
      // This process leads itself.
      standing.server.serve(standing.service);
      expect((await second).status).equals(503);
    } finally {
      frozen.close();
    }
  });

  it('takes requests itself once it leads', async () => {
    standing.server.serve(standing.service);
    await standing.beat('x0');
    expect(standing.service.tracker.size).equals(1);
    expect(leading.service.tracker.size).equals(0);
  });
});
