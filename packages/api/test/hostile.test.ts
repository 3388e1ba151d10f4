import { randomBytes } from 'node:crypto';
import type { Socket } from 'node:net';
import type { Json } from '@csm/model';
import { expect } from 'chai';
import { ask, drain, type Running, raw, start, until } from './harness.ts';

/** What a hostile or broken local process may send; the server must lose nothing but a counter and a log line. */
describe('garbage on the socket', () => {
  let running: Running;
  let hold: Promise<Json> | undefined;
  before(async () => {
    running = await start(async () => hold ?? [], {
      bodyBytes: 1024 * 1024,
      headerBytes: 4_096,
      connections: 20,
      userConnections: 12,
      requests: 16,
      connectionRequests: 8,
    });
  });
  after(() => running.stop());
  beforeEach(() => {
    hold = undefined;
  });
  afterEach(async () => {
    await until('all is gone', () => running.server.stats().connections === 0 && running.server.stats().calls === 0);
    expect((await ask(running.socketPath, 'GET', '/csm/v1/nodes')).status).to.equal(200);
    await until('all is gone', () => running.server.stats().connections === 0);
  });

  const send = (bytes: Buffer | string): Promise<string> => sendTo(running, bytes);

  it('random bytes are answered 400, counted and logged once', async () => {
    const { garbage } = running.server.stats();
    const answer = await send(Buffer.concat([Buffer.from([0x16, 0x03, 0x01]), randomBytes(2_000)]));
    expect(answer).to.match(/^HTTP\/1\.1 400 .*application\/problem\+json.*"code":12/s);
    for (let i = 0; i < 30; i++) await send(randomBytes(500));
    expect(running.server.stats().garbage).to.be.at.least(garbage + 20);
    const logged = running.lines.filter((l) => l.includes('no proper HTTP'));
    expect(logged).to.have.length(1);
    expect(logged[0]).to.contain(`"pid":${process.pid}`);
  });

  it('a huge header is answered 431', async () => {
    const answer = await send(`GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\nX: ${'y'.repeat(100_000)}\r\n\r\n`);
    expect(answer).to.match(/^HTTP\/1\.1 431 /);
  });

  it('a length that lies, chunks that are none, and a body over the bound are refused', async () => {
    const post = (headers: string, body: string) =>
      send(
        `PATCH /csm/v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nConnection: close\r\n${headers}\r\n\r\n${body}`,
      );
    expect(await post('Content-Length: -1', '{}')).to.match(/^HTTP\/1\.1 400 /);
    expect(await post('Content-Length: 99999999999999999999', '{}')).to.match(/^HTTP\/1\.1 400 /);
    expect(await post('Content-Length: 2\r\nTransfer-Encoding: chunked', '{}')).to.match(/^HTTP\/1\.1 400 /);
    expect(await post('Transfer-Encoding: chunked', 'zz\r\n')).to.match(/^$|^HTTP\/1\.1 400 /);
    const big = 2 * 1024 * 1024;
    expect(await post(`Content-Length: ${big}`, 'x'.repeat(big))).to.match(/^HTTP\/1\.1 413 .*"code":12/s);
    const chunk = `${(1024 * 1024).toString(16)}\r\n${' '.repeat(1024 * 1024)}\r\n`;
    expect(await post('Transfer-Encoding: chunked', `${chunk}${chunk}0\r\n\r\n`)).to.match(/^HTTP\/1\.1 413 /);
  });

  it('10,000 requests in one write are answered or refused, in bounded memory', async () => {
    const before = process.memoryUsage().heapUsed;
    const one = 'GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n';
    const last = 'GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n';
    const text = await send(one.repeat(9_999) + last);
    const statuses = text.match(/HTTP\/1\.1 \d+/g) ?? [];
    expect(statuses.length).to.be.within(1, 10_000);
    expect(new Set(statuses)).to.satisfy((s: Set<string>) =>
      [...s].every((x) => x === 'HTTP/1.1 200' || x === 'HTTP/1.1 503'),
    );
    expect(process.memoryUsage().heapUsed - before).to.be.lessThan(150e6);
  });

  it('10,000 requests behind a call that does not end are bounded, and leave with their connection', async () => {
    let release: (value: Json) => void = () => undefined;
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const socket = await raw(running.socketPath);
    const { refused } = running.server.stats();
    socket.write('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(10_000));
    await until('the bound is reached', () => running.server.stats().calls === 8);
    await until('others are refused', () => running.server.stats().refused > refused);
    expect(running.server.stats().calls).to.equal(8);
    socket.destroy();
    release([]);
  });

  it('a half-closed connection is answered or left, and does no harm', async () => {
    const socket = await raw(running.socketPath);
    const answer = drain(socket);
    socket.end('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answer).to.match(/^$|^HTTP\/1\.1 200 /);
    const half = await raw(running.socketPath);
    const rest = drain(half);
    half.end('GET /csm/v1/no');
    expect(await rest).to.match(/^$|^HTTP\/1\.1 400 /);
  });

  it('methods and upgrades nobody serves are refused', async () => {
    expect(await send('CONNECT x:1 HTTP/1.1\r\nHost: x\r\n\r\n')).to.match(/^$|^HTTP\/1\.1 4/);
    expect(await send('OPTIONS * HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).to.match(/^HTTP\/1\.1 40[045] /);
    expect(await send('FROB / HTTP/1.1\r\nHost: x\r\n\r\n')).to.match(/^HTTP\/1\.1 400 /);
    expect(await send('GET http://other/csm/v1/x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n')).to.match(
      /^HTTP\/1\.1 40[04] /,
    );
    const upgrade = 'GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: h2c\r\n\r\n';
    expect(await send(upgrade)).to.match(/^$|^HTTP\/1\.1 200 /);
  });

  it('an upgrade behind a call that is under way ends its connection, and nothing else', async () => {
    let release: (value: Json) => void = () => undefined;
    hold = new Promise((resolve) => {
      release = resolve;
    });
    const wants =
      'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n';
    const first = 'GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n';
    const next = `GET /csm/v1/node-changes HTTP/1.1\r\nHost: x\r\n${wants}\r\n`;
    expect(await send(first + next)).to.equal('');
    release([]);
    expect(await send(next.replace('websocket', 'h2c').replace('GET', 'POST') + next)).to.match(/^$|^HTTP\/1\.1 400 /);
  });

  it('more connections than allowed are told so, and closed', async () => {
    const sockets: Socket[] = [];
    for (let i = 0; i < 40; i++) sockets.push(await raw(running.socketPath));
    const most = process.getuid?.() === 0 ? 36 : 12;
    await until('the bound is reached', () => running.server.stats().connections === most);
    const last = sockets.at(-1) as Socket;
    const answer = drain(last);
    last.write('GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n');
    expect(await answer).to.match(/^HTTP\/1\.1 503 .*connections (are )?open, more are not accepted now/s);
    for (const socket of sockets) socket.destroy();
  });

  it('random mixtures of proper and broken requests do no harm', async () => {
    const pieces = [
      'GET /csm/v1/nodes HTTP/1.1\r\nHost: x\r\n\r\n',
      'PATCH /csm/v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Type: application/json\r\n\r\n{"a":',
      'GET /csm/v1/node-changes HTTP/1.0\r\n\r\n',
      '\r\n\r\n',
      '\0\0\0',
      'GET ',
      '{"type":"hello"}',
    ];
    await Promise.all(
      Array.from({ length: 10 }, async (_, i) => {
        for (let j = 0; j < 10; j++) {
          const socket = await raw(running.socketPath);
          const answer = drain(socket);
          for (let k = 0; k <= (i + j) % 4; k++) socket.write(pieces[(i * 7 + j * 3 + k) % pieces.length] ?? '');
          if (j % 2 === 0) socket.end();
          else socket.destroy();
          await answer;
        }
      }),
    );
  });
});

describe('slowness on the socket', () => {
  let running: Running;
  before(async () => {
    running = await start(async () => [], { headersTimeoutMs: 150, requestTimeoutMs: 250 });
  });
  after(() => running.stop());
  afterEach(async () => {
    await until('all is gone', () => running.server.stats().connections === 0 && running.server.stats().calls === 0);
    expect((await ask(running.socketPath, 'GET', '/csm/v1/nodes')).status).to.equal(200);
  });

  const send = (bytes: string): Promise<string> => sendTo(running, bytes);

  it('a slow header and a silent connection are cut off', async () => {
    expect(await send('GET /csm/v1/no')).to.match(/^HTTP\/1\.1 408 .*did not arrive in time/s);
    expect(await send('')).to.match(/^HTTP\/1\.1 408 /);
  });

  it('a slow body is cut off', async () => {
    const head =
      'PATCH /csm/v1/nodes/n1 HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 900\r\n\r\n{';
    const answer = await send(head);
    // The request has its place already, so that nothing may be written beside its answer.
    expect(answer).to.match(/^$|^HTTP\/1\.1 (408|400) /);
  });
});

async function sendTo({ socketPath }: Running, bytes: Buffer | string): Promise<string> {
  const socket = await raw(socketPath);
  const answer = drain(socket);
  socket.write(bytes);
  return answer;
}
