/** A bus that dies, hangs, forgets, is full, is shared or is none at all: changes wait, and arrive once each and in order. */
import { createServer, type Server, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { TcpProxy } from '@csm/sim';
import { expect } from 'chai';
import { readBusAddress } from '../src/bus/address.ts';
import { allPublished, BusWorld, check, PATIENCE_MS, SUBJECT } from './bus-world.ts';
import { type NatsServer, needsNats, until } from './nats-server.ts';

/** The least that a server takes; when it is over, the server knows no id any more. */
const WINDOW_MS = 100;

describe('the message bus in trouble', function () {
  // Generous, for a machine that is busy with other things; each test takes a fraction of it.
  this.timeout(120_000);
  const world = new BusWorld();
  before(needsNats);
  afterEach(() => world.close());

  /** A stream whose server forgets ids at once: what holds the order must not depend on it. */
  async function forgetful(server: NatsServer): Promise<void> {
    const { streams } = await server.manager();
    await streams.add({ name: SUBJECT, subjects: [SUBJECT], duplicate_window: WINDOW_MS * 1e6 });
  }

  it('loses and doubles nothing when the server is killed again and again', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await forgetful(server);
    const bus = await world.bus(store, server.port);
    let isOver = false;
    const telling = world.tellOn(store, 20, () => isOver);
    try {
      for (let round = 0; round < 6; round++) {
        const before = bus.published;
        await until('messages flow', () => bus.published > before, PATIENCE_MS);
        // Each time at another moment of what is under way.
        await pause(Math.random() * 30);
        await server.stop('SIGKILL');
        await server.start();
      }
    } finally {
      isOver = true;
      await telling;
    }
    await allPublished(store);
    expect((await check(server, store)).length).to.be.above(6);
  });

  it('loses and doubles nothing when the server is stopped for a while', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await forgetful(server);
    const bus = await world.bus(store, server.port, { answerMs: 300 });
    let isOver = false;
    const telling = world.tellOn(store, 20, () => isOver);
    try {
      for (let round = 0; round < 3; round++) {
        const before = bus.published;
        await until('messages flow', () => bus.published > before, PATIENCE_MS);
        server.signal('SIGSTOP');
        await until('it notices', () => bus.state === 'away', PATIENCE_MS);
        server.signal('SIGCONT');
      }
    } finally {
      isOver = true;
      await telling;
    }
    await allPublished(store);
    await check(server, store);
  });

  it('lets nothing in that an old connection brings late', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await forgetful(server);
    const proxy = await TcpProxy.start('127.0.0.1', { host: '127.0.0.1', port: server.port });
    world.undo(() => proxy.close());
    const old = await world.bus(store, proxy.port, { answerMs: 1_000 });
    await world.tell(store, 50);
    await allPublished(store);
    proxy.freeze();
    await world.tell(store, 100);
    // It has sent them, and nobody answers.
    await until('it notices', () => old.state === 'away', PATIENCE_MS);
    await old.stop();
    await world.bus(store, server.port);
    await world.tell(store, 10);
    await allPublished(store);
    await pause(2 * WINDOW_MS);
    proxy.heal();
    await until('all of it has arrived', () => proxy.open === 0, PATIENCE_MS);
    await world.tell(store, 10);
    await allPublished(store);
    expect(await check(server, store)).to.have.length(170);
  });

  it('doubles nothing when it did not note what was delivered', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await forgetful(server);
    for (const lost of [1, 250, 700]) {
      const bus = await world.bus(store, server.port);
      await world.tell(store, 800);
      await allPublished(store);
      await bus.stop();
      await pause(2 * WINDOW_MS);
      await store.call('buschanges.rewind', { to: (await store.changes.head()) - 2 * lost });
      await world.tell(store, 10);
    }
    await world.bus(store, server.port);
    await allPublished(store);
    await check(server, store);
  });

  it('goes on behind a server that has forgotten the last id over a restart', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await forgetful(server);
    const bus = await world.bus(store, server.port);
    await world.tell(store, 10);
    await allPublished(store);
    await server.stop();
    await pause(2 * WINDOW_MS);
    await server.start();
    await world.tell(store, 10);
    await allPublished(store);
    expect(await check(server, store)).to.have.length(20);
    expect(bus.published).to.equal(20);
  });

  it('publishes again what the server had acknowledged and lost', async () => {
    const [server, store] = [await world.server(), await world.store()];
    let bus = await world.bus(store, server.port);
    await world.tell(store, 10);
    await allPublished(store);
    await server.stop();
    server.save();
    await server.start();
    await world.tell(store, 1_200);
    await allPublished(store);
    await bus.stop();
    await server.stop();
    server.restore();
    await server.start();
    expect(await server.read(SUBJECT)).to.have.length(10);
    // Also over a restart of the publisher.
    bus = await world.bus(store, server.port);
    await world.tell(store, 1);
    await allPublished(store);
    expect(await check(server, store)).to.have.length(1_211);
    expect(bus.published).to.equal(1_201);
  });

  it('does not bring back what an admin has purged', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await world.bus(store, server.port);
    await world.tell(store, 10);
    await allPublished(store);
    const { streams } = await server.manager();
    await streams.purge(SUBJECT);
    await world.tell(store, 2);
    await allPublished(store);
    expect(await server.read(SUBJECT)).to.have.length(2);
    await streams.delete(SUBJECT);
    await world.tell(store, 3);
    await allPublished(store);
    expect(await server.read(SUBJECT)).to.have.length(3);
  });

  it('waits while a stream is full', async () => {
    const [server, store] = [await world.server(), await world.store()];
    const { streams } = await server.manager();
    await streams.add({ name: 'SMALL', subjects: [SUBJECT], max_msgs: 25, discard: 'new' });
    const bus = await world.bus(store, server.port);
    await world.tell(store, 60);
    const all: string[] = [];
    for (const count of [25, 25, 10]) {
      await until('it is full', async () => (await server.read('SMALL')).length === count, PATIENCE_MS);
      if (count === 25) await until('it says so', () => /maximum messages/.test(bus.problems[0] ?? ''), PATIENCE_MS);
      all.push(...(await server.read('SMALL')).map(({ text }) => text));
      await streams.purge('SMALL');
    }
    await allPublished(store);
    expect(all.map((text) => Number(/beat \\"(\d+)/.exec(text)?.[1]))).to.deep.equal(
      Array.from({ length: 60 }, (_, i) => i),
    );
    await until('all is well', () => bus.state === 'connected', PATIENCE_MS);
  });

  it('shares a stream with others that publish between', async () => {
    const [server, store] = [await world.server(), await world.store()];
    const { streams } = await server.manager();
    const subjects = [SUBJECT, 'other'];
    await streams.add({ name: 'SHARED', subjects, duplicate_window: WINDOW_MS * 1e6 });
    const js = (await server.manager()).jetstream();
    let bus = await world.bus(store, server.port);
    let foreign = 0;
    const meddle = async (): Promise<void> => {
      const msgID = `theirs-${foreign}`;
      await js.publish(subjects[foreign % 2] ?? '', 'theirs', foreign % 3 === 0 ? {} : { msgID });
      foreign++;
    };
    let isOver = false;
    const telling = world.tellOn(store, 8, () => isOver);
    try {
      for (let round = 0; round < 40; round++) {
        await meddle();
        await pause(Math.random() * 5);
      }
    } finally {
      isOver = true;
      await telling;
    }
    await allPublished(store);
    await bus.stop();
    // Behind the newest of ours come many of theirs, and then the publisher does not remember what was delivered.
    for (let n = 0; n < 210; n++) await meddle();
    await store.call('buschanges.rewind', { to: (await store.changes.head()) - 60 });
    await world.tell(store, 1);
    bus = await world.bus(store, server.port);
    await allPublished(store);
    const stored = await check(server, store, 'SHARED');
    expect(stored.filter(({ text }) => text === 'theirs')).to.have.length(250);
    expect(bus.published, 'only what was new').to.equal(1);
  });

  it('says that the password is wrong, not which it is, and goes on when it is right', async () => {
    const right = { user: 'csm', password: 'right-one' };
    const [server, store] = [await world.server({ user: 'csm', password: 'an0ther' }), await world.store()];
    const address = readBusAddress(`nats://csm:right-one@127.0.0.1:${server.port}`);
    const bus = await world.bus(store, server.port, { address });
    await world.tell(store, 7);
    await until('it says why', () => /refuses our user and password/.test(bus.problems[0] ?? ''), PATIENCE_MS);
    await until('it counts what waits', () => bus.waiting === 7, PATIENCE_MS);
    expect(bus.problems[0])
      .to.include(`nats://127.0.0.1:${server.port}/${SUBJECT} is away`)
      .and.not.include('right-one');
    await server.stop();
    await server.start(right);
    await allPublished(store);
    expect(await check(server, store)).to.have.length(7);
  });

  it('says that JetStream is missing, and goes on when it is there', async () => {
    const [server, store] = [await world.server({ jetstream: false }), await world.store()];
    const bus = await world.bus(store, server.port);
    await world.tell(store, 7);
    await until('it says why', () => /JetStream/.test(bus.problems[0] ?? ''), PATIENCE_MS);
    await server.stop();
    await until('it says that nobody is there', () => /connection refused/.test(bus.problems[0] ?? ''), PATIENCE_MS);
    await server.start({});
    await allPublished(store);
    expect(await check(server, store)).to.have.length(7);
  });

  describe('with something that is no bus', () => {
    const sockets = new Set<Socket>();
    let listener: Server;
    let most = 0;
    let taken = 0;

    /** Accepts, and says this; gives the port. */
    async function listen(words: string | undefined): Promise<number> {
      [most, taken] = [0, 0];
      listener = createServer((socket) => {
        sockets.add(socket);
        taken++;
        most = Math.max(most, sockets.size);
        socket.on('error', () => {});
        socket.once('close', () => sockets.delete(socket));
        socket.resume();
        if (words !== undefined) socket.write(words);
      });
      await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
      world.undo(async () => {
        for (const socket of sockets) socket.destroy();
        await new Promise((resolve) => listener.close(resolve));
      });
      return (listener.address() as { readonly port: number }).port;
    }

    for (const [what, words, reason] of [
      ['accepts and never answers', undefined, 'it does not answer within 100 ms'],
      ['speaks something else', '220 mail.example.org ESMTP\r\n', 'what listens there does not speak NATS'],
      [
        'greets and then never answers',
        `INFO ${JSON.stringify({ server_id: 'x', version: '2.9.10', proto: 1, host: 'x', port: 1, headers: true, max_payload: 1_048_576 })}\r\n`,
        'it did not answer in time',
      ],
    ] as const) {
      it(`keeps no connection to a server that ${what}`, async () => {
        const [port, store] = [await listen(words), await world.store()];
        const bus = await world.bus(store, port, { answerMs: 100 });
        await world.tell(store, 3);
        await until('it has tried', () => taken >= 8, PATIENCE_MS);
        await until('it says why', () => bus.problems[0]?.endsWith(`is away: ${reason}`) === true, PATIENCE_MS);
        // One that is given up may be seen a moment longer there than here.
        expect(most, 'at once').to.be.at.most(3);
        await bus.stop();
        await until('all connections are closed', () => sockets.size === 0, PATIENCE_MS);
        expect(await store.query('SELECT count(*) AS n FROM follower WHERE cursor = 0')).to.deep.equal([{ n: 1 }]);
      });
    }

    it('stops at once while it waits for an answer', async () => {
      const [port, store] = [await listen(undefined), await world.store()];
      const bus = await world.bus(store, port, { answerMs: 10 * PATIENCE_MS });
      await world.tell(store, 3);
      await until('it has asked', () => sockets.size === 1, PATIENCE_MS);
      await bus.stop();
      await until('the connection is closed', () => sockets.size === 0, PATIENCE_MS);
    });
  });

  it('stops at once while messages are under way', async () => {
    const [server, store] = [await world.server(), await world.store()];
    const bus = await world.bus(store, server.port, { answerMs: 10 * PATIENCE_MS });
    await world.tell(store, 2);
    await allPublished(store);
    server.signal('SIGSTOP');
    await world.tell(store, 2);
    // Nothing tells when they have left; it must stop at once whether they have or not.
    await pause(50);
    await bus.stop();
    server.signal('SIGCONT');
    await world.bus(store, server.port);
    await allPublished(store);
    expect(await check(server, store)).to.have.length(4);
  });
});
