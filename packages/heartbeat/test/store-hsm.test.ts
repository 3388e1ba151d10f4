import { code } from '@csm/model';
import { expect } from 'chai';
import {
  type HsmTerm,
  readHsmComponent,
  readHsmComponents,
  readRestored,
  readSubscriptions,
} from '../src/store/queries.ts';
import type { ChangeKind, HsmComponent, ScnSubscription } from '../src/types.ts';
import { change, nodeNames, overStores, problemOf, type World } from './store-world.ts';

const A = 'x0c0s0b0n0';
const B = 'x0c0s1b0n0';
const BMC = 'x0c0s0b0';

const node = (ID: string, State: string, Flag = 'OK', more: Partial<HsmComponent> = {}): HsmComponent => ({
  ID,
  Type: 'Node',
  State,
  Flag,
  ...more,
});

overStores('the built-in state manager', (open) => {
  let world: World;
  beforeEach(async () => {
    world = await open();
  });

  const create = (components: readonly HsmComponent[], force = false): Promise<number> =>
    world.store.call<number>('heartbeat.hsmCreate', { components, force });
  const patch = (ids: readonly string[], state: string, flag = 'OK', force = false): Promise<string[]> =>
    world.store.call<string[]>('heartbeat.hsmPatch', { ids, state, flag, force });
  const state = async (id: string): Promise<string | undefined> => {
    const component = await readHsmComponent(world.store, id);
    return component === undefined ? undefined : `${component.State}/${component.Flag}`;
  };
  const notified = async (): Promise<unknown[]> =>
    (await world.changes('hsm.scn')).map(({ subject, body }) => ({ subject, ...(body as object) }));
  const life = async (name: string): Promise<string | undefined> =>
    (await readRestored(world.store)).rows.find((row) => row.name === name)?.life;

  it('makes components of those that beat, with type and NID, unless it is not to', async () => {
    await world.record({
      changes: [change(A, 'started', 1), change(BMC, 'halted', 1), change('n001', 'started', 1, { source: 'csm' })],
      nids: { [A]: 7, [BMC]: Number.MAX_VALUE },
    });
    await world.record({ changes: [change(B, 'started', 1)], discover: false });
    await world.record({ changes: [change('x1c0s0b0n0', 'dead', 1)] });
    expect(await readHsmComponents(world.store)).to.deep.equal([
      { ID: BMC, Type: 'NodeBMC', State: 'Halt', Flag: 'Alert', Enabled: true },
      { ID: A, Type: 'Node', State: 'Ready', Flag: 'OK', Enabled: true, NID: 7 },
    ]);
    expect(await notified()).to.deep.equal([
      { subject: A, State: 'Ready', Flag: 'OK', Enabled: true },
      { subject: BMC, State: 'Halt', Flag: 'Alert', Enabled: true },
    ]);
  });

  it('goes by the same rules for a heartbeat and for a PATCH', async () => {
    const kinds: readonly ChangeKind[] = ['started', 'restarted', 'warning', 'dead', 'halted', 'left'];
    const told: Partial<Record<ChangeKind, readonly [string, string]>> = {
      started: ['Ready', 'OK'],
      restarted: ['Ready', 'OK'],
      warning: ['Ready', 'Warning'],
      dead: ['Standby', 'Alert'],
      halted: ['Halt', 'Alert'],
    };
    const before = ['Unknown', 'Empty', 'Populated', 'Off', 'On', 'Standby', 'Halt', 'Ready'].flatMap((State) =>
      ['OK', 'Warning', 'Alert', 'Locked'].map((Flag) => ({ State, Flag })),
    );
    const names = nodeNames(before.length);
    const all = before.map(({ State, Flag }, i) => node(names[i] ?? '', State, Flag));
    const outcome = async (): Promise<(string | undefined)[]> => {
      const rows = await readHsmComponents(world.store);
      return names.map((name) => {
        const row = rows.find(({ ID }) => ID === name);
        return `${row?.State}/${row?.Flag}`;
      });
    };
    for (const kind of kinds) {
      await create(all, true);
      await world.record({ changes: names.map((name) => change(name, kind, 1)) });
      const byBeat = await outcome();
      await create(all, true);
      const [to, flag] = told[kind] ?? [];
      if (to !== undefined) await patch(names, to, flag);
      expect(byBeat, kind).to.deep.equal(await outcome());
    }
    // And some of them by hand.
    await create([node(A, 'Off'), node(B, 'Ready', 'Locked')], true);
    await world.record({ changes: [change(A, 'warning', 1), change(A, 'dead', 2)] });
    expect(await state(A)).to.equal('Off/OK');
    await world.record({ changes: [change(B, 'dead', 2)] });
    expect(await state(B)).to.equal('Standby/Locked');
    await world.record({ changes: [change(A, 'started', 3), change(A, 'warning', 4)] });
    expect(await state(A)).to.equal('Ready/Warning');
  });

  it('tells its subscribers each change in order, and only changes', async () => {
    await create([node(A, 'Ready', 'OK', { Role: 'Compute' })]);
    const since = (await world.changes()).length;
    await world.record({
      changes: [
        change(A, 'started', 1),
        change(A, 'warning', 2),
        change(A, 'warning', 3),
        change(A, 'dead', 4),
        change(A, 'warning', 5),
        change(A, 'left', 6),
      ],
    });
    const rows = (await world.changes()).slice(since);
    expect(rows.map(({ kind }) => kind)).to.deep.equal([
      'heartbeat',
      'heartbeat',
      'hsm.scn',
      'heartbeat',
      'heartbeat',
      'hsm.scn',
      'heartbeat',
      'heartbeat',
    ]);
    expect(rows.filter(({ kind }) => kind === 'hsm.scn').map(({ body }) => body)).to.deep.equal([
      { State: 'Ready', Flag: 'Warning' },
      { State: 'Standby', Flag: 'Alert' },
    ]);
  });

  it('answers a PATCH for each name, in the order given', async () => {
    await create([node(A, 'Ready'), node(B, 'Off')]);
    const since = (await world.changes()).length;
    const answers = await patch([B, 'x9c0s0b0n0', A, A], 'Standby', 'Alert');
    expect(answers.slice(1)).to.deep.equal(['unknown', 'changed', 'same']);
    expect(answers[0]).to.match(/Off may not become Standby/);
    expect([await state(A), await state(B)]).to.deep.equal(['Standby/Alert', 'Off/OK']);
    expect(await patch([B], 'Empty')).to.deep.equal(['state Empty is set by force only']);
    expect(await patch([B], 'Empty', 'OK', true)).to.deep.equal(['changed']);
    expect((await world.changes()).slice(since).map(({ subject, body }) => ({ subject, body }))).to.deep.equal([
      { subject: A, body: { State: 'Standby', Flag: 'Alert' } },
      { subject: B, body: { State: 'Empty', Flag: 'OK' } },
    ]);
  });

  it('sets flags alone, without a word to anybody', async () => {
    await create([node(A, 'Ready'), node(B, 'Ready', 'Locked')]);
    const since = (await world.changes()).length;
    const flag = (to: string): Promise<string[]> =>
      world.store.call<string[]>('heartbeat.hsmFlag', { ids: [A, B, BMC], flag: to });
    expect(await flag('Locked')).to.deep.equal(['changed', 'same', 'unknown']);
    expect([await state(A), await state(B)]).to.deep.equal(['Ready/Locked', 'Ready/Locked']);
    expect(await flag('Alert')).to.deep.equal(['changed', 'changed', 'unknown']);
    expect([await state(A), await state(B)]).to.deep.equal(['Ready/Alert', 'Ready/Alert']);
    expect(await world.changes()).to.have.length(since);
  });

  it('keeps all fields, replaces by force only, and deletes', async () => {
    const full: Required<HsmComponent> = {
      ID: A,
      Type: 'Node',
      State: 'On',
      Flag: 'OK',
      Enabled: false,
      SoftwareStatus: 'DvsAvailable',
      Role: 'Compute',
      SubRole: 'Worker',
      NID: 0,
      Subtype: 's',
      NetType: 'Sling',
      Arch: 'X86',
      Class: 'River',
      ReservationDisabled: false,
      Locked: true,
    };
    expect(await create([full, node(B, 'Ready')])).to.equal(2);
    expect(await readHsmComponent(world.store, A)).to.deep.equal(full);
    expect(await create([node(A, 'Off'), node(BMC, 'On')])).to.equal(1);
    expect(await state(A)).to.equal('On/OK');
    expect(await create([node(A, 'Off')], true)).to.equal(1);
    expect(await readHsmComponent(world.store, A)).to.deep.equal(node(A, 'Off'));
    const remove = (id: string): Promise<boolean> => world.store.call<boolean>('heartbeat.hsmDelete', { id });
    expect([await remove(A), await remove(A)]).to.deep.equal([true, false]);
    expect(await state(A)).to.equal(undefined);
  });

  it('lets the tracker know after a restart who is off', async () => {
    await world.record({ changes: [change(A, 'started', 1), change(B, 'started', 1)] });
    await patch([A, B], 'Off');
    expect([await life(A), await life(B)]).to.deep.equal(['off', 'off']);
    // What was noticed before the tracker knew.
    await world.record({ changes: [change(A, 'warning', 2)] });
    expect([await life(A), await state(A)]).to.deep.equal(['off', 'Off/OK']);
    await patch([A], 'On');
    expect(await life(A)).to.equal('left');
    await world.record({ changes: [change(A, 'started', 3), change(B, 'started', 3)] });
    expect([await life(A), await life(B)]).to.deep.equal(['beating', 'beating']);
    expect(await state(B)).to.equal('Ready/OK');
  });

  it('gives components that meet all terms, page by page', async () => {
    const names = nodeNames(100).toSorted();
    const states = ['Ready', 'Standby', 'Off'];
    await create(
      names.map((name, i) =>
        node(name, states[i % 3] ?? '', i % 2 === 0 ? 'OK' : 'Alert', {
          ...(i % 5 === 0 ? {} : { NID: i }),
          Enabled: i % 4 !== 0,
          ...(i % 10 === 0 ? { Role: 'Service' } : {}),
        }),
      ),
    );
    const found = async (...terms: HsmTerm[]): Promise<number[]> =>
      (await readHsmComponents(world.store, terms)).map(({ ID }) => names.indexOf(ID));
    const where = (wanted: (i: number) => boolean): number[] => names.map((_, i) => i).filter(wanted);
    expect(await found()).to.deep.equal(where(() => true));
    expect(await found({ field: 'State', is: ['Ready', 'Off'] }, { field: 'Flag', not: ['OK'] })).to.deep.equal(
      where((i) => i % 3 !== 1 && i % 2 === 1),
    );
    expect(await found({ field: 'Enabled', is: [false] })).to.deep.equal(where((i) => i % 4 === 0));
    expect(await found({ field: 'Role', is: [''] })).to.deep.equal(where((i) => i % 10 !== 0));
    expect(await found({ field: 'Role', not: ['Service'] })).to.deep.equal(where((i) => i % 10 !== 0));
    expect(await found({ field: 'NID', from: 50, to: 60 })).to.deep.equal(
      where((i) => i >= 50 && i <= 60 && i % 5 !== 0),
    );
    expect(await found({ field: 'NID', not: [1, 2, 3] })).to.deep.equal(where((i) => i === 0 || i > 3));
    expect(await found({ field: 'NID', is: [1, 7, 9_999] })).to.deep.equal([1, 7]);
    expect(await found({ field: 'ID', is: [names[3] ?? '', 'x9', 'a\0b'] })).to.deep.equal([3]);
    expect(await found({ field: 'ID', is: [] })).to.deep.equal([]);
    const pages: string[][] = [];
    for (let after = ''; ; after = pages.at(-1)?.at(-1) ?? '') {
      pages.push(
        (await readHsmComponents(world.store, [{ field: 'Flag', is: ['OK'] }], after, 20)).map(({ ID }) => ID),
      );
      if ((pages.at(-1)?.length ?? 0) < 20) break;
    }
    expect(pages.map(({ length }) => length)).to.deep.equal([20, 20, 10]);
    expect(pages.flat()).to.deep.equal(names.filter((_, i) => i % 2 === 0));
  });

  it('takes one PATCH of 20,000', async () => {
    const names = nodeNames(20_000);
    await create(names.map((name) => node(name, 'On')));
    const answers = await patch(names, 'Ready');
    expect(answers.every((answer) => answer === 'changed')).to.equal(true);
    expect(await world.count('change')).to.equal(40_000);
  });
});

overStores('subscriptions to state changes', (open) => {
  type Given = Omit<ScnSubscription, 'ID'>;

  it('are numbered for good, and unique by subscriber and URL', async () => {
    const { store } = await open();
    const create = (subscription: Given): Promise<ScnSubscription> =>
      store.call<ScnSubscription>('heartbeat.scnCreate', { subscription });
    const hmnfd: Given = { Subscriber: 'hmnfd@sms', Url: 'http://a/scn', States: ['Ready'], Enabled: true };
    expect(await create(hmnfd)).to.deep.equal({ ID: 1, ...hmnfd });
    expect(await problemOf(create(hmnfd))).to.include({ code: code.INVALID_PARAMETER, field: 'Url' });
    expect((await create({ ...hmnfd, Url: 'http://b/scn' })).ID).to.equal(2);
    const remove = (id: number | null): Promise<unknown> => store.call('heartbeat.scnDelete', { id });
    expect([await remove(2), await remove(2)]).to.deep.equal([true, false]);
    expect((await create({ Subscriber: 'other', Url: 'http://b/scn' })).ID).to.equal(3);
    const replace = (subscription: ScnSubscription): Promise<unknown> =>
      store.call('heartbeat.scnReplace', { subscription });
    const changed: ScnSubscription = { ID: 3, Subscriber: 'other', Url: 'http://c/scn', Roles: ['Compute'] };
    expect(await replace(changed)).to.equal(null);
    expect(await replace(changed)).to.equal(null);
    expect(await problemOf(replace({ ...hmnfd, ID: 3 }))).to.include({ code: code.INVALID_PARAMETER, field: 'Url' });
    expect(await problemOf(replace({ ...hmnfd, Url: 'http://d/', ID: 4 }))).to.include({ code: code.NO_RESULTS });
    expect(await readSubscriptions(store)).to.deep.equal([{ ID: 1, ...hmnfd }, changed]);
    expect([await remove(null), await remove(null)]).to.deep.equal([2, 0]);
    expect((await create(hmnfd)).ID).to.equal(4);
  });
});
