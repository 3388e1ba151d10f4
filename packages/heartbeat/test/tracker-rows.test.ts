/** The tests that hbtd has of its checker, by their rows, on a virtual clock: same sequences, none later than there. */
import { wall } from '@csm/model';
import { expect } from 'chai';
import type { Restored } from '../src/types.ts';
import { Driver, thresholds, WALL } from './tracker-driver.ts';

const S = 1000;

describe('the tracker: upstream rows', () => {
  it('22: three nodes, each falls silent at its time', () => {
    const d = new Driver({ thresholds: thresholds(5, 20) });
    d.beat('x0c0s0b0n0');
    d.to(4 * S);
    expect(d.news()).deep.equals(['x0c0s0b0n0 started']);
    d.to(5 * S - 1).beats(['x0c0s0b0n1']);
    d.to(7 * S);
    expect(d.news()).deep.equals(['x0c0s0b0n1 started', 'x0c0s0b0n0 warning']);
    d.to(12 * S).beats(['x0c0s0b0n2']);
    d.to(15 * S);
    expect(d.news()).deep.equals(['x0c0s0b0n1 warning', 'x0c0s0b0n2 started']);
    d.to(37 * S);
    expect(d.of('x0c0s0b0n0')).deep.equals(['0 started', '5000 warning', '20000 dead']);
    expect(d.of('x0c0s0b0n1')).deep.equals(['4999 started', '9999 warning', '24999 dead']);
    expect(d.of('x0c0s0b0n2')).deep.equals(['12000 started', '17000 warning', '32000 dead']);
    const { beating, late, dead } = d.tracker.counts();
    expect({ beating, late, dead }).deep.equals({ beating: 0, late: 0, dead: 3 });
  });

  it('23: nobody watched for a minute', () => {
    const d = new Driver({ thresholds: thresholds(15, 20) });
    const row = (name: string): Restored => ({
      name,
      source: 'beat',
      life: 'beating',
      since: wall(WALL - 100 * S),
      lastBeat: wall(WALL - 60 * S),
      timestamp: 'then',
      status: 'OK',
      gap: false,
    });
    d.act((tracker, now) => tracker.restore([row('x0c0s0b0n0'), row('x0c0s0b0n1')], 55 * S, now));
    expect(d.news()).deep.equals(['x0c0s0b0n0 warning', 'x0c0s0b0n1 warning']);
    expect(d.changes.every(({ gap, timestamp }) => gap && timestamp === 'then')).equals(true);
    expect(d.tracker.isHeartbeating('x0c0s0b0n1', d.now)).equals(true);
    d.to(5 * S).beats(['x0c0s0b0n0']);
    expect(d.news()).deep.equals(['x0c0s0b0n0 restarted']);
    d.to(17 * S);
    expect(d.news()).deep.equals([]);
    d.to(24 * S);
    expect(d.of('x0c0s0b0n1')).deep.equals(['0 warning', '20000 dead']);
    expect(d.of('x0c0s0b0n0')).deep.equals(['0 warning', '5000 restarted', '20000 warning']);
  });

  it('25 and 26: heartbeating is who beat within the error time', () => {
    const d = new Driver({ thresholds: thresholds(10, 20) });
    d.beat('x0c0s0b0n2');
    d.to(20 * S).beats(['x0c0s0b0n1']);
    d.to(30 * S).beats(['x0c0s0b0n0']);
    const answer = (name: string) => d.tracker.isHeartbeating(name, d.now);
    expect(['x0c0s0b0n0', 'x0c0s0b0n1', 'x0c0s0b0n2', 'x0c0s0b0n3'].map(answer)).deep.equals([
      true,
      true,
      false,
      false,
    ]);
    expect(d.life('x0c0s0b0n1'), 'late, and still heartbeating').equals('late');
    // The answer does not wait for the checker.
    d.sleep(10 * S - 1);
    expect(answer('x0c0s0b0n1')).equals(true);
    d.sleep(1);
    expect(answer('x0c0s0b0n1')).equals(false);
  });

  it('27: of two changes before one flush the last one counts', () => {
    const d = new Driver({ thresholds: thresholds(5, 10) });
    d.beats(['x1', 'x3']);
    d.to(2 * S).beats(['x2']);
    d.to(6 * S);
    expect(d.news()).deep.equals(['x1 started', 'x3 started', 'x2 started', 'x1 warning', 'x3 warning']);
    d.keeps = true;
    d.beats(['x0', 'x1']);
    d.to(12 * S).beats(['x0', 'x3']);

    const { tracker } = d;
    const waiting = tracker.waiting.changes;
    const changes = tracker.takeChanges(Number.MAX_SAFE_INTEGER);
    expect(changes).lengthOf(waiting);
    const kinds = (name: string) => changes.filter((change) => change.name === name).map(({ kind }) => kind);
    expect(kinds('x0')).deep.equals(['started', 'warning', 'restarted']);
    expect(kinds('x1')).deep.equals(['restarted', 'warning']);
    expect(kinds('x2')).deep.equals(['warning', 'dead']);
    expect(kinds('x3')).deep.equals(['dead', 'started']);
    expect(tracker.waiting.changes, 'nothing is left').equals(0);
    expect(tracker.takeChanges(1000)).deep.equals([]);
  });

  it('29: twelve nodes, eight rounds of beats', () => {
    const d = new Driver({ thresholds: thresholds(10, 30) });
    const all = [0, 1, 2].flatMap((b) => [0, 1, 2, 3].map((n) => `x0c0s0b${b}n${n}`));
    const [b0n0, b0n1, b2n2, b2n3] = ['x0c0s0b0n0', 'x0c0s0b0n1', 'x0c0s0b2n2', 'x0c0s0b2n3'];
    const ten = all.filter((name) => name !== b2n2 && name !== b2n3);
    const early = [b0n0, b0n1, b2n3] as string[];
    const rounds: readonly (readonly [number, readonly string[]])[] = [
      [0, early],
      [3, all.filter((name) => !early.includes(name))],
      [11, [b0n0, b0n1] as string[]],
      [12, all.filter((name) => name !== b2n3)],
      [21, ten],
      [27, [...ten, b2n2 as string]],
      [35, [...ten, b2n3 as string]],
      [43, ten],
    ];
    for (const [at, names] of rounds) d.to(at * S).beats(names);
    d.to(90 * S);

    // By when upstream's checks, every 5 s, have told d.
    const told: Readonly<Record<string, readonly (readonly [string, number])[]>> = {
      early: [
        ['warning', 10],
        ['restarted', 15],
        ['warning', 55],
        ['dead', 75],
      ],
      later: [
        ['warning', 55],
        ['dead', 75],
      ],
      b2n2: [
        ['warning', 25],
        ['restarted', 30],
        ['warning', 40],
        ['dead', 60],
      ],
      b2n3: [
        ['warning', 10],
        ['dead', 30],
        ['started', 35],
        ['warning', 45],
        ['dead', 70],
      ],
    };
    for (const name of all) {
      const which =
        name === b2n2 ? 'b2n2' : name === b2n3 ? 'b2n3' : name === b0n0 || name === b0n1 ? 'early' : 'later';
      const expected = told[which] ?? [];
      const got = d.changes.filter((change) => change.name === name);
      expect(
        got.map(({ kind }) => kind),
        name,
      ).deep.equals(['started', ...expected.map(([kind]) => kind)]);
      for (const [i, [kind, by]] of expected.entries()) {
        expect(got[i + 1]?.ms, `${name} ${kind}`).at.most(by * S);
      }
    }
  });
});
