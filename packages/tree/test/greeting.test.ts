import type { MessageOf } from '@csm/protocol';
import { expect } from 'chai';
import { judgeHello, judgeWelcome } from '../src/link/greeting.ts';
import { type Identity, INTERVAL_MAX, INTERVAL_MIN } from '../src/link/link.ts';

const hello: MessageOf<'hello'> = {
  kind: 'hello',
  version: '1.1',
  role: 'compute',
  node: 'n001',
  incarnation: 'i1',
  session: 's1',
  interval: 15_000,
};
const welcome: MessageOf<'welcome'> = {
  kind: 'welcome',
  version: '1.1',
  node: 'agg-A',
  session: 's2',
  interval: 15_000,
  leader: true,
  credit: 0,
};
const node: Identity = { role: 'compute', node: 'n001' };
const hub: Identity = { role: 'aggregator', node: 'agg-A' };

describe('judgeHello', () => {
  const table: readonly [
    what: string,
    hello: Partial<typeof hello>,
    identity: Identity,
    code: string,
    words: string[],
  ][] = [
    ['another major version', { version: '2.0' }, node, 'version', ["'2.0'", '1.1']],
    ['a version that is none', { version: 'one' }, node, 'version', ["'one'"]],
    [
      'a node name with a slash',
      { node: 'n/1' },
      { role: 'compute', node: 'n/1' },
      'name',
      ["'n/1'", 'letters, digits'],
    ],
    [
      'an expired certificate',
      {},
      { ...node, fault: 'the certificate expired yesterday' },
      'certificate',
      ['expired yesterday'],
    ],
    ['another node than proven', { node: 'n002' }, node, 'identity', ['compute/n001', 'compute/n002']],
    ['another role than proven', { role: 'aggregator' }, node, 'identity', ['compute/n001', 'aggregator/n001']],
    ['an interval that is too short', { interval: INTERVAL_MIN - 1 }, node, 'interval', ['199', '200 to 3600000']],
    ['an interval that is too long', { interval: INTERVAL_MAX + 1 }, node, 'interval', ['3600001', '200 to 3600000']],
  ];
  for (const [what, change, identity, code, words] of table) {
    it(`refuses ${what}: ${code}`, () => {
      const refusal = judgeHello({ ...hello, ...change }, identity, '1.1');
      expect(refusal?.code).to.equal(code);
      for (const word of words) expect(refusal?.reason).to.include(word);
    });
  }

  it('accepts what is in order: bounds of the interval, other minor versions', () => {
    for (const change of [
      {},
      { interval: INTERVAL_MIN },
      { interval: INTERVAL_MAX },
      { version: '1.0' },
      { version: '1.7' },
    ])
      expect(judgeHello({ ...hello, ...change }, node, '1.1')).to.equal(undefined);
  });
});

describe('judgeWelcome', () => {
  it('refuses another major version and another node than the certificate proves', () => {
    expect(judgeWelcome({ ...welcome, version: '2.1' }, hub, '1.1')?.code).to.equal('version');
    const refusal = judgeWelcome({ ...welcome, node: 'agg-B' }, hub, '1.1');
    expect(refusal?.code).to.equal('identity');
    expect(refusal?.reason).to.include('aggregator/agg-A').and.to.include("'agg-B'");
  });

  it('accepts what is in order', () => {
    expect(judgeWelcome(welcome, hub, '1.1')).to.equal(undefined);
    expect(judgeWelcome({ ...welcome, version: '1.0' }, hub, '1.1')).to.equal(undefined);
  });
});
