import { CsmError } from '@csm/model';
import { expect } from 'chai';
import type { Thresholds } from '../src/types.ts';
import { Driver, seconds, thresholds } from './tracker-driver.ts';

const S = 1000;
const NODE = 'x0c0s0b0n0';
const OTHER = 'x0c0s0b0n1';

const driver = () => new Driver({ thresholds: thresholds(10, 30) });

describe('the tracker: thresholds', () => {
  const special: Thresholds = {
    global: seconds(10, 30),
    special: [
      { group: 'slow', components: 'x0c0s[0-1]b0n0,n1', ...seconds(100, 200) },
      { group: 'slower', components: 'x0c0s1b0n0', ...seconds(300, 400) },
      { type: 'nodebmc', ...seconds(20, 60) },
      { type: 'Node', ...seconds(5, 6) },
    ],
  };

  it('of the first group, then of the type, then of all', () => {
    const d = new Driver({ thresholds: special });
    const names = ['x0c0s0b0n0', 'x0c0s1b0n0', 'x0c0s2b0n0', 'x0c0s2b0', 'x0c0'];
    d.beats(names);
    expect(names.map((name) => (d.tracker.find(name)?.warnMs ?? 0) / S)).deep.equals([100, 100, 5, 20, 10]);
    expect(names.map((name) => (d.tracker.find(name)?.errMs ?? 0) / S)).deep.equals([200, 200, 6, 60, 30]);
    d.to(1000 * S);
    expect(d.of('x0c0s2b0n0')).deep.equals(['0 started', '5000 warning', '6000 dead']);
    expect(d.of('x0c0s2b0')).deep.equals(['0 started', '20000 warning', '60000 dead']);
    expect(d.of('x0c0s0b0n0')).deep.equals(['0 started', '100000 warning', '200000 dead']);
  });

  it('count at once for those who beat and those who are late', () => {
    const d = driver();
    d.beats([NODE]);
    d.to(15 * S).beats([OTHER]);
    d.to(20 * S).act((tracker, now) => tracker.setThresholds(thresholds(3, 8), now));
    // One is over both of its times, the other over the first.
    expect(d.of(NODE)).deep.equals(['0 started', '10000 warning', '20000 dead']);
    expect(d.of(OTHER)).deep.equals(['15000 started', '20000 warning']);
    d.to(23 * S);
    expect(d.of(OTHER)).deep.equals(['15000 started', '20000 warning', '23000 dead']);
  });

  it('made longer put off a death, and do not bring back who is late', () => {
    const d = driver();
    d.beat(NODE);
    d.to(15 * S).act((tracker, now) => tracker.setThresholds(thresholds(60, 120), now));
    d.to(119 * S);
    expect(d.of(NODE)).deep.equals(['0 started', '10000 warning']);
    expect(d.life(NODE)).equals('late');
    d.to(120 * S);
    expect(d.kinds(NODE)).deep.equals(['started', 'warning', 'dead']);
  });

  it('made shorter long after the last check are not taken for a sleep', () => {
    const d = new Driver({ thresholds: thresholds(1000, 2000) });
    d.beat(NODE);
    d.to(500 * S).act((tracker, now) => tracker.setThresholds(thresholds(10, 20), now));
    expect(d.of(NODE)).deep.equals(['0 started', '500000 warning', '500000 dead']);
    expect(d.changes.some(({ gap }) => gap)).equals(false);
    expect(d.incidents).deep.equals([]);
  });

  const bad: readonly (readonly [string, Thresholds, string])[] = [
    ['an error time that is the warning time', thresholds(10, 10), 'global.errMs'],
    ['an error time below the warning time', thresholds(10, 5), 'global.errMs'],
    ['a warning time below a second', { global: { warnMs: 999, errMs: 5000 }, special: [] }, 'global.warnMs'],
    ['no time', { global: { warnMs: Number.NaN, errMs: 5000 }, special: [] }, 'global.warnMs'],
    ['parts of a millisecond', { global: { warnMs: 1000, errMs: 5000.5 }, special: [] }, 'global.errMs'],
    ['more than a week', thresholds(10, 7 * 24 * 3600 + 1), 'global.errMs'],
    ['an unknown type', { ...special, special: [{ type: 'Toaster', ...seconds(1, 2) }] }, 'special[0].type'],
    ['a pair that does not fit', { ...special, special: [{ type: 'Node', ...seconds(2, 1) }] }, 'special[0].errMs'],
    ['a type twice', { ...special, special: [...special.special, { type: 'NODE', ...seconds(1, 2) }] }, 'special[4]'],
    [
      'a group without a name',
      { ...special, special: [{ group: '', components: 'x0', ...seconds(1, 2) }] },
      'special[0].group',
    ],
    [
      'a group without components',
      { ...special, special: [{ group: 'g', components: '', ...seconds(1, 2) }] },
      'special[0].components',
    ],
    [
      'a group that is no node set',
      { ...special, special: [{ group: 'g', components: 'x[0', ...seconds(1, 2) }] },
      'special[0].components',
    ],
  ];
  for (const [what, given, field] of bad) {
    it(`refuse ${what}, and stay as they are`, () => {
      const d = driver();
      d.beat(NODE);
      let thrown: unknown;
      try {
        d.tracker.setThresholds(given, d.now);
      } catch (e) {
        thrown = e;
      }
      expect(thrown).instanceOf(CsmError);
      expect((thrown as CsmError).problem).deep.include({ code: 9, field });
      expect((thrown as CsmError).problem.allowed).not.equals(undefined);
      d.to(30 * S);
      expect(d.of(NODE)).deep.equals(['0 started', '10000 warning', '30000 dead']);
    });
  }
});
