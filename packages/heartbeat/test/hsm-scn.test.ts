import { expect } from 'chai';
import fc from 'fast-check';
import { COMPONENTS_MAX, type Item, partsOf, payload, together, wants } from '../src/hsm/scn.ts';
import type { ScnBody, ScnSubscription } from '../src/types.ts';

const subscription = (more: Partial<ScnSubscription>): ScnSubscription => ({
  ID: 1,
  Subscriber: 'hmnfd',
  Url: 'http://127.0.0.1/',
  ...more,
});

const item = (key: number, name: string, body: ScnBody): Item => ({ key: String(key), name, body });
const ready: ScnBody = { State: 'Ready', Flag: 'OK' };
const standby: ScnBody = { State: 'Standby', Flag: 'Alert' };

describe('state change notifications', () => {
  it('are parted by kind', () => {
    expect(
      partsOf({ State: 'On', Flag: 'OK', Role: 'Compute', SubRole: 'UAN', SoftwareStatus: 'up', Enabled: false }),
    ).to.deep.equal([
      { State: 'On', Flag: 'OK' },
      { Role: 'Compute', SubRole: 'UAN' },
      { SoftwareStatus: 'up' },
      { Enabled: false },
    ]);
    expect(partsOf({})).to.deep.equal([]);
  });

  it('go to those who asked for the first thing that is told, in any case', () => {
    expect(wants(subscription({ States: ['READY'] }), ready)).to.equal(true);
    expect(wants(subscription({ States: ['ready'] }), { State: 'Ready', Flag: 'Warning' })).to.equal(true);
    expect(wants(subscription({ States: ['Off'], Roles: ['Compute'] }), { State: 'Ready', Role: 'Compute' })).to.equal(
      false,
    );
    expect(wants(subscription({ Roles: ['compute'] }), { Role: 'Compute', SubRole: 'UAN' })).to.equal(true);
    expect(wants(subscription({ SubRoles: ['UAN'] }), { Role: 'Compute', SubRole: 'UAN' })).to.equal(false);
    expect(wants(subscription({ SubRoles: ['uan'] }), { SubRole: 'UAN' })).to.equal(true);
    expect(wants(subscription({ SoftwareStatus: ['up'] }), { SoftwareStatus: 'Up' })).to.equal(true);
    expect(wants(subscription({ Enabled: true }), { Enabled: false })).to.equal(true);
    expect(wants(subscription({ Enabled: false, States: ['On'] }), { Enabled: true })).to.equal(false);
    expect(wants(subscription({ States: ['On'] }), {})).to.equal(false);
  });

  it('gather components of which the same is told, and keep the order of each', () => {
    const told = together([
      item(1, 'a', ready),
      item(2, 'b', standby),
      item(3, 'c', ready),
      item(4, 'a', standby),
      item(5, 'a', ready),
      item(6, 'b', ready),
    ]);
    expect(told.map(({ body, components }) => `${body.State} ${components.join()}`)).to.deep.equal([
      'Ready a,c',
      'Standby b,a',
      'Ready a,b',
    ]);
    expect(told.map(({ keys }) => keys)).to.deep.equal([
      ['1', '3'],
      ['2', '4'],
      ['5', '6'],
    ]);
  });

  it('are no longer than they may be', () => {
    const told = together(Array.from({ length: COMPONENTS_MAX + 1 }, (_, i) => item(i, `n${i}`, ready)));
    expect(told.map(({ components }) => components.length)).to.deep.equal([COMPONENTS_MAX, 1]);
  });

  it('tell each component what happened to it, in order, whatever happened to others', () => {
    const bodies = [ready, standby, { State: 'Off', Flag: 'OK' }, { Enabled: true }];
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(4), fc.nat(3)), { maxLength: 60 }), (given) => {
        const items = given.map(([name, body], i) => item(i, `n${name}`, bodies[body] ?? ready));
        const story = (name: string, list: readonly (readonly [string, string])[]): string[] =>
          list.filter(([one]) => one === name).map(([, text]) => text);
        const before = items.map(({ name, body }) => [name, JSON.stringify(body)] as const);
        const notifications = together(items);
        const after = notifications.flatMap(({ body, components }) =>
          components.map((name) => [name, JSON.stringify(body)] as const),
        );
        for (let n = 0; n <= 4; n++) expect(story(`n${n}`, after)).to.deep.equal(story(`n${n}`, before));
        for (const { components } of notifications) expect(new Set(components).size).to.equal(components.length);
      }),
    );
  });

  it('are written as smd does, empty fields left out', () => {
    const written = (body: ScnBody): string => payload({ body, components: ['x0', 'x1'], keys: [] });
    expect(written(standby)).to.equal('{"Components":["x0","x1"],"Flag":"Alert","State":"Standby"}');
    expect(written({ Role: 'Compute', SubRole: 'UAN' })).to.equal(
      '{"Components":["x0","x1"],"Role":"Compute","SubRole":"UAN"}',
    );
    expect(written({ Enabled: false })).to.equal('{"Components":["x0","x1"],"Enabled":false}');
    expect(written({ SoftwareStatus: 'up' })).to.equal('{"Components":["x0","x1"],"SoftwareStatus":"up"}');
  });
});
