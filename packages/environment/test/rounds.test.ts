import { mono, type Now, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { initialRounds, type RoundsConfig, shareOf, stepRounds } from '../src/rounds.ts';

const HOUR = 3_600_000;
const T0 = Date.UTC(2026, 0, 1, 12, 0, 0);

/** Rounds with clocks turned by hand; both run alike unless `set` moves the wall clock. */
class Bench {
  readonly state;
  #mono = 5_000;
  #wall: number;
  wakeAt: number | undefined;

  constructor(intervals: readonly number[], start: number, more: Partial<RoundsConfig> = {}) {
    const buckets = intervals.map((execution_interval) => ({ execution_interval, item_list: ['cpu'] as const }));
    this.state = initialRounds({ buckets, aligned: true, node: 'n001', ...more });
    this.#wall = start;
    this.wakeAt = stepRounds(this.state, { kind: 'start' }, this.#now()).wakeAt;
  }

  #now(): Now {
    return { mono: mono(this.#mono), wall: wall(this.#wall) };
  }

  /** Passes `ms` of both clocks, or all until the timer; gives the buckets read. */
  tick(ms: number = (this.wakeAt ?? Number.NaN) - this.#mono): readonly number[] {
    this.#mono += ms;
    this.#wall += ms;
    const { effects, wakeAt } = stepRounds(this.state, { kind: 'tick' }, this.#now());
    this.wakeAt = wakeAt;
    return effects.flatMap(({ buckets }) => buckets);
  }

  end(...buckets: number[]): void {
    this.wakeAt = stepRounds(this.state, { kind: 'ended', buckets }, this.#now()).wakeAt;
  }

  /** Ticks until something is read, at most for `ms`; gives what, and the milliseconds that passed. */
  untilRead(ms: number): { readonly read: readonly number[]; readonly passed: number } {
    let passed = 0;
    for (;;) {
      passed += this.wait;
      if (passed > ms + 20) throw new Error(`nothing was read within ${ms} ms`);
      const read = this.tick();
      if (read.length > 0) return { read, passed };
    }
  }

  set(by: number): void {
    this.#wall += by;
  }

  get wall(): number {
    return this.#wall;
  }

  get wait(): number {
    return (this.wakeAt ?? Number.NaN) - this.#mono;
  }
}

describe('rounds', () => {
  it('aligned: begin at the multiples of the interval on the wall clock, never at once', () => {
    const bench = new Bench([600_000], T0 + 1234);
    expect(bench.wait).equals(600_000 - 1234);
    for (let i = 1; i < 5; i++) {
      expect(bench.tick()).deep.equals([0]);
      expect(bench.wall).equals(T0 + i * 600_000);
      bench.end(0);
    }
    expect(new Bench([600_000], T0).wait).equals(600_000);
  });

  it('unaligned: every node has a place of its own, the same after each start', () => {
    const places = Array.from({ length: 200 }, (_, i) => {
      const bench = new Bench([HOUR], T0, { aligned: false, node: `n${i}` });
      bench.untilRead(HOUR);
      return bench.wall % HOUR;
    });
    expect(places[7]).equals(Math.floor(shareOf('n7') * HOUR) % HOUR);
    for (let quarter = 0; quarter < 4; quarter++)
      expect(places.filter((p) => Math.floor(p / (HOUR / 4)) === quarter).length).within(25, 75);
  });

  it('a round that is due while the former runs is skipped and counted until one is read again', () => {
    const bench = new Bench([1000], T0);
    expect(bench.tick()).deep.equals([0]);
    expect(bench.tick()).deep.equals([]);
    expect(bench.tick()).deep.equals([]);
    expect(bench.state.buckets[0]?.skipped).equals(2);
    bench.end(0);
    expect(bench.tick()).deep.equals([0]);
    expect(bench.state.buckets[0]?.skipped).equals(0);
  });

  it('buckets due together are one round, the shortest interval first', () => {
    const bench = new Bench([3000, 1000], T0);
    expect(bench.tick()).deep.equals([1]);
    bench.end(1);
    expect(bench.tick()).deep.equals([1]);
    bench.end(1);
    expect(bench.tick()).deep.equals([1, 0]);
  });

  for (const [what, by, intervalsUntil] of [
    ['set back by less than an interval', -300_000, 2],
    ['set back by a day', -24 * HOUR, 2],
    ['set forward by a day and a bit', 24 * HOUR + 400_000, 2],
    ['slewed by a second', -1_000, 1],
  ] as const)
    it(`find the multiples again after the clock was ${what}`, () => {
      const bench = new Bench([600_000], T0);
      bench.set(by);
      let read: readonly number[] = [];
      let passed = 0;
      while (read.length === 0) {
        passed += bench.wait;
        read = bench.tick();
        expect(passed).most((intervalsUntil + 1) * 600_000);
      }
      expect(bench.wall % 600_000).equals(0);
    });

  it('a machine that slept makes nothing up', () => {
    const bench = new Bench([1000], T0);
    expect(bench.tick(8 * HOUR + 700)).deep.equals([]);
    expect(bench.wait).equals(300);
    expect(bench.tick()).deep.equals([0]);
    bench.end(0);
    expect(bench.tick()).deep.equals([0]);
  });

  const DAY = 24 * HOUR;
  const MINUTES = 60_000;

  for (const aligned of [true, false])
    it(`a long bucket is read soon after the start, then in its time (${aligned ? 'aligned' : 'of its own'})`, () => {
      const soon = new Set<number>();
      for (let i = 0; i < 50; i++) {
        const bench = new Bench([DAY], T0 + 1234, { aligned, node: `n${i}` });
        const { passed } = bench.untilRead(10 * MINUTES);
        soon.add(passed);
        if (aligned) expect(bench.wall).equals(T0 + 10 * MINUTES);
        bench.end(0);
        bench.untilRead(DAY);
        expect(bench.wall % DAY).equals(aligned ? 0 : Math.floor(shareOf(`n${i}`) * DAY));
        bench.end(0);
        expect(bench.untilRead(DAY).passed).equals(DAY);
      }
      expect(soon.size > 40).equals(!aligned);
    });

  it('an hour is not long', () => {
    expect(new Bench([HOUR], T0 + 1, { aligned: true }).untilRead(HOUR).passed).equals(HOUR - 1);
  });

  it('the first reading of a long bucket is not lost to a clock that is set at boot', () => {
    for (const aligned of [true, false]) {
      const bench = new Bench([DAY], 5_000, { aligned });
      bench.tick(1_000);
      bench.set(T0);
      expect(bench.untilRead(20 * MINUTES).read).deep.equals([0]);
    }
  });

  it('the clocks are looked at every ten minutes', () => {
    const bench = new Bench([DAY], T0);
    for (let i = 0; i < 300; i++) {
      expect(bench.wait).most(10 * MINUTES);
      bench.end(...bench.tick());
    }
  });

  it('a clock set forward some minutes, long before a long bucket is due, loses no round of it', () => {
    for (const aligned of [true, false]) {
      const bench = new Bench([DAY], T0, { aligned });
      bench.end(...bench.untilRead(10 * MINUTES).read);
      bench.tick(1_000);
      bench.set(3 * MINUTES);
      bench.untilRead(DAY);
      expect(bench.wall % DAY).equals(aligned ? 0 : Math.floor(shareOf('n001') * DAY));
    }
  });

  for (const [what, aligned, by, isRead] of [
    ['of its own, late by less than half its interval, is read', false, 4 * MINUTES, true],
    ['of its own, late by more than half its interval, is not', false, 6 * MINUTES, false],
    ['aligned, late by less than a minute, is read', true, 50_000, true],
    ['aligned, late by more than a minute, is not', true, 70_000, false],
  ] as const)
    it(`a round that a clock set forward jumped over: ${what}`, () => {
      const bench = new Bench([10 * MINUTES], T0, { aligned });
      bench.end(...bench.untilRead(10 * MINUTES).read);
      bench.tick(bench.wait - 1_000);
      bench.set(1_000 + by);
      expect(bench.tick(0)).deep.equals(isRead ? [0] : []);
      expect(bench.wait).equals(10 * MINUTES - by);
    });

  it('a timer a little early is on time, and does not fire twice for one moment', () => {
    const bench = new Bench([1000], T0);
    expect(bench.tick(bench.wait - 3)).deep.equals([0]);
    bench.end(0);
    expect(bench.wait).equals(1003);
  });

  it('one with nothing to read wants no timer', () => {
    expect(new Bench([], T0).wakeAt).equals(undefined);
  });

  it('whatever the clocks do: no two rounds of a bucket at once, and always a timer ahead', () => {
    const event = fc.oneof(
      fc.record({ pass: fc.integer({ min: 0, max: 5_000 }) }),
      fc.record({ set: fc.integer({ min: -10_000, max: 10_000 }) }),
      fc.constant({ wake: true } as const),
      fc.constant({ end: true } as const),
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 200 }), fc.boolean(), (events, aligned) => {
        const bench = new Bench([1000, 2500], T0, { aligned });
        const running = new Set<number>();
        for (const e of events) {
          const read = 'pass' in e ? bench.tick(e.pass) : 'wake' in e ? bench.tick() : [];
          if ('set' in e) bench.set(e.set);
          if ('end' in e) {
            bench.end(...running);
            running.clear();
          }
          for (const bucket of read) {
            expect(running.has(bucket)).equals(false);
            running.add(bucket);
          }
          expect(new Set(read).size).equals(read.length);
          expect(Number.isFinite(bench.wait)).equals(true);
          if ('pass' in e || 'wake' in e) expect(bench.wait).within(0.001, 2500 + 20 + 2500);
        }
      }),
    );
  });
});
