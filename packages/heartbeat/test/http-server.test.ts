/// <reference types="mocha" />
/** Bounds of the door, and clients that behave badly. */
import { createServer, request } from 'node:http';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { until } from './hand-time.ts';
import { askAt, beatOf, HttpWorld, sendRaw } from './http-world.ts';

const P = '/hmi/v1';
const HEARTBEAT = `${P}/heartbeat`;

describe('the HTTP door', function () {
  this.timeout(60_000);
  let world: HttpWorld;
  const start = async (options: Parameters<typeof HttpWorld.start>[0]): Promise<void> => {
    world = await HttpWorld.start(options);
  };
  afterEach(() => world.close());

  const head = (lines: readonly string[]) => `${lines.join('\r\n')}\r\n\r\n`;

  it('answers what is too large before it has come', async () => {
    await start({ limits: { lingerMs: 100 } });
    // Announced: the body is not waited for.
    const announced = await sendRaw(
      world.server.url,
      head([`POST ${P}/heartbeats HTTP/1.1`, 'Host: x', `Content-Length: ${17 * 1024 * 1024}`]),
    );
    expect(announced)
      .matches(/^HTTP\/1\.1 413 /)
      .and.contains('application/problem+json');
    expect(announced)
      .matches(/connection: close/i)
      .and.contains('allowed: at most 16777216 bytes');
    // Not announced: as soon as there is more than may be, though the end never comes.
    for (const path of [HEARTBEAT, `${P}/params`]) {
      const method = path === HEARTBEAT ? 'POST' : 'PATCH';
      const chunk = `10001\r\n${'x'.repeat(65_537)}\r\n`;
      const sent = head([`${method} ${path} HTTP/1.1`, 'Host: x', 'Transfer-Encoding: chunked']) + chunk;
      const reply = await sendRaw(world.server.url, sent);
      expect(reply, path)
        .matches(/^HTTP\/1\.1 413 /)
        .and.contains('at most 65536 bytes');
    }
    // To the byte.
    const body = JSON.stringify(beatOf('x0c0s0b0n0'));
    const full = body.padEnd(65_536);
    expect((await world.ask('POST', HEARTBEAT, undefined, { text: full })).status).equals(200);
    expect((await world.ask('POST', HEARTBEAT, undefined, { text: `${full} ` })).status).equals(413);
  });

  it('lets who is still sending read the answer', async () => {
    await start({});
    const body = JSON.stringify(beatOf('x0c0s0b0n0', { Hostname: 'h'.repeat(4 * 1024 * 1024) }));
    for (let round = 0; round < 5; round++)
      expect((await world.ask('POST', HEARTBEAT, undefined, { text: body })).status).equals(413);
  });

  it('has room for so many large bodies at a time', async () => {
    await start({ limits: { bodiesBytes: 200_000 } });
    const asked = request(`${world.server.url}${P}/heartbeats`, {
      method: 'POST',
      headers: { 'content-length': '150000' },
      agent: false,
    });
    asked.on('error', () => undefined);
    asked.write('[');
    const large = JSON.stringify([beatOf('x0c0s0b0n0', { Hostname: 'h'.repeat(100_000) })]);
    await until('there is no room', async () => {
      const { status } = await world.ask('POST', `${P}/heartbeats`, undefined, { text: large });
      return status === 503;
    });
    asked.destroy();
    await until('there is room again', async () => {
      const { status } = await world.ask('POST', `${P}/heartbeats`, undefined, { text: large });
      return status === 200;
    });
  });

  it('takes a body in pieces, several requests at once, and who asks first', async () => {
    await start({});
    const one = JSON.stringify(beatOf('x0c0s0b0n1', { Hostname: 'ä€😀' }));
    const bytes = Buffer.from(one);
    const pieces = await new Promise<number>((resolve, reject) => {
      const asked = request(
        `${world.server.url}${HEARTBEAT}`,
        { method: 'POST', agent: false, headers: { 'content-length': bytes.length } },
        (response) => resolve(response.resume().statusCode ?? 0),
      );
      asked.once('error', reject);
      const middle = bytes.indexOf('€') + 1;
      asked.write(bytes.subarray(0, middle), () => setImmediate(() => asked.end(bytes.subarray(middle))));
    });
    expect(pieces).equals(200);
    const lines = (path: string, more: readonly string[] = []) =>
      head([`POST ${path} HTTP/1.1`, 'Host: x', `Content-Length: ${bytes.length}`, ...more]);
    const piped = await sendRaw(
      world.server.url,
      lines(HEARTBEAT) + one + lines('/v1/nothing') + one + lines(HEARTBEAT, ['Connection: close']) + one,
    );
    expect(piped.match(/HTTP\/1\.1 \d+/g)).deep.equals(['HTTP/1.1 200', 'HTTP/1.1 404']);
    // A refusal that comes before its body closes the connection behind it: what follows is the client's to repeat.
    const two = await sendRaw(world.server.url, lines(HEARTBEAT) + one + lines(HEARTBEAT, ['Connection: close']) + one);
    expect(two.match(/HTTP\/1\.1 \d+/g)).deep.equals(['HTTP/1.1 200', 'HTTP/1.1 200']);
    for (const path of [HEARTBEAT, `${P}/hbstates`]) {
      const expecting = await sendRaw(
        world.server.url,
        lines(path, ['Expect: 100-continue', 'Connection: close']) + one,
      );
      expect(expecting.match(/HTTP\/1\.1 \d+/g), path).deep.equals(['HTTP/1.1 100', 'HTTP/1.1 200']);
    }
    const tooMuch = head([`POST ${HEARTBEAT} HTTP/1.1`, 'Host: x', 'Content-Length: 65537', 'Expect: 100-continue']);
    expect(await sendRaw(world.server.url, tooMuch)).matches(/^HTTP\/1\.1 413 /);
  });

  it('closes on who is too slow, silent, or speaks something else', async () => {
    await start({
      limits: { headersTimeoutMs: 200, requestTimeoutMs: 400, keepAliveMs: 300, checkMs: 50, headerBytes: 2_048 },
    });
    const { url } = world.server;
    expect(await sendRaw(url, `POST ${HEARTBEAT} HTTP/1.1\r\nHost: x\r\n`)).matches(/^HTTP\/1\.1 408 /);
    const waits = head([`POST ${HEARTBEAT} HTTP/1.1`, 'Host: x', 'Content-Length: 10']);
    expect(await sendRaw(url, `${waits}{`)).matches(/^HTTP\/1\.1 408 /);
    const idle = await sendRaw(url, head([`GET ${P}/liveness HTTP/1.1`, 'Host: x']));
    expect(idle).matches(/^HTTP\/1\.1 204 /);
    expect(await sendRaw(url, 'HELLO\r\n\r\n'))
      .matches(/^HTTP\/1\.1 400 /)
      .and.contains('application/problem+json');
    const wide = head([`GET ${P}/liveness HTTP/1.1`, 'Host: x', `X-Wide: ${'x'.repeat(4_000)}`]);
    expect(await sendRaw(url, wide)).matches(/^HTTP\/1\.1 431 /);
    const smuggled = head([`POST ${HEARTBEAT} HTTP/1.1`, 'Host: x', 'Content-Length: 5', 'Transfer-Encoding: chunked']);
    expect(await sendRaw(url, `${smuggled}0\r\n\r\n`)).matches(/^HTTP\/1\.1 400 /);
    await world.beat('x0c0s0b0n0');
  });

  it('has so many connections at a time', async () => {
    await start({ limits: { connections: 4 } });
    const { port } = world.server;
    const sockets: Socket[] = [];
    try {
      for (let n = 0; n < 4; n++) {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => undefined);
        sockets.push(socket);
        await new Promise((resolve) => socket.once('connect', resolve));
      }
      const metric = async () => world.log.events.some(({ message }) => message.includes('closed at once'));
      await until('one more is closed', async () => {
        await world.ask('GET', `${P}/liveness`).catch(() => undefined);
        return metric();
      });
      sockets.pop()?.destroy();
      // In a crowd nobody keeps his place.
      await until('there is room again', async () => {
        const reply = await world.ask('GET', `${P}/params`).catch(() => undefined);
        return reply?.headers.connection === 'close';
      });
    } finally {
      for (const socket of sockets) socket.destroy();
    }
  });

  it('forgets who goes away in the middle', async () => {
    await start({});
    for (const path of [HEARTBEAT, `${P}/heartbeats`, `${P}/params`]) {
      const socket = connect(world.server.port, '127.0.0.1');
      const method = path.endsWith('params') ? 'PATCH' : 'POST';
      socket.write(`${head([`${method} ${path} HTTP/1.1`, 'Host: x', 'Content-Length: 100'])}{"Comp`);
      await new Promise((resolve) => socket.once('connect', resolve));
      await world.settle();
      socket.destroy();
    }
    await world.beat('x0c0s0b0n0');
    expect(world.log.events.filter(({ level }) => level === 'error')).deep.equals([]);
  });

  it('says why it cannot listen', async () => {
    await start({});
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    try {
      const { port } = taken.address() as AddressInfo;
      const problem = await HttpWorld.start({ server: { listen: { host: '127.0.0.1', port } } }).then(
        () => undefined,
        (error: unknown) => (error instanceof CsmError ? error.problem : undefined),
      );
      expect(problem).deep.includes({
        code: 9,
        field: 'listen.port',
        detail: `cannot listen for heartbeats on 127.0.0.1 port ${port}: another program listens there (EADDRINUSE)`,
      });
      const nowhere = await HttpWorld.start({ server: { listen: { host: '192.0.2.1', port: 0 } } }).then(
        () => undefined,
        (error: unknown) => (error instanceof CsmError ? error.problem : undefined),
      );
      expect(nowhere).deep.includes({ code: 9, field: 'listen.host' });
    } finally {
      await new Promise((resolve) => taken.close(resolve));
    }
  });

  it('listens on the address it is told to', async () => {
    await start({ server: { listen: { host: '::1', port: 0 } } });
    expect(world.server.url).matches(/^http:\/\/\[::1\]:\d+$/);
    const refused = await askAt(`http://127.0.0.1:${world.server.port}`, 'GET', `${P}/liveness`).catch(
      (error: NodeJS.ErrnoException) => error.code,
    );
    expect(refused).equals('ECONNREFUSED');
  });

  it('lets what is under way be answered when it closes', async () => {
    await start({ limits: { keepAliveMs: 60_000, closeMs: 50_000 } });
    const { url } = world.server;
    const body = JSON.stringify(beatOf('x0c0s0b0n0'));
    const asked = request(`${url}${HEARTBEAT}`, {
      method: 'POST',
      headers: { 'content-length': body.length },
      agent: false,
    });
    const status = new Promise<number>((resolve, reject) => {
      asked.once('error', reject).once('response', (response) => resolve(response.resume().statusCode ?? 0));
    });
    asked.write(body.slice(0, 5));
    await new Promise((resolve) => asked.once('socket', (socket) => socket.once('connect', resolve)));
    // An idle one beside it.
    const idle = connect(world.server.port, '127.0.0.1');
    await new Promise((resolve) => idle.once('connect', resolve));
    await world.ask('GET', `${P}/liveness`);
    const began = performance.now();
    const closed = world.server.close();
    asked.end(body.slice(5));
    expect(await status).equals(200);
    await closed;
    idle.destroy();
    expect(world.service.tracker.size).equals(1);
    // Neither of them was waited for longer than it took.
    expect(performance.now() - began).below(30_000);
  });

  it('tells a fault of its own as one, and goes on', async () => {
    await start({
      server: {
        routes: [
          {
            method: 'GET',
            path: '/broken',
            id: 'broken',
            summary: '',
            answers: {},
            handle: () => {
              throw new Error('a secret of the house');
            },
          },
        ],
      },
    });
    const reply = await world.ask('GET', '/broken');
    expect(reply.status).equals(500);
    expect(reply.text).contains('Internal Server Error').and.not.contains('secret');
    expect(world.log.events.some(({ message }) => message === 'a request failed')).equals(true);
    await world.beat('x0c0s0b0n0');
  });

  it('logs each heartbeat when told to', async () => {
    await start({});
    const logged = () => world.log.events.filter(({ message }) => message === 'heartbeat').length;
    await world.beat('x0c0s0b0n0');
    expect(logged()).equals(0);
    await world.ask('PATCH', `${P}/params`, { Debug: '1' });
    await world.beat('x0c0s0b0n0');
    await world.ask('POST', `${HEARTBEAT}/x0c0s0b0n0`, { Status: 'OK', Timestamp: 't' });
    expect(logged()).equals(2);
  });

  it('tells its figures', async () => {
    await start({});
    await world.beat('x0c0s0b0n0');
    await world.ask('POST', HEARTBEAT, beatOf('foo'));
    const { status, text, headers } = await world.ask('GET', '/metrics');
    expect(status).equals(200);
    expect(headers['content-type']).matches(/^text\/plain/);
    for (const line of [
      'csm_heartbeat_beats_total{outcome="accepted"} 1',
      'csm_heartbeat_beats_total{outcome="refused"} 1',
      'csm_heartbeat_components{state="beating"} 1',
      'csm_heartbeat_answers_total{status="400"} 1',
      'csm_heartbeat_database_up 1',
      'csm_heartbeat_leads 1',
    ])
      expect(text.split('\n')).includes(line);
  });
});
