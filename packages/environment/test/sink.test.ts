/** The aggregator's part over a real socket, with a receiver that behaves, and with some that do not. */
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { AggregatorPart, CopiedReport } from '@csm/feature';
import { memoryLog, systemClock } from '@csm/kit';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { aggregatorPart } from '../src/aggregator.ts';

async function until(what: string, holds: () => boolean, ms = 20_000): Promise<void> {
  const end = performance.now() + ms;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** What a log receiver does: reads lines, closes when its peer does. */
class Receiver {
  readonly ids: string[] = [];
  connections = 0;
  port = 0;
  #server: Server | undefined;
  readonly #sockets = new Set<Socket>();

  async start(port = 0): Promise<void> {
    const server = createServer((socket) => {
      this.connections++;
      this.#sockets.add(socket);
      let text = '';
      socket.setEncoding('utf8');
      socket.on('data', (more: string) => {
        text += more;
        const lines = text.split('\n');
        text = lines.pop() ?? '';
        for (const line of lines) this.ids.push((JSON.parse(line) as { id: string }).id);
      });
      socket.on('error', () => {});
      socket.on('close', () => this.#sockets.delete(socket));
    });
    this.#server = server;
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    this.port = (server.address() as { port: number }).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await new Promise((resolve) => this.#server?.close(resolve) ?? resolve(undefined));
    this.#server = undefined;
  }
}

describe('sink', () => {
  let dir: string;
  const receiver = new Receiver();
  const parts: AggregatorPart[] = [];
  const log = memoryLog();

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'sink-'));
    receiver.ids.length = 0;
    await receiver.start();
  });

  afterEach(async () => {
    for (const part of parts.splice(0)) await part.stop?.();
    await receiver.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  async function start(bds: object = {}): Promise<AggregatorPart> {
    const settings = {
      host: '127.0.0.1',
      port: receiver.port,
      spool_max: 1e8,
      data_cache_expiration: 6e7,
      reconnect_interval_max: 200,
    };
    const part = await aggregatorPart({
      self: { role: 'aggregator', node: 'agg', version: '1' },
      clock: systemClock,
      log,
      config: { bds: { ...settings, ...bds } },
      stateDir: dir,
    });
    if (part === undefined) throw new Error('no part');
    parts.push(part);
    return part;
  }
  const report = (seq: number, body: unknown = { items: { cpu: { load1: seq } }, failed: {} }): CopiedReport => ({
    node: 'n1',
    incarnation: 'i',
    seq,
    kind: 'environment.sample',
    time: wall(1_760_000_000_000 + seq),
    body: body as CopiedReport['body'],
  });
  const status = (part: AggregatorPart) => part.status?.() as Record<string, unknown>;

  it('is not there without a receiver', async () => {
    const ports = {
      self: { role: 'aggregator' as const, node: 'agg', version: '1' },
      clock: systemClock,
      log,
      stateDir: dir,
    };
    expect(await aggregatorPart({ ...ports, config: { bds: { port: 1 } } })).to.equal(undefined);
  });

  it('hands samples on, and tells of itself', async () => {
    const part = await start();
    expect(part.copies).to.deep.equal(['environment.sample']);
    await part.take([report(1), report(2)]);
    await until('both arrive', () => receiver.ids.length === 2);
    expect(receiver.ids).to.deep.equal(['n1:i:1', 'n1:i:2']);
    await until('they are confirmed: another connection begins', () => receiver.connections >= 2);
    expect(status(part)).to.include({
      receiver: `127.0.0.1:${receiver.port}`,
      reason: null,
      sent: 2,
      dropped_full: 0,
      dropped_old: 0,
      unreadable: 0,
      reconnects: 0,
    });
    expect(status(part)['oldest']).to.match(/^20\d\d-.*Z$/);
    expect(part.problems?.()).to.deep.equal([]);
  });

  it('passes over what is no sample, counted', async () => {
    const part = await start();
    await part.take([report(1, 'nonsense'), report(2, { items: {}, failed: {} }), report(3)]);
    await until('the third arrives', () => receiver.ids.length === 1);
    expect(receiver.ids).to.deep.equal(['n1:i:3']);
    expect(status(part)).to.include({ unreadable: 1 });
    expect(log.events.map(({ message }) => message)).to.include('a report is no sample and is not passed on');
  });

  it('without a receiver lines wait; it connects by itself when there is one', async () => {
    const { port } = receiver;
    await receiver.stop();
    const part = await start();
    await part.take([report(1)]);
    await until('it says what is wrong', () => part.problems?.().join().includes('ECONNREFUSED') === true);
    expect(status(part)['spooled_bytes']).to.be.above(0);
    await receiver.start(port);
    await until('the line arrives', () => receiver.ids.includes('n1:i:1'));
    await until('all is well again', () => part.problems?.().length === 0);
    expect(status(part)['reconnects']).to.be.above(0);
  });

  it('what a receiver may have lost with its end comes again', async () => {
    const { port } = receiver;
    const part = await start();
    await part.take([report(1)]);
    await until('it is confirmed', () => receiver.connections >= 2);
    await receiver.stop();
    receiver.ids.length = 0;
    await part.take([report(2)]);
    await receiver.start(port);
    await until('both arrive', () => new Set(receiver.ids).size === 2);
  });

  it('what was not delivered when it stopped is sent after the next start', async () => {
    const part = await start();
    await part.take([report(1)]);
    await until('it arrives', () => receiver.ids.length === 1);
    await parts.pop()?.stop?.();
    receiver.ids.length = 0;
    const next = await start();
    await next.take([report(2)]);
    await until('both arrive', () => receiver.ids.length === 2);
    expect(receiver.ids).to.deep.equal(['n1:i:1', 'n1:i:2']);
  });

  it('a second one on the same spool is refused by words', async () => {
    await start();
    const refused = await start().catch((error: Error) => error.message);
    expect(refused).to.include('another process uses the spool').and.to.include(String(process.pid));
  });

  it('a spool that cannot be made: lines go on from memory, and it says so', async () => {
    const part = await start({ spool: '/proc/nowhere' });
    expect(part.problems?.().join()).to.include('/proc/nowhere').and.to.include('memory');
    await part.take([report(1)]);
    await until('the line arrives', () => receiver.ids.length === 1);
  });
});
