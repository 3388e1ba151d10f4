/** The lead goes from one master to another while changes are published: still once each, and in order. */
import { setTimeout as pause } from 'node:timers/promises';
import { type PostgresSite, startPostgres } from '@csm/sim';
import { type Candidacy, type Store, standForLeader } from '@csm/store';
import { expect } from 'chai';
import type { MessageBus } from '../src/bus/bus.ts';
import { allPublished, BusWorld, CHANGES, check, PATIENCE_MS, SUBJECT } from './bus-world.ts';
import { needsNats, until } from './nats-server.ts';

const ROUNDS = 6;

describe('the message bus over changes of the leader', function () {
  this.timeout(120_000);
  const world = new BusWorld();
  let site: PostgresSite | undefined;
  before(needsNats);
  before(async function () {
    this.timeout(180_000);
    site = await startPostgres(this);
    await site.create('csm1');
  });
  after(() => site?.remove());
  afterEach(() => world.close());

  it('loses and doubles nothing', async () => {
    const server = await world.server();
    const { streams } = await server.manager();
    await streams.add({ name: SUBJECT, subjects: [SUBJECT], duplicate_window: 100e6 });
    const stand = async (master: string): Promise<Candidacy> => {
      const server = { host: '', port: 0, database: '', ...site?.at('csm1'), user: master };
      await site?.admin(`CREATE ROLE ${master} SUPERUSER LOGIN`);
      const options = { server, modules: [CHANGES], master, lease: 2_000, ...world.options };
      const candidacy = await standForLeader(options);
      world.undo(() => candidacy.close());
      return candidacy;
    };
    const elect = async (candidacy: Candidacy): Promise<Store> => {
      const store = await candidacy.elected;
      world.undo(() => store.close());
      return store;
    };
    let candidacy = await stand('m0');
    let last: { readonly store: Store; readonly bus: MessageBus } | undefined;
    for (let round = 1; round <= ROUNDS; round++) {
      const store = await elect(candidacy);
      const bus = await world.bus(store, server.port);
      // The one before it went on as long as it could.
      await last?.bus.stop();
      await last?.store.close();
      last = { store, bus };
      let isOver = false;
      const telling = world.tellOn(store, 25, () => isOver).catch(() => undefined);
      await until('messages flow', () => bus.published > 100, PATIENCE_MS);
      candidacy = await stand(`m${round}`);
      // In the middle of something, whatever it is.
      await pause(Math.random() * 50);
      if (round % 2 === 0) await deprive(`m${round - 1}`);
      else void store.close();
      isOver = true;
      await telling;
    }
    const store = await elect(candidacy);
    const bus = await world.bus(store, server.port);
    await last?.bus.stop();
    await last?.store.close();
    await allPublished(store);
    expect((await check(server, store)).length).to.be.above(100 * ROUNDS);
    await bus.stop();
  });

  /** Cuts a master off from the database for good, whatever it is doing. */
  async function deprive(master: string): Promise<void> {
    await site?.admin(`ALTER ROLE ${master} NOLOGIN`);
    await site?.admin(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = '${master}'`);
  }
});
