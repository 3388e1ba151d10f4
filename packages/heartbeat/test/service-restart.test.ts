/** Restarts, sleep, mass events and a machine that is cut off: the whole service on a clock that the test moves. */
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { readRestored } from '../src/store/queries.ts';
import { until } from './hand-time.ts';
import { BEGAN, ServiceWorld } from './service-world.ts';

const SECOND = 1_000;
const inCabinet = (cabinet: number, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `x${cabinet}c${Math.floor(i / 8) % 8}s${i % 8}b0n0`);

overEngines('the service over time', (bench) => {
  let world: ServiceWorld;
  afterEach(() => world?.stop());

  const beating = () => world.service.tracker.counts();
  const changes = async (kind: string) =>
    (await world.store.changes.since(0, 10_000, { kinds: ['heartbeat'] })).filter(
      ({ body }) => (body as { kind: string }).kind === kind,
    );

  it('a process that dies and comes back knows who beat when, and tells that it was blind', async () => {
    world = await ServiceWorld.open(bench);
    const names = inCabinet(3, 20);
    await world.beats(names);
    await world.time.advance(6 * SECOND);
    await world.beats(names);
    // The second beat is written by the next flush, two seconds after the one before has ended.
    await until('the arrivals are written', async () => {
      await world.time.advance(SECOND / 10);
      const { rows } = await readRestored(world.store);
      return rows.length === names.length && rows.every(({ lastBeat }) => (lastBeat ?? 0) >= BEGAN + 6 * SECOND);
    });
    await world.kill();
    await world.time.advance(12 * SECOND);
    await world.start();
    expect(beating()).to.include({ beating: 20, late: 0, dead: 0 });
    const { json } = await world.get(`/hmi/v1/components/${names[0]}`);
    expect(Date.parse(json.LastSeen) - BEGAN).to.be.within(6_000, 6_100);
    // Nobody is late before he has had his time, and those that beat are told of nothing.
    await world.time.advance(9 * SECOND);
    await world.beats(names);
    await world.settled();
    expect(await changes('warning')).to.deep.equal([]);
    const blind = (await world.get('/hmi/v1/incidents')).json.Incidents.filter(
      (one: { Kind: string }) => one.Kind === 'blind',
    );
    expect(blind).to.have.length(1);
    expect(blind[0].Words).to.match(/blind for \d+(\.\d)? s/);
    expect(world.log.events.some(({ message }) => message === 'monitoring was blind')).to.equal(true);
  }).timeout(90_000);

  it('what lasted when a process died has ended with it', async () => {
    world = await ServiceWorld.open(bench);
    const names = inCabinet(3, 20);
    await world.beats([...names, ...inCabinet(4, 20), ...inCabinet(5, 40)]);
    for (let n = 0; n < 2; n++) {
      await world.time.advance(8 * SECOND);
      await world.beats([...inCabinet(4, 20), ...inCabinet(5, 40)]);
    }
    await world.settled();
    expect((await world.get('/hmi/v1/incidents?open=true')).json.Incidents).to.have.length(1);
    await world.stop();
    await world.start();
    await world.settled();
    expect((await world.get('/hmi/v1/incidents?open=true')).json.Incidents).to.deep.equal([]);
  });

  it('a process that slept declares nobody dead', async () => {
    world = await ServiceWorld.open(bench);
    const names = inCabinet(3, 30);
    await world.beats(names);
    await world.time.advance(5 * SECOND);
    await world.time.sleep(120 * SECOND);
    await world.time.advance(5 * SECOND);
    await world.settled();
    expect(await changes('dead')).to.deep.equal([]);
    await world.beats(names.slice(0, 10));
    await world.settled();
    expect(beating()).to.include({ dead: 0 });
    // Who is silent yet has had his time in the end.
    await world.time.advance(9 * SECOND);
    await world.beats(names.slice(0, 10));
    await world.time.advance(9 * SECOND);
    await world.beats(names.slice(0, 10));
    await world.time.advance(9 * SECOND);
    await world.beats(names.slice(0, 10));
    await world.settled();
    expect(beating()).to.include({ beating: 10, dead: 20 });
  });

  it('a process that slept blames nobody for what came due just before it woke', async () => {
    world = await ServiceWorld.open(bench);
    const names = inCabinet(3, 30);
    await world.beats(names);
    await world.time.advance(5 * SECOND);
    // Their warning time is over for half a second: of itself that is no sleep.
    await world.time.sleep(5.5 * SECOND);
    await world.settled();
    expect(beating()).to.include({ beating: 30, late: 0 });
    expect(await changes('warning')).to.deep.equal([]);
    const told = (await world.get('/hmi/v1/incidents')).json.Incidents as { Kind: string; Words: string }[];
    expect(told.map(({ Kind }) => Kind)).to.deep.equal(['blind']);
    // From then on they have their time, and no more than that.
    await world.time.advance(9 * SECOND);
    expect(beating()).to.include({ beating: 30 });
    await world.time.advance(2 * SECOND);
    expect(beating()).to.include({ late: 30 });
  });

  it('many that fall silent at once are one incident, each with a change of its own', async () => {
    world = await ServiceWorld.open(bench);
    const cabinet = inCabinet(3, 40);
    const others = [...inCabinet(4, 60), ...inCabinet(5, 60)];
    await world.beats([...cabinet, ...others]);
    for (let n = 0; n < 4; n++) {
      await world.time.advance(8 * SECOND);
      await world.beats(others);
    }
    await world.settled();
    const { json } = await world.get('/hmi/v1/incidents');
    expect(json.Incidents).to.have.length(1);
    const [incident] = json.Incidents;
    expect(incident).to.include({ Scope: 'x3', Count: 40, Ended: null });
    const dead = await changes('dead');
    expect(dead).to.have.length(40);
    for (const { body } of dead) expect((body as { incident: string }).incident).to.equal(incident.ID);
    const told = await world.store.changes.since(0, 10_000, { kinds: ['heartbeat.incident'] });
    expect(told.length).to.be.within(1, 3);
    expect((await world.get('/hmi/v1/health')).status).to.equal(200);
    expect(world.service.health().problems.join('; ')).to.include('x3');
    await world.beats(cabinet);
    await world.time.advance(SECOND);
    await world.settled();
    expect((await world.get('/hmi/v1/incidents?open=true')).json.Incidents).to.deep.equal([]);
    expect(world.service.health().problems).to.deep.equal([]);
  });

  it('a machine that is cut off declares nobody dead until it hears again, and then gives all their time', async () => {
    world = await ServiceWorld.open(bench);
    const all = [3, 4, 5].flatMap((cabinet) => inCabinet(cabinet, 20));
    await world.beats(all);
    world.cutOffWords = 'no network interface of this machine has a carrier: eth0 (down)';
    await world.time.advance(300 * SECOND);
    await world.settled();
    expect(beating()).to.include({ dead: 0, late: 60 });
    expect(world.service.health().problems.join('; ')).to.include('nobody is declared dead: no network interface');
    world.cutOffWords = undefined;
    await world.time.advance(5 * SECOND);
    expect(world.service.health().problems.join('; ')).to.not.include('nobody is declared dead');
    await world.beats(all.slice(0, 50));
    for (let n = 0; n < 4; n++) {
      await world.time.advance(9 * SECOND);
      await world.beats(all.slice(0, 50));
    }
    await world.settled();
    expect(beating()).to.include({ beating: 50, dead: 10 });
  });

  it('where all fall silent and the machine hears, they are dead', async () => {
    world = await ServiceWorld.open(bench);
    const all = [3, 4, 5].flatMap((cabinet) => inCabinet(cabinet, 20));
    await world.beats(all);
    await world.time.advance(35 * SECOND);
    await world.settled();
    expect(beating()).to.include({ dead: 60 });
    const { json } = await world.get('/hmi/v1/incidents');
    expect(json.Incidents[0]).to.include({ Scope: 'all', Count: 60 });
  });

  it('parameters and thresholds that were changed hold over a restart, until the configuration says otherwise', async () => {
    world = await ServiceWorld.open(bench);
    const patched = await world.ask('PATCH', '/hmi/v1/params', { Warntime: '35', Errtime: '60', Debug: '1' });
    expect(patched.status).to.equal(200);
    await world.service.setThresholds([{ type: 'NodeBMC', warnMs: 100_000, errMs: 200_000 }]);
    await world.stop();
    await world.start();
    expect((await world.get('/hmi/v1/params')).json).to.include({ Warntime: '35', Errtime: '60', Debug: '1' });
    expect(world.service.thresholds()).to.deep.equal({
      global: { warnMs: 35_000, errMs: 60_000 },
      special: [{ type: 'NodeBMC', warnMs: 100_000, errMs: 200_000 }],
    });
    await world.stop();
    await world.start({ warntime: 12 });
    expect((await world.get('/hmi/v1/params')).json).to.include({ Warntime: '12', Errtime: '60', Debug: '1' });
  });

  it('forgets a component, and makes it anew when it beats again', async () => {
    world = await ServiceWorld.open(bench);
    const [one = '', two = ''] = inCabinet(3, 2);
    await world.beats([one, two]);
    await world.settled();
    expect((await world.ask('DELETE', `/hmi/v1/components/${one}`)).status).to.equal(204);
    expect((await world.ask('DELETE', `/hmi/v1/components/${one}`)).status).to.equal(404);
    await world.time.advance(60 * SECOND);
    expect(await world.kinds(two)).to.deep.equal(['started', 'warning', 'dead']);
    expect((await world.get(`/hmi/v1/hbstate/${one}`)).json.Heartbeating).to.equal(false);
    await world.stop();
    await world.start();
    expect(world.service.tracker.find(one)).to.equal(undefined);
    await world.beat(one);
    expect(await world.kinds(one)).to.deep.equal(['started', 'started']);
  });

  it('refuses one component more than it may track, and goes on with the others', async () => {
    world = await ServiceWorld.open(bench, { max_components: 3 });
    const [a = '', b = '', c = '', d = ''] = inCabinet(3, 4);
    await world.beats([a, b, c]);
    const body = { Component: d, Hostname: 'n', NID: '1', Status: 'OK', Timestamp: 'now' };
    expect((await world.ask('POST', '/hmi/v1/heartbeat', body)).status).to.equal(503);
    await world.beat(a);
  });

  it('makes a component in the built-in state manager with the number its first beat tells', async () => {
    world = await ServiceWorld.open(bench);
    const [name = ''] = inCabinet(3, 1);
    const body = { Component: name, Hostname: 'n', NID: '0x10', Status: 'OK', Timestamp: 'now' };
    expect((await world.ask('POST', '/hmi/v1/heartbeat', body)).status).to.equal(200);
    await world.settled();
    const { json } = await world.get(`/hsm/v2/State/Components/${name}`);
    expect(json).to.include({ ID: name, Type: 'Node', State: 'Ready', Flag: 'OK', NID: 16 });
  });
});
