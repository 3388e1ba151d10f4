/**
 * Rows of hbtd's own tests that are about time, and what follows from them, against the whole service over HTTP on a
 * clock that the test moves, on both databases. Where a row has ticks of a checker, the same becomes of each component
 * in the same order, and nothing later than in the row.
 */
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { FaultyManager } from './faulty-manager.ts';
import { until } from './hand-time.ts';
import { MONO_BEGAN, ServiceWorld, StepTime } from './service-world.ts';

const node = (b: number, n: number): string => `x0c0s0b${b}n${n}`;
const [N1, N2, N3] = [node(0, 1), node(0, 2), node(0, 3)] as const;
const SECOND = 1_000;

overEngines('tracking', (bench) => {
  let world: ServiceWorld;
  afterEach(() => world?.stop());

  /** Goes to so many seconds since the world began. */
  async function goTo(seconds: number): Promise<void> {
    const ms = MONO_BEGAN + seconds * SECOND - world.time.now().mono;
    if (ms < 0) throw new Error(`second ${seconds} is over`);
    await world.time.advance(ms);
  }

  it('row 22: late and dead by their own times', async () => {
    world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20 });
    await world.beat(N1);
    await goTo(4);
    expect(await world.kinds(N1)).to.deep.equal(['started']);
    await goTo(5);
    await world.beat(N2);
    await goTo(7);
    expect(await world.kinds(N1)).to.deep.equal(['started', 'warning']);
    expect(await world.kinds(N2)).to.deep.equal(['started']);
    await goTo(12);
    await world.beat(N3);
    await goTo(15);
    expect(await world.kinds(N2)).to.deep.equal(['started', 'warning']);
    expect(await world.kinds(N3)).to.deep.equal(['started']);
    await goTo(37);
    for (const name of [N1, N2, N3]) expect(await world.kinds(name)).to.deep.equal(['started', 'warning', 'dead']);
    expect(world.service.tracker.counts()).to.include({ beating: 0, late: 0, dead: 3 });
  });

  it('detects within 250 ms of the threshold, and tells a start at once', async () => {
    world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20 });
    await goTo(3);
    await world.beat(N1);
    await world.time.advance(60 * SECOND);
    const [started, warned, dead] = (await world.story(N1)).map((one) => Number(one.split('@')[1]));
    expect(started).to.equal(3);
    expect(warned).to.be.within(8, 8.3);
    expect(dead).to.be.within(23, 23.3);
  });

  it('goes on where timers fire a little early, as those of the machine do', async () => {
    const time = new StepTime();
    time.earlyMs = 1;
    world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20 }, time);
    await goTo(60);
    await world.beat(N1);
    await world.time.advance(60 * SECOND);
    expect(await world.kinds(N1)).to.deep.equal(['started', 'warning', 'dead']);
    const { LastCheck } = (await world.get('/hmi/v1/health')).json;
    expect(world.time.now().wall - Date.parse(LastCheck)).to.be.within(0, SECOND);
  });

  it('takes heartbeats of very many while deadlines are checked, and misses none of either', async () => {
    world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20 });
    const many = (from: number, count: number): string[] =>
      Array.from({ length: count }, (_, i) => `x${(from + i) >> 8}c0s${(from + i) & 255}b0n0`);
    const beating = many(0, 10_000);
    const silent = many(10_240, 10_000);
    await world.beats(silent);
    const { tracker } = world.service;
    // Heartbeats and time go on at once; a clock that jumps while there is much to do may give them their time anew.
    for (let round = 0; round < 10 || (tracker.counts().dead < silent.length && round < 40); round++) {
      await Promise.all([world.beats(beating), world.time.advance(3 * SECOND)]);
      expect(tracker.counts().beating).to.be.at.least(beating.length);
    }
    expect(tracker.counts()).to.include({ beating: 10_000, late: 0, dead: 10_000 });
  });

  it('row 23: after a time in which nobody watched, nobody is declared dead at once', async () => {
    world = await ServiceWorld.open(bench, { warntime: 15, errtime: 20 });
    await world.beats([N1, N2]);
    await world.time.advance(3 * SECOND);
    await world.settled();
    await world.stop();
    await world.time.advance(60 * SECOND);
    await world.start();
    const back = (world.time.now().mono - MONO_BEGAN) / SECOND;
    for (const name of [N1, N2]) expect(await world.kinds(name)).to.deep.equal(['started', 'warning(gap)']);
    await world.time.advance(5 * SECOND);
    await world.beat(N1);
    expect(await world.story(N1)).to.deep.equal(['started@0', `warning(gap)@${back}`, `restarted@${back + 5}`]);
    await world.time.advance(12 * SECOND);
    expect(await world.kinds(N2)).to.deep.equal(['started', 'warning(gap)']);
    await world.time.advance(7 * SECOND);
    expect(await world.kinds(N2)).to.deep.equal(['started', 'warning(gap)', 'dead']);
  });

  it('rows 25 and 26: who beats, by the error time', async () => {
    world = await ServiceWorld.open(bench, { warntime: 10, errtime: 20 });
    const unknown = node(0, 4);
    await world.beat(N3);
    await goTo(20);
    await world.beat(N2);
    await goTo(30);
    await world.beat(N1);
    const names = [N1, N2, N3, unknown];
    const answer = await world.ask('POST', '/hmi/v1/hbstates', { XNames: names });
    expect(answer.status).to.equal(200);
    const expected = [true, true, false, false].map((Heartbeating, i) => ({ XName: names[i], Heartbeating }));
    expect(answer.json).to.deep.equal({ HBStates: expected });
    for (const one of expected) {
      const single = await world.get(`/hmi/v1/hbstate/${one.XName}`);
      expect(single.status).to.equal(200);
      expect(single.json).to.deep.equal(one);
    }
  });

  it('row 27: of several changes before a flush the state manager is told the last', async () => {
    const time = new StepTime();
    const manager = await FaultyManager.start(time);
    const [restarts, warns, dies, starts] = [0, 1, 2, 3].map((n) => node(1, n)) as [string, string, string, string];
    try {
      manager.ready = 503;
      manager.knows([restarts, warns, dies, starts]);
      const external = { kind: 'external', sm_url: manager.url } as const;
      world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20, manager: external }, time);
      await world.beats([restarts, warns, dies, starts]);
      // started > warning > restarted; restarted > warning; warning > dead; dead > started.
      await world.time.advance(6 * SECOND);
      await world.beats([restarts, warns]);
      await world.time.advance(4 * SECOND);
      await world.beat(restarts);
      await world.time.advance(11 * SECOND);
      await world.beats([restarts, starts]);
      expect(await world.kinds(restarts)).to.include('restarted');
      expect((await world.kinds(restarts)).at(-1)).to.equal('restarted');
      expect((await world.kinds(warns)).at(-1)).to.equal('warning');
      expect((await world.kinds(dies)).at(-1)).to.equal('dead');
      expect((await world.kinds(starts)).at(-1)).to.equal('started');
      expect(manager.heard).to.deep.equal([]);
      manager.ready = 200;
      await until('the state manager is told', async () => {
        // Only its own clock makes the service ask again; a beat keeps those that live alive.
        await world.beats([restarts, starts]);
        await world.time.advance(SECOND / 2);
        return world.service.health().waiting.manager === 0 && manager.heard.length > 0;
      });
      const told = (id: string) => manager.heard.filter(({ ids }) => ids.includes(id)).map(({ message }) => message);
      expect(told(restarts)).to.deep.equal(['Heartbeat restarted']);
      expect(told(warns)[0]).to.be.oneOf(['Heartbeat stopped -- might be dead', 'Heartbeat stopped -- declared dead']);
      expect(told(dies)).to.deep.equal(['Heartbeat stopped -- declared dead']);
      expect(told(starts)).to.deep.equal(['Heartbeat started']);
    } finally {
      await world.stop();
      await manager.close();
    }
  });

  it('row 29: twelve nodes through all of it', async () => {
    world = await ServiceWorld.open(bench, { warntime: 10, errtime: 30 });
    const all = [0, 1, 2].flatMap((b) => [0, 1, 2, 3].map((n) => node(b, n)));
    const [early1, early2, late, dying] = [node(0, 0), node(0, 1), node(2, 2), node(2, 3)] as const;
    const ten = all.filter((name) => name !== late && name !== dying);
    const rest = all.filter((name) => ![early1, early2, dying].includes(name));
    const schedule: readonly (readonly [number, readonly string[]])[] = [
      [0, [early1, early2, dying]],
      [3, rest],
      [11, [early1, early2]],
      [12, [...ten, late]],
      [21, ten],
      [27, [...ten, late]],
      [35, [...ten, dying]],
      [43, ten],
    ];
    for (const [second, names] of schedule) {
      await goTo(second);
      await world.beats(names);
    }
    await goTo(80);
    /** What becomes of whom, each not later than the row's tick. */
    const rows: readonly (readonly [readonly string[], readonly (readonly [string, number])[]])[] = [
      [
        [early1, early2],
        [
          ['started', 5],
          ['warning', 10],
          ['restarted', 15],
          ['warning', 55],
          ['dead', 75],
        ],
      ],
      [
        [late],
        [
          ['started', 5],
          ['warning', 25],
          ['restarted', 30],
          ['warning', 40],
          ['dead', 60],
        ],
      ],
      [
        [dying],
        [
          ['started', 5],
          ['warning', 10],
          ['dead', 30],
          ['started', 35],
          ['warning', 45],
          ['dead', 70],
        ],
      ],
      [
        ten.slice(2),
        [
          ['started', 5],
          ['warning', 55],
          ['dead', 75],
        ],
      ],
    ];
    for (const [names, expected] of rows) {
      for (const name of names) {
        const story = (await world.story(name)).map((one) => one.split('@') as [string, string]);
        expect(
          story.map(([kind]) => kind),
          name,
        ).to.deep.equal(expected.map(([kind]) => kind));
        for (const [i, [kind, second]] of story.entries())
          expect(Number(second), `${name} ${kind}`).to.be.at.most((expected[i]?.[1] ?? 0) + 0.3);
      }
    }
  });

  it('a late component that beats is back at once, and one that is in time is told of nothing', async () => {
    world = await ServiceWorld.open(bench);
    await world.beats([N1, N2]);
    for (let second = 3; second <= 12; second += 3) {
      await goTo(second);
      await world.beat(N2);
    }
    await world.beat(N1);
    expect(await world.kinds(N1)).to.deep.equal(['started', 'warning', 'restarted']);
    expect(await world.kinds(N2)).to.deep.equal(['started']);
  });

  it('a clock on the wall that is set forward or back changes nothing', async () => {
    world = await ServiceWorld.open(bench);
    await world.beats([N1, N2]);
    for (const step of [86_400_000, -3 * 86_400_000, 2 * 86_400_000]) {
      world.time.step(step);
      await world.time.advance(5 * SECOND);
      await world.beats([N1, N2]);
      expect((await world.get(`/hmi/v1/hbstate/${N1}`)).json.Heartbeating).to.equal(true);
    }
    await world.settled();
    expect(world.service.tracker.counts()).to.include({ beating: 2, late: 0, dead: 0 });
    expect((await world.kinds(N1)).filter((kind) => kind !== 'started')).to.deep.equal([]);
  });

  it('heartbeats count by their arrival, whatever they say of the time, and twice the same is a second one', async () => {
    world = await ServiceWorld.open(bench);
    const say = (Timestamp: string) => world.ask('POST', `/hmi/v1/heartbeat/${N1}`, { Status: 'OK', Timestamp });
    for (const stamp of [
      '2026-01-31T08:00:09Z',
      '2026-01-31T08:00:03Z',
      '2026-01-31T08:00:03Z',
      '1970-01-01T00:00:00Z',
    ]) {
      expect((await say(stamp)).status).to.equal(200);
      await world.time.advance(8 * SECOND);
    }
    expect(await world.kinds(N1)).to.deep.equal(['started']);
  });

  it('a kernel that oopses is told at once, and who goes away is not missed', async () => {
    world = await ServiceWorld.open(bench);
    await world.beats([N1, N2, N3]);
    await world.time.advance(2 * SECOND);
    await world.beat(N1, 'Kernel Oops: 0002 [#1]');
    await world.beat(N2, 'going away');
    await world.beat(N3, ' Halting ');
    await world.time.advance(3_600 * SECOND);
    expect(await world.story(N1)).to.deep.equal(['started@0', 'halted@2']);
    for (const name of [N2, N3]) expect(await world.story(name)).to.deep.equal(['started@0', 'left@2']);
    const shown = (await world.get(`/hsm/v2/State/Components/${N1}`)).json;
    expect(shown).to.include({ State: 'Halt', Flag: 'Alert' });
    expect((await world.get(`/hsm/v2/State/Components/${N2}`)).json).to.include({ State: 'Ready', Flag: 'OK' });
    await world.beats([N1, N2]);
    expect((await world.kinds(N1)).at(-1)).to.equal('started');
    expect((await world.kinds(N2)).at(-1)).to.equal('started');
  });

  it('a component that is switched off is silent without an alarm, over a restart, too', async () => {
    world = await ServiceWorld.open(bench);
    await world.beats([N1, N2]);
    await world.settled();
    const off = await world.ask('PATCH', `/hsm/v2/State/Components/${N1}/StateData`, { State: 'Off' });
    expect(off.status).to.equal(204);
    await world.time.advance(15 * SECOND);
    await world.stop();
    await world.time.advance(60 * SECOND);
    await world.start();
    await world.time.advance(120 * SECOND);
    expect(await world.kinds(N1)).to.deep.equal(['started']);
    expect(await world.kinds(N2)).to.deep.equal(['started', 'warning', 'dead']);
    await world.beat(N1);
    expect(await world.kinds(N1)).to.deep.equal(['started', 'started']);
    await world.settled();
    expect((await world.get(`/hsm/v2/State/Components/${N1}`)).json).to.include({ State: 'Ready', Flag: 'OK' });
  });

  it('Interval changes nothing of when silence is noticed', async () => {
    world = await ServiceWorld.open(bench, { warntime: 5, errtime: 20 });
    expect((await world.ask('PATCH', '/hmi/v1/params', { Interval: '3600' })).json.Interval).to.equal('3600');
    expect((await world.ask('PATCH', '/hmi/v1/params', { Interval: '0' })).status).to.equal(400);
    await world.beat(N1);
    await world.time.advance(21 * SECOND);
    expect(await world.kinds(N1)).to.deep.equal(['started', 'warning', 'dead']);
  });
});
