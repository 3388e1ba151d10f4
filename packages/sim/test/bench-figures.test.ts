import { expect } from 'chai';
import { COMPUTE_LIMITS, figuresOf, judge, median, medianFigures } from '../src/bench/figures.ts';
import type { Cost } from '../src/bench/process-cost.ts';

const MIB = 1024 ** 2;
const cost = (over: Partial<Cost>): Cost => ({
  rss: 50 * MIB,
  pss: 20 * MIB,
  peak: 60 * MIB,
  cpuMs: 0,
  childrenMs: 0,
  threads: new Map(),
  ...over,
});
const thread = (cpuMs: number, wakeUps: number) => ({ cpuMs, wakeUps });

describe('the figures of a benchmark', () => {
  it('are differences over the time that was measured', () => {
    const begin = cost({
      cpuMs: 1000,
      childrenMs: 30,
      threads: new Map([
        [7, thread(900, 100)],
        [8, thread(10, 5)],
        [9, thread(50, 50)],
      ]),
    });
    // Thread 9 has ended, 10 has begun.
    const end = cost({
      rss: 55 * MIB,
      cpuMs: 1060,
      childrenMs: 50,
      threads: new Map([
        [7, thread(940, 160)],
        [8, thread(15, 15)],
        [10, thread(5, 50)],
      ]),
    });
    const figures = figuresOf(7, begin, end, 20, [52 * MIB, 58 * MIB]);
    expect(figures).to.deep.equal({
      rssMost: 58 * MIB,
      rssEnd: 55 * MIB,
      rssPeak: 60 * MIB,
      pss: 20 * MIB,
      cpuPercent: 0.3,
      childrenPercent: 0.1,
      wakeUps: 6,
      loopMs: 40,
      othersMs: 10,
      childrenMs: 20,
      loopWakeUps: 60,
      othersWakeUps: 60,
    });
  });

  it('are those in the middle of several runs, each figure by itself', () => {
    expect(median([3, 1, 2])).to.equal(2);
    expect(median([4, 1])).to.equal(2.5);
    expect(Number.isNaN(median([]))).to.equal(true);
    const run = (rss: number, cpuMs: number) => figuresOf(7, cost({ rss }), cost({ rss, cpuMs }), 10);
    const middle = medianFigures([run(9 * MIB, 10), run(7 * MIB, 30), run(8 * MIB, 20)]);
    expect([middle.rssEnd, middle.cpuPercent]).to.deep.equal([8 * MIB, 0.2]);
    expect(() => medianFigures([])).to.throw('there is no run');
  });

  it('hold a limit up to the limit itself, and programs count as the daemon', () => {
    const at = (rss: number, cpuMs: number, childrenMs: number, wakeUps: number) =>
      judge(
        figuresOf(
          7,
          cost({ rss }),
          cost({ rss, cpuMs, childrenMs, threads: new Map([[7, thread(cpuMs, wakeUps)]]) }),
          100,
        ),
      ).map(({ holds }) => holds);
    expect(COMPUTE_LIMITS.map(({ most }) => most)).to.deep.equal([90, 0.3, 3]);
    expect(at(90 * MIB, 150, 150, 300)).to.deep.equal([true, true, true]);
    expect(at(90 * MIB + 1, 150, 160, 301)).to.deep.equal([false, false, false]);
  });
});
