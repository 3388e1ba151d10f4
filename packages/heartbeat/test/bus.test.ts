/** Changes on a real NATS server: as hbtd tells them, once each, in order, in a stream that is made or found. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openStore, type Store } from '@csm/store';
import { expect } from 'chai';
import { readBusAddress } from '../src/bus/address.ts';
import { forgetBus } from '../src/bus/bus.ts';
import { allPublished, BusWorld, CHANGES, check, PATIENCE_MS, SUBJECT } from './bus-world.ts';
import { needsNats, until } from './nats-server.ts';

describe('the message bus', function () {
  this.timeout(60_000);
  const world = new BusWorld();
  before(needsNats);
  afterEach(() => world.close());

  it('has each change once, in order, word for word, and no other kind', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await world.tell(store, 3);
    const head = await store.changes.head();
    const bus = await world.bus(store, server.port);
    await until('it is connected', () => bus.state === 'connected', PATIENCE_MS);
    expect(await server.read(SUBJECT), 'what was before is not told').to.deep.equal([]);
    await world.tell(store, 1);
    await until('it arrives', async () => (await server.read(SUBJECT)).length === 1, PATIENCE_MS);
    await world.tell(store, 1_999);
    await allPublished(store);
    const stored = await server.read(SUBJECT);
    expect(stored).to.have.length(2_000);
    expect(stored.map(({ headers }) => Number(headers['Csm-Seq']))).to.deep.equal(
      Array.from({ length: 2_000 }, (_, i) => head + 2 * (i + 1)),
    );
    expect(stored[2]).to.deep.include({
      subject: SUBJECT,
      text: '{"MessageID":"Heartbeat Change Notification","ID":"x5c0s5b0n0","NewState":"Ready","NewFlag":"OK","LastHBTimeStamp":"beat \\"5\\" – Jan 1, 0000","Info":"Heartbeat started."}',
    });
    expect(stored[2]?.headers).to.include({ 'Csm-Source': 'beat', 'Csm-Incident': 'i5' });
    expect(stored[3]?.headers).to.not.have.property('Csm-Incident');
    expect(stored[4]?.headers).to.include({ 'Csm-Source': 'csm' });
    expect(bus.published).to.equal(2_000);
    await until('it knows that nothing waits', () => bus.waiting === 0, PATIENCE_MS);
    expect(bus.problems).to.deep.equal([]);
  });

  it('knows how many changes wait before anybody asks', async () => {
    const [server, store] = [await world.server(), await world.store()];
    await server.stop();
    let counted = 0;
    const query: Store['query'] = async (...args) => {
      const rows = await store.query(...args);
      if (JSON.stringify(args[0]).includes('count')) counted++;
      return rows as never;
    };
    const watched = new Proxy(store, {
      get: (target, key) => {
        if (key === 'query') return query;
        const value: unknown = Reflect.get(target, key, target);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const bus = await world.bus(watched, server.port);
    counted = 0;
    await world.tell(store, 9);
    await until('they were counted', () => counted > 0, PATIENCE_MS);
    expect(bus.waiting).to.equal(9);
  });

  it('goes on after a stop where it was, and from now on after it was switched off', async () => {
    const [server, store] = [await world.server(), await world.store()];
    for (let round = 0; round < 3; round++) {
      const bus = await world.bus(store, server.port);
      await world.tell(store, 40);
      await allPublished(store);
      await bus.stop();
      await bus.stop();
      await world.tell(store, 40);
    }
    const last = await world.bus(store, server.port);
    await allPublished(store);
    await check(server, store);
    await last.stop();
    await forgetBus(store);
    expect(await store.query('SELECT name FROM follower')).to.deep.equal([]);
    await world.tell(store, 40);
    await world.bus(store, server.port);
    await world.tell(store, 2);
    await allPublished(store);
    const stored = await server.read(SUBJECT);
    expect(stored).to.have.length(242);
    const seqs = stored.map(({ headers }) => Number(headers['Csm-Seq']));
    expect((seqs[240] ?? 0) - (seqs[239] ?? 0), 'what came meanwhile is left out').to.equal(82);
  });

  it('makes a stream with bounds, and takes one that is there as it is', async () => {
    const [server, store] = [await world.server(), await world.store()];
    const { streams } = await server.manager();
    await streams.add({ name: 'ALL', subjects: ['site.>'], storage: 'memory', max_msgs: 1_000, max_age: 60e9 });
    const before = (await streams.info('ALL')).config;
    const first = await world.bus(store, server.port);
    await world.tell(store, 5);
    await allPublished(store);
    await first.stop();
    const made = (await streams.info(SUBJECT)).config;
    expect(made).to.deep.include({ subjects: [SUBJECT], storage: 'file', retention: 'limits', max_bytes: 536_870_912 });
    const address = readBusAddress(`127.0.0.1:${server.port}:site.heartbeats`);
    await world.bus(store, server.port, { address });
    await world.tell(store, 5);
    await allPublished(store);
    expect(await server.read('ALL')).to.have.length(5);
    expect(await server.read(SUBJECT)).to.have.length(5);
    expect((await streams.info('ALL')).config).to.deep.equal(before);
  });

  it('refuses a stream that cannot hold the order, and goes on when there is a fit one', async () => {
    const [server, store] = [await world.server(), await world.store()];
    const { streams } = await server.manager();
    await streams.add({ name: 'QUEUE', subjects: [SUBJECT], retention: 'workqueue' });
    const bus = await world.bus(store, server.port);
    await world.tell(store, 5);
    await until('it says why', () => bus.problems[0]?.includes('workqueue') === true, PATIENCE_MS);
    expect(bus.problems[0]).to.equal(
      `the message bus nats://127.0.0.1:${server.port}/${SUBJECT} is away: stream QUEUE cannot be used: its retention is workqueue: what was read is gone, and with it where to go on; allowed: limits`,
    );
    expect(bus.state).to.equal('away');
    await until('it counts what waits', () => bus.waiting === 5, PATIENCE_MS);
    await streams.delete('QUEUE');
    await allPublished(store);
    await check(server, store);
    await until('all is well', () => bus.state === 'connected' && bus.problems.length === 0, PATIENCE_MS);
  });

  it('encrypts where it is told to, and believes only the certificate of that address', async () => {
    const [server, store] = [await world.server({ tls: '127.0.0.1' }), await world.store()];
    const address = readBusAddress(`tls://127.0.0.1:${server.port}`);
    const wary = await world.bus(store, server.port, { address });
    await world.tell(store, 3);
    await until('it refuses', () => /self-signed certificate/.test(wary.problems[0] ?? ''), PATIENCE_MS);
    await wary.stop();
    const bus = await world.bus(store, server.port, { address, tls: { caFile: server.certificate } });
    await allPublished(store);
    expect(await check(server, store)).to.have.length(3);
    for (const [options, why] of [
      [{ tls: '127.0.0.2' }, /127\.0\.0\.1 is not in the cert's list/],
      [{}, /does not support 'tls'/],
    ] as const) {
      await server.stop();
      await server.start(options);
      await until('it refuses', () => why.test(bus.problems[0] ?? ''), PATIENCE_MS);
    }
  });

  it('publishes what is new after the database was restored, though its numbers were given before', async () => {
    const server = await world.server();
    const directory = await mkdtemp(join(tmpdir(), 'csm-bus-'));
    world.undo(() => rm(directory, { recursive: true }));
    const open = () => openStore({ file: join(directory, 'csm.db'), modules: [CHANGES], ...world.options });
    let store = await open();
    let bus = await world.bus(store, server.port);
    await world.tell(store, 30);
    await allPublished(store);
    await bus.stop();
    // Twenty changes are no more; ten and then thirty others come under their numbers.
    await store.call('buschanges.goBack', { to: 20 });
    await store.close();
    store = await open();
    world.undo(() => store.close());
    await world.tell(store, 10);
    bus = await world.bus(store, server.port);
    await allPublished(store);
    await world.tell(store, 30);
    await allPublished(store);
    await bus.stop();
    const stored = await server.read(SUBJECT);
    const numbers = stored.map(({ text }) => Number(/beat \\"(\d+)/.exec(text)?.[1]));
    expect(numbers).to.deep.equal(Array.from({ length: 70 }, (_, i) => i));
    expect(new Set(stored.map(({ id }) => id)).size).to.equal(70);
    await store.close();
  });
});
