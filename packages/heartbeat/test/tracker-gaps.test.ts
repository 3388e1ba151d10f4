import { wall } from '@csm/model';
import { expect } from 'chai';
import type { Life, Restored } from '../src/types.ts';
import { Driver, thresholds, WALL } from './tracker-driver.ts';

const S = 1000;

const driver = () => new Driver({ thresholds: thresholds(10, 30) });

const row = (name: string, life: Life, ageMs: number, more: Partial<Restored> = {}): Restored => ({
  name,
  source: 'beat',
  life,
  since: wall(WALL - 3600 * S),
  lastBeat: wall(WALL - ageMs),
  timestamp: 'then',
  status: 'OK',
  gap: false,
  ...more,
});

describe('the tracker: where nobody watched', () => {
  it('gives everybody a grace after a restart', () => {
    const d = driver();
    d.act((tracker, now) =>
      tracker.restore(
        [
          row('x0', 'beating', 5 * S),
          row('x1', 'beating', 29 * S),
          row('x2', 'beating', 30 * S),
          row('x3', 'late', 50 * S),
          row('x4', 'dead', 500 * S),
          row('x5', 'off', 500 * S),
          row('x6', 'left', 500 * S),
          row('x7', 'halted', 500 * S, { status: 'Kernel Oops' }),
          row('n1', 'beating', 0, { source: 'csm', lastBeat: null }),
        ],
        4 * S,
        now,
      ),
    );
    expect(d.news()).deep.equals(['x2 warning']);
    expect(d.tracker.counts()).deep.equals({ beating: 3, late: 2, dead: 1, halted: 1, left: 1, off: 1 });
    expect(d.tracker.find('x4')).deep.include({ since: WALL - 3600 * S, lastBeat: WALL - 500 * S, interval: null });
    d.to(10 * S - 1);
    expect(d.news()).deep.equals([]);
    d.to(30 * S - 1);
    expect(d.news()).deep.equals(['x0 warning', 'x1 warning']);
    d.to(40 * S);
    // Nobody dies before the error time is over once more.
    for (const name of ['x0', 'x1', 'x2', 'x3']) expect(d.of(name).at(-1), name).equals('30000 dead');
    expect(d.kinds('x4').concat(d.kinds('x5'), d.kinds('x6'), d.kinds('x7'), d.kinds('n1'))).deep.equals([]);
  });

  it('tells of the gap once, with its mark and in one incident', () => {
    const d = driver();
    d.act((tracker, now) => tracker.restore([row('x2', 'beating', 90 * S), row('x1', 'beating', 1 * S)], 77_400, now));
    const [change] = d.changes;
    expect(change).deep.include({ name: 'x2', kind: 'warning', gap: true, lastBeat: WALL - 90 * S });
    expect(d.tracker.find('x2')?.gap).equals(true);
    expect(d.incidents).deep.equals([
      {
        id: change?.incident,
        scope: 'all',
        kind: 'blind',
        began: WALL - 77_400,
        ended: WALL,
        components: 'x2',
        count: 1,
        words: 'monitoring was blind for 77.4 s; 1 component past its error time has it once more',
      },
    ]);
    d.to(1 * S).beat('x2');
    expect(d.kinds('x2')).deep.equals(['warning', 'restarted']);
    expect(d.changes.at(-1)?.gap).equals(false);
    expect(d.tracker.find('x2')?.gap).equals(false);
  });

  it('is not misled by a wall clock that was stepped while nobody watched', () => {
    const d = driver();
    d.act((tracker, now) => tracker.restore([row('x0', 'beating', -3600 * S)], 1 * S, now));
    expect(d.news()).deep.equals([]);
    d.to(40 * S);
    expect(d.of('x0')).deep.equals(['10000 warning', '30000 dead']);
  });

  it('restores for the first time without a note', () => {
    const d = driver();
    d.act((tracker, now) => tracker.restore([], undefined, now));
    expect(d.incidents).deep.equals([]);
  });

  it('believes nobody dead after it slept itself', () => {
    const d = driver();
    d.beats(['x0', 'x1', 'x2']);
    d.to(9 * S).beats(['x1', 'x2']);
    // A deadline was to come up at 10 s.
    d.sleep(29 * S);
    d.nudge();
    expect(d.of('x0')).deep.equals(['0 started', '38000 warning']);
    expect(d.changes.at(-1)?.gap).equals(true);
    expect(d.kinds('x1').concat(d.kinds('x2'))).deep.equals(['started', 'started']);
    expect(d.incidents.map(({ kind, count, words }) => [kind, count, words])).deep.equals([
      ['blind', 1, 'monitoring was blind for 28 s; 1 component past its error time has it once more'],
    ]);
    // What waited in the sockets is heard.
    d.beats(['x0', 'x1']);
    d.to(80 * S);
    expect(d.of('x0').slice(2)).deep.equals(['38000 restarted', '48000 warning', '68000 dead']);
    expect(d.of('x2').slice(1)).deep.equals(['48000 warning', '68000 dead']);
  });

  it('does not take a timer that is a little late for a sleep', () => {
    const d = driver();
    d.beat('x0');
    // A quarter of the warning time, from the deadline at 10 s.
    d.sleep(12_500).nudge();
    expect(d.of('x0')).deep.equals(['0 started', '12500 warning']);
    expect(d.changes.at(-1)?.gap).equals(false);
    expect(d.incidents).deep.equals([]);
    const short = new Driver({ thresholds: thresholds(1, 2) });
    short.beat('x0');
    short.sleep(2000).nudge();
    expect(short.of('x0')).deep.equals(['0 started', '2000 warning', '2000 dead']);
    const late = new Driver({ thresholds: thresholds(1, 2) });
    late.beat('x0');
    late.sleep(2001).nudge();
    expect(late.changes.at(-1)).deep.include({ kind: 'warning', gap: true });
  });

  it('does not take its own slices for a sleep, and goes on with the gap through all of them', () => {
    const names = Array.from({ length: 500 }, (_, i) => `sms${i}`);
    const slow = (d: Driver) => {
      d.keeps = true;
      d.slice = 10;
      d.beats(names);
      return d;
    };
    // Each slice takes 100 ms, all of them five seconds.
    const run = (d: Driver) => {
      const kinds: string[] = [];
      let wake: number | undefined;
      do {
        d.sleep(100);
        wake = d.tracker.advance(d.now, 10);
        expect(d.tracker.waiting.changes).at.most(10);
        for (const change of d.tracker.takeChanges(1000)) kinds.push(`${change.kind} ${change.gap}`);
      } while (wake !== undefined && wake <= d.now.mono);
      return Object.fromEntries(
        [...new Set(kinds)].map((kind) => [kind, kinds.filter((each) => each === kind).length]),
      );
    };
    const awake = slow(driver());
    awake.tracker.takeChanges(1000);
    awake.sleep(10 * S);
    expect(run(awake)).deep.equals({ 'warning false': 500 });

    const asleep = slow(driver());
    asleep.tracker.takeChanges(1000);
    asleep.sleep(60 * S);
    expect(run(asleep)).deep.equals({ 'warning true': 500 });
    const told = asleep.tracker.takeIncidents();
    expect(told.map(({ kind, count }) => [kind, count])).deep.equals([['blind', 500]]);
  });
});

describe('the tracker: a hold', () => {
  it('declares nobody dead, and everybody has their time afterwards', () => {
    const d = driver();
    d.beats(['x0', 'x1', 'x2']);
    d.to(5 * S).act((tracker, now) => tracker.hold(true, now));
    d.to(20 * S).beats(['x1']);
    d.to(100 * S);
    expect(d.of('x0')).deep.equals(['0 started', '10000 warning']);
    expect(d.of('x1')).deep.equals(['0 started', '10000 warning', '20000 restarted', '30000 warning']);
    expect(d.wakeAt, 'nothing is due while it holds').equals(undefined);
    d.act((tracker, now) => tracker.hold(false, now));
    d.pass(1 * S).beats(['x2']);
    d.to(129 * S);
    expect(d.of('x2')).deep.equals(['0 started', '10000 warning', '101000 restarted', '111000 warning']);
    expect(d.life('x0')).equals('late');
    d.to(130 * S);
    expect(d.of('x0').at(-1)).equals('130000 dead');
    expect(d.of('x1').at(-1)).equals('130000 dead');
  });

  it('may be told twice', () => {
    const d = driver();
    d.beat('x0');
    d.act((tracker, now) => tracker.hold(false, now));
    d.act((tracker, now) => tracker.hold(true, now));
    d.act((tracker, now) => tracker.hold(true, now));
    d.to(50 * S).act((tracker, now) => tracker.hold(false, now));
    d.to(60 * S).act((tracker, now) => tracker.hold(false, now));
    d.to(100 * S);
    expect(d.of('x0')).deep.equals(['0 started', '10000 warning', '80000 dead']);
  });
});
