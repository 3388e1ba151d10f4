/**
 * The upstream checks that concern an external state manager (rows 5, 24, 27, 28, 30 and 31), the four cases in which
 * hbtd loses or confuses what it was to tell, and its other measured defects on that way.
 */
import { type Bench, overEngines } from '@csm/sim';
import { openMemoryStore } from '@csm/store';
import { expect } from 'chai';
import { readRefused } from '../src/store/queries.ts';
import type { ChangeKind } from '../src/types.ts';
import { FaultyManager } from './faulty-manager.ts';
import { until } from './hand-time.ts';
import { changeOf, ManagerWorld, node, nodes, type WorldOptions } from './manager-world.ts';
import { patient } from './patient.ts';
import { ServiceWorld, StepTime } from './service-world.ts';

overEngines('telling an external state manager', (bench) => {
  let world: ManagerWorld;
  afterEach(() => world.close());

  /** What has nothing to do with the database is looked at over one of them. */
  const itOnce = (title: string, test: () => Promise<void>): void => {
    if (bench.engine === 'in memory') it(title, test);
  };

  const open = async (options: WorldOptions = {}): Promise<void> => {
    world = await ManagerWorld.open(patient(bench), options);
  };
  const tell = (...changes: readonly (readonly [number, ChangeKind])[]): Promise<void> =>
    world.record(changes.map(([n, kind]) => changeOf(node(n), kind, world.now)));

  it('row 5, and start-up without it: beats are taken while it is away, and told when it is ready', async () => {
    await open({ isAway: true });
    expect(world.sender.status()).to.include({ manager: 'not ready', waiting: 0 });
    world.beat(node(0), node(1));
    await world.moveTo(9);
    expect(world.sender.status()).to.include({ manager: 'not ready', waiting: 2 });
    expect(world.sender.status().problems.join()).to.match(/is not ready: ECONNREFUSED; it is yet to be told of 2/);
    expect(await world.waiting()).to.equal(2);
    // Node 1 falls silent and dies before anybody can be told that it began.
    world.beat(node(0));
    await world.moveTo(17);
    world.beat(node(0));
    await world.moveTo(25);
    world.beat(node(0));
    await world.moveTo(31);
    await world.manager.listen();
    world.manager.ready = 503;
    await world.moveTo(36);
    expect(world.manager.heard).to.deep.equal([]);
    expect(world.sender.status().problems.join()).to.match(/HTTP 503: HSM's database is unhealthy/);
    world.manager.ready = 200;
    world.beat(node(0));
    await world.moveTo(41);
    expect(world.sender.status()).to.deep.include({ manager: 'ready', waiting: 0, problems: [] });
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Ready/OK']);
    expect(world.manager.storyOf(node(1))).to.deep.equal(['Standby/Alert']);
    expect(await world.waiting()).to.equal(0);
  });

  it('row 24: with 200 it is sent, with a User-Agent; with 500 it is not, and goes again', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'status', status: 500 });
    await tell([0, 'started']);
    expect(world.sender.status()).to.include({ waiting: 1, taken: 0, failed: 1, lastDelivery: null });
    expect(await world.waiting()).to.equal(1);
    world.manager.fault = () => ({ kind: 'status', status: 200, text: '{}' });
    await world.moveTo(5);
    expect(world.sender.status()).to.include({ waiting: 0, taken: 1 });
    expect(world.sender.status().lastDelivery).to.be.a('number');
    expect(await world.waiting()).to.equal(0);
    expect(world.manager.heard.map(({ userAgent }) => userAgent)).to.deep.equal(['smn01', 'smn01']);
  });

  for (const status of [200, 202, 204]) {
    itOnce(`takes ${status} for success`, async () => {
      await open();
      world.manager.fault = () => ({ kind: 'status', status });
      await tell([0, 'started']);
      expect(world.sender.status()).to.include({ waiting: 0, taken: 1, failed: 0 });
    });
  }

  it('row 27: each component appears once, in the list of its last change', async () => {
    await open({ isAway: true });
    await tell([0, 'started'], [1, 'restarted'], [2, 'warning'], [3, 'dead']);
    await tell([0, 'restarted'], [1, 'warning'], [2, 'dead'], [3, 'started']);
    await world.manager.listen();
    await world.moveTo(5);
    expect(world.manager.heard.map(({ message, ids }) => `${message}: ${ids.join()}`)).to.have.members([
      `Heartbeat restarted: ${node(0)}`,
      `Heartbeat stopped -- might be dead: ${node(1)}`,
      `Heartbeat stopped -- declared dead: ${node(2)}`,
      `Heartbeat started: ${node(3)}`,
    ]);
    expect(await world.waiting()).to.equal(0);
  });

  it('row 28: refused with 404, and then told with what came since', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'status', status: 404 });
    await tell([0, 'started'], [1, 'restarted'], [2, 'warning'], [3, 'dead']);
    expect(world.sender.status()).to.include({ waiting: 4, taken: 0, failed: 4 });
    const before = world.manager.heard.length;
    await tell([4, 'started']);
    world.manager.fault = () => undefined;
    await world.moveTo(5);
    const heard = world.manager.heard.slice(before).map(({ message, ids }) => `${message}: ${[...ids].sort().join()}`);
    expect(heard).to.have.members([
      `Heartbeat started: ${node(0)},${node(4)}`,
      `Heartbeat restarted: ${node(1)}`,
      `Heartbeat stopped -- might be dead: ${node(2)}`,
      `Heartbeat stopped -- declared dead: ${node(3)}`,
    ]);
    expect(await world.waiting()).to.equal(0);
  });

  /** Eight nodes beat at 5 and 21 s, another one begins at 21; nothing is taken between 10 and 21 s. */
  const outage = async (fault: FaultyManager['fault']): Promise<void> => {
    await open({ warnMs: 10_000, errMs: 30_000 });
    world.manager.knows(nodes(0, 8));
    await world.moveTo(5);
    world.beat(...nodes(0, 7));
    await world.tick();
    await world.moveTo(10);
    for (const name of nodes(0, 7)) expect(world.manager.stateOf(name)).to.equal('Ready/OK');
    world.manager.fault = fault;
    await world.moveTo(21);
    world.manager.fault = () => undefined;
    world.beat(...nodes(0, 8));
    await world.tick();
    await world.moveTo(25);
  };
  const restartedBy25 = (): void => {
    const heard = world.manager.heard.filter(({ message }) => message === 'Heartbeat restarted');
    expect(new Set(heard.flatMap(({ ids }) => ids))).to.deep.equal(new Set(nodes(0, 7)));
    expect(world.manager.applied).to.include(`${node(8)} Ready/OK`);
  };

  it('row 30: what fails goes again, and a warning that is out of date does not', async () => {
    await outage(() => ({ kind: 'status', status: 500 }));
    restartedBy25();
    expect(world.heard.filter((text) => text.startsWith('15 Ready/Warning'))).to.have.length(1);
    expect(world.manager.applied.filter((text) => text.endsWith('Ready/Warning'))).to.deep.equal([]);
    for (const name of nodes(0, 8)) expect(world.manager.stateOf(name)).to.equal('Ready/OK');
    expect(await world.waiting()).to.equal(0);
  });

  it('row 31: a PATCH that is held longer than Sm_timeout and taken late confuses nobody', async () => {
    await outage(() => ({ kind: 'hold', ms: 20_000 }));
    restartedBy25();
    expect(await world.waiting()).to.equal(0);
    // The warnings of 15 s are taken at 35 s, and again what came after them.
    world.beat(...nodes(0, 8));
    await world.moveTo(34);
    world.beat(...nodes(0, 8));
    await world.moveTo(36);
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Ready/OK', 'Ready/Warning', 'Ready/OK']);
    for (const name of nodes(0, 8)) expect(world.manager.stateOf(name)).to.equal('Ready/OK');
    expect(world.sender.status()).to.include({ waiting: 0 });
    expect(await world.waiting()).to.equal(0);
  });

  itOnce('what is taken late and was not replaced is not told twice', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'hold', ms: 11_000 });
    await tell([0, 'dead']);
    expect(world.manager.held).to.equal(1);
    // The retries break off.
    world.manager.fault = () => ({ kind: 'break', applies: false });
    await world.moveTo(9.5);
    expect(world.manager.heard).to.have.length(1);
    await world.moveTo(11.25);
    const { length } = world.manager.heard;
    await world.moveTo(30);
    expect(world.manager.heard).to.have.length(length);
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Standby/Alert']);
    expect(await world.waiting()).to.equal(0);
  });

  it('a lost alert is none: what is taken of others takes nothing away', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'status', status: 500 });
    await tell([7, 'started']);
    await tell([7, 'dead']);
    let refusals = 0;
    world.manager.fault = ({ state }) =>
      state === 'Standby' && refusals++ === 0 ? { kind: 'status', status: 500 } : undefined;
    await tell([8, 'started']);
    await world.moveTo(10);
    expect(refusals).to.be.greaterThan(1);
    expect(world.manager.storyOf(node(7))).to.deep.equal(['Standby/Alert']);
    expect(world.manager.storyOf(node(8))).to.deep.equal(['Ready/OK']);
    expect(await world.waiting()).to.equal(0);
  });

  it('a poisoned batch is none: who is refused is set aside with the reason, all others pass', async () => {
    await open();
    const culprit = 'x1c2s2b0n3v4';
    world.manager.takes = (id) => id !== culprit;
    const others = nodes(0, 29);
    await world.record(
      [...others.slice(0, 11), culprit, ...others.slice(11)].map((name) => changeOf(name, 'started', world.now)),
    );
    for (const name of others) expect(world.manager.storyOf(name)).to.deep.equal(['Ready/OK']);
    expect(await world.waiting()).to.equal(0);
    expect(await readRefused(world.store)).to.have.length(1);
    expect((await readRefused(world.store))[0]).to.include({ name: culprit, reason: 'HTTP 400: invalid xname ID' });
    expect(world.sender.status()).to.include({ refused: 1, waiting: 0 });
    expect(world.sender.status().problems.join()).to.match(/refused 1 changes, at last of x1c2s2b0n3v4: HTTP 400/);
    // And not only once.
    await tell([30, 'started'], [31, 'started']);
    expect(world.manager.storyOf(node(31))).to.deep.equal(['Ready/OK']);
    // An hour at once: the question that is asked meanwhile has no time to be answered, the next one has.
    world.time.moveTo(3_600_000);
    await world.settled();
    await world.moveTo(3_610);
    expect(world.sender.status().problems).to.deep.equal([]);
  });

  it('delivery is in order: no component has two PATCHes under way, whatever the answers', async () => {
    await open({ params: { Sm_timeout: '100' } });
    world.manager.fault = () => ({ kind: 'hold', ms: 4_000 });
    await tell([0, 'started'], [1, 'started']);
    await world.moveTo(1);
    await tell([0, 'warning']);
    await world.moveTo(2);
    await tell([0, 'dead'], [1, 'warning']);
    await world.moveTo(3.75);
    expect(world.heard).to.deep.equal([`0 Ready/OK ${node(0)} ${node(1)}`]);
    await world.moveTo(20);
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Ready/OK', 'Standby/Alert']);
    expect(world.manager.storyOf(node(1))).to.deep.equal(['Ready/OK', 'Ready/Warning']);
  });

  for (const [title, fault] of [
    ['breaks before', { kind: 'break', applies: false }],
    ['breaks after it was taken', { kind: 'break', applies: true }],
    ['breaks in the middle of the answer', { kind: 'half' }],
  ] as const) {
    itOnce(`a connection that ${title} costs nothing but a repetition`, async () => {
      await open();
      let left = 2;
      world.manager.fault = () => (left-- > 0 ? fault : undefined);
      await tell([0, 'dead']);
      await world.moveTo(5);
      expect(world.manager.storyOf(node(0))).to.deep.equal(['Standby/Alert']);
      expect(world.manager.heard).to.have.length(3);
      expect(await world.waiting()).to.equal(0);
    });
  }

  itOnce('a closed port in the middle of the work is waited out', async () => {
    await open();
    await tell([0, 'started']);
    await world.manager.close();
    await tell([0, 'dead'], [1, 'started']);
    await world.moveTo(7);
    expect(world.sender.status()).to.include({ manager: 'not ready', waiting: 2 });
    await world.manager.listen();
    await world.moveTo(12);
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Ready/OK', 'Standby/Alert']);
    expect(world.manager.storyOf(node(1))).to.deep.equal(['Ready/OK']);
  });

  it('what waits outlives a restart', async () => {
    await open({ isAway: true });
    await tell([0, 'started'], [1, 'dead']);
    await world.restart();
    expect(world.sender.status().waiting).to.equal(2);
    await tell([0, 'warning']);
    await world.restart();
    await world.manager.listen();
    await world.moveTo(5);
    expect(world.manager.storyOf(node(0))).to.deep.equal(['Ready/Warning']);
    expect(world.manager.storyOf(node(1))).to.deep.equal(['Standby/Alert']);
    await world.restart();
    await world.moveTo(20);
    expect(world.manager.heard).to.have.length(2);
  });

  it('many components go in PATCHes of a thousand, each once', async () => {
    await open({ isAway: true });
    const names = nodes(0, 2_499);
    for (const some of [names.slice(0, 900), names.slice(900, 1_800), names.slice(1_800)]) {
      await world.record(some.map((name) => changeOf(name, 'started', world.now)));
    }
    await world.manager.listen();
    await world.moveTo(5);
    expect(world.manager.heard.map(({ ids }) => ids.length)).to.deep.equal([1_000, 1_000, 500]);
    expect(new Set(world.manager.heard.flatMap(({ ids }) => ids)).size).to.equal(2_500);
    expect(await world.waiting()).to.equal(0);
  });

  itOnce('the body is as hbtd writes it', async () => {
    await open();
    await tell([0, 'warning']);
    expect(world.manager.heard[0]?.text).to.equal(
      `{"ComponentIDs":["${node(0)}"],"State":"Ready","Flag":"Warning",` +
        '"ExtendedInfo":{"ID":"","Message":"Heartbeat stopped -- might be dead","Flag":""}}',
    );
  });

  it('an alarm that still waits is not raised of who says that it goes away, nor anything of who is forgotten', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'status', status: 500 });
    await tell([0, 'warning'], [1, 'dead'], [2, 'dead']);
    await tell([0, 'left']);
    await world.store.call('heartbeat.forget', { name: node(1) });
    world.manager.fault = () => undefined;
    await world.moveTo(5);
    expect(world.manager.applied).to.deep.equal([`${node(2)} Standby/Alert`]);
    expect(world.sender.status().waiting).to.equal(0);
  });

  itOnce('Sm_url, Sm_timeout, Sm_retries and Nosm are in force when they are changed', async () => {
    await open();
    const other = await FaultyManager.start(world.time);
    try {
      world.manager.ready = 503;
      await world.moveTo(5);
      await tell([0, 'started']);
      expect(world.sender.status().manager).to.equal('not ready');
      // The other one is asked at once, and told.
      const asked = world.manager.readyAsked;
      world.params = { ...world.params, Sm_url: `${other.url}/` };
      world.sender.paramsChanged();
      await world.settled();
      expect(world.sender.status()).to.include({ manager: 'ready', waiting: 0 });
      expect(other.storyOf(node(0))).to.deep.equal(['Ready/OK']);
      expect(other.readyAsked).to.equal(1);
      await world.moveTo(20);
      expect(world.manager.readyAsked).to.equal(asked);
      expect(other.readyAsked).to.equal(4);
      // A second is all it gets, and each retry waits as long as may be.
      world.params = { ...world.params, Sm_timeout: '1', Sm_retries: '0' };
      world.sender.paramsChanged();
      other.fault = () => ({ kind: 'break', applies: false });
      await tell([1, 'started']);
      const before = other.heard.length;
      await world.moveTo(23.5);
      expect(other.heard).to.have.length(before);
      await world.moveTo(24);
      expect(other.heard).to.have.length(before + 1);
      other.fault = () => undefined;
      await world.moveTo(28);
      expect(other.storyOf(node(1))).to.deep.equal(['Ready/OK']);
      // Nobody is told, and then somebody is again.
      world.params = { ...world.params, Nosm: '1' };
      world.sender.paramsChanged();
      await tell([1, 'dead']);
      await world.moveTo(40);
      expect(world.sender.status()).to.include({ manager: 'none', waiting: 1 });
      expect(other.storyOf(node(1))).to.deep.equal(['Ready/OK']);
      world.params = { ...world.params, Nosm: '0' };
      world.sender.paramsChanged();
      await world.settled();
      expect(other.storyOf(node(1))).to.deep.equal(['Ready/OK', 'Standby/Alert']);
    } finally {
      await other.close();
    }
  });

  itOnce('a state manager that does not answer whether it is ready is not', async () => {
    await open({ params: { Sm_timeout: '2' } });
    world.manager.ready = undefined;
    await world.moveTo(7.5);
    expect(world.sender.status().manager).to.equal('not ready');
    expect(world.sender.status().problems.join()).to.match(/no answer within 2 s/);
    await until('it has let go', () => world.manager.held === 0);
  });

  itOnce('a stop leaves nothing behind, whatever is under way', async () => {
    await open();
    world.manager.fault = () => ({ kind: 'hold', ms: 20_000 });
    await tell([0, 'started'], [1, 'dead']);
    await world.moveTo(12);
    await world.sender.stop();
    world.time.moveTo(60_000);
    expect(world.time.pending).to.equal(0);
    expect(await world.waiting()).to.equal(2);
  });
});

describe('the whole service and its external state manager', () => {
  it('row 5 over HTTP: heartbeats are taken while it is away, and it is told of them when it is there', async () => {
    const time = new StepTime();
    const manager = await FaultyManager.start(time);
    await manager.close();
    const bench: Pick<Bench, 'open'> = {
      open: (module, _url, options) => openMemoryStore({ modules: [module], ...options }),
    };
    const service = await ServiceWorld.open(
      bench as Bench,
      { manager: { kind: 'external', sm_url: manager.url } },
      time,
    );
    try {
      const status = async (): Promise<string> => (await service.get('/hmi/v1/health')).json.HsmStatus as string;
      await service.beats(nodes(0, 2));
      await service.settled();
      await until('it is known to be away', async () => (await status()) === 'Not ready');
      expect((await service.get('/hmi/v1/readiness')).status).to.equal(204);
      expect((await service.get(`/hmi/v1/hbstate/${node(1)}`)).json.Heartbeating).to.equal(true);
      await manager.listen();
      await time.advance(5_000);
      await until('it is told', () => nodes(0, 2).every((name) => manager.storyOf(name).length > 0));
      expect(manager.storyOf(node(1))).to.deep.equal(['Ready/OK']);
      expect(await status()).to.equal('Ready');
      await service.beat(node(0), 'Kernel Oops');
      await until('it is told', () => manager.storyOf(node(0)).length > 1);
      expect(manager.storyOf(node(0))).to.deep.equal(['Ready/OK', 'Halt/Alert']);
      expect(manager.heard.at(-1)?.message).to.equal('Heartbeat stopped -- kernel oops');
      await service.beat(node(1), 'going away');
      await time.advance(10_000);
      await until('it is told', () => manager.storyOf(node(2)).length > 1);
      // Who said that it goes away is no alarm.
      expect(manager.storyOf(node(1))).to.deep.equal(['Ready/OK']);
      expect(manager.storyOf(node(2))).to.deep.equal(['Ready/OK', 'Ready/Warning']);
    } finally {
      await service.stop();
      await service.store.close();
      await manager.close();
    }
  });
});
