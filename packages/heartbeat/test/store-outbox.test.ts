import { expect } from 'chai';
import { countOutbox, readOutbox, readRefused, readWaiting } from '../src/store/queries.ts';
import type { Change } from '../src/types.ts';
import { change, nodeNames, overStores, type World } from './store-world.ts';

const A = 'x0c0s0b0n0';
const B = 'x0c0s1b0n0';
const C = 'x0c0s2b0n0';

overStores('the outbox to a state manager', (open) => {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });

  const external = (...changes: Change[]): Promise<void> => world.record({ changes, manager: 'external' });
  const waiting = async (): Promise<string[]> =>
    (await readOutbox(world.store, 100)).map(({ seq, name, state, flag }) => `${seq} ${name} ${state}/${flag}`);

  it('has of each component the newest, under the number of its change, in order', async () => {
    await external(change(A, 'started', 1), change(B, 'started', 1), change(C, 'started', 1));
    expect(await readOutbox(world.store, 1)).to.deep.equal([
      { seq: 1, name: A, state: 'Ready', flag: 'OK', message: 'Heartbeat started' },
    ]);
    await external(change(B, 'warning', 2), change(A, 'warning', 2), change(A, 'dead', 3));
    await external(change(C, 'halted', 4));
    expect(await waiting()).to.deep.equal([`4 ${B} Ready/Warning`, `6 ${A} Standby/Alert`, `7 ${C} Halt/Alert`]);
    expect((await readOutbox(world.store, 1, 4)).map(({ name }) => name)).to.deep.equal([A]);
    expect(await readWaiting(world.store, A)).to.include({ seq: 6, state: 'Standby' });
    expect(await readWaiting(world.store, 'x5')).to.equal(undefined);
    expect(await countOutbox(world.store)).to.equal(3);
    // It is not ours to say what the components of another state manager are.
    expect(await world.count('hsm_component')).to.equal(0);
  });

  it('keeps a newer row when an older one was sent', async () => {
    await external(change(A, 'started', 1), change(B, 'started', 1));
    await external(change(A, 'dead', 2));
    await world.store.call('heartbeat.sent', {
      rows: [
        { name: A, seq: 1 },
        { name: B, seq: 2 },
      ],
    });
    expect(await waiting()).to.deep.equal([`3 ${A} Standby/Alert`]);
    await world.store.call('heartbeat.sent', { rows: [{ name: A, seq: 3 }] });
    await world.store.call('heartbeat.sent', { rows: [] });
    expect(await waiting()).to.deep.equal([]);
  });

  it('sends no alarm of who went away, and nothing of who was forgotten', async () => {
    await external(change(A, 'warning', 1), change(B, 'started', 1), change(C, 'dead', 1));
    await external(change(A, 'left', 2), change(B, 'left', 2));
    expect(await waiting()).to.deep.equal([`2 ${B} Ready/OK`, `3 ${C} Standby/Alert`]);
    await external(change(A, 'warning', 3), change(A, 'left', 4), change(B, 'restarted', 5), change(B, 'left', 6));
    expect(await waiting()).to.deep.equal([`3 ${C} Standby/Alert`, `8 ${B} Ready/OK`]);
    await world.store.call('heartbeat.forget', { name: C });
    expect(await waiting()).to.deep.equal([`8 ${B} Ready/OK`]);
  });

  it('has no nodes of this cluster, which have no xname', async () => {
    await external(change('n001', 'dead', 1, { source: 'csm' }), change(A, 'dead', 1, { source: 'csm' }));
    expect(await waiting()).to.deep.equal([`2 ${A} Standby/Alert`]);
  });

  it('drops what is out of date once another manager, or none, is told', async () => {
    await external(change(A, 'started', 1), change(B, 'started', 1));
    await world.record({ changes: [change(A, 'dead', 2)], manager: 'none' });
    expect(await waiting()).to.deep.equal([`2 ${B} Ready/OK`]);
    await world.record({ changes: [change(B, 'dead', 2)], manager: 'builtin' });
    expect(await waiting()).to.deep.equal([]);
  });

  it('sets aside what is refused, unless a newer row has taken its place; the newest thousand are kept', async () => {
    await external(change(A, 'started', 1), change(B, 'started', 1));
    await external(change(A, 'dead', 2));
    await world.store.call('heartbeat.refused', { name: A, seq: 1, reason: 'invalid xname ID' });
    expect(await waiting()).to.deep.equal([`2 ${B} Ready/OK`, `3 ${A} Standby/Alert`]);
    await world.store.call('heartbeat.refused', { name: A, seq: 3, reason: 'invalid\0xname' });
    await world.store.call('heartbeat.refused', { name: A, seq: 3, reason: 'once more' });
    expect(await waiting()).to.deep.equal([`2 ${B} Ready/OK`]);
    const [only, ...others] = await readRefused(world.store);
    expect(only).to.include({ seq: 3, name: A, state: 'Standby', flag: 'Alert', reason: 'invalid\uFFFDxname' });
    expect(others).to.deep.equal([]);
    const names = nodeNames(1_002, 10);
    await external(...names.map((name) => change(name, 'started', 5)));
    await Promise.all(
      names.map((name, i) => world.store.call('heartbeat.refused', { name, seq: 4 + i, reason: 'no' })),
    );
    const kept = await readRefused(world.store);
    expect(kept).to.have.length(1_000);
    expect([kept[0]?.name, kept.at(-1)?.name]).to.deep.equal([names.at(-1), names[2]]);
    expect(await waiting()).to.deep.equal([`2 ${B} Ready/OK`]);
  });
});
