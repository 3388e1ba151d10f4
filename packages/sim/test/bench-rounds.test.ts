import { expect } from 'chai';
import type { BenchContext } from '../src/bench/figure.ts';
import { figureJson, figureLine } from '../src/bench/print.ts';
import { Disturbed, figureOf, measureRounds, type Round, Rounds } from '../src/bench/rounds.ts';

const round = (value: number, baseline?: number): Round => ({
  value,
  seconds: 10,
  ...(baseline === undefined ? {} : { baseline }),
});

describe('the rounds of a benchmark', () => {
  it('end when as many were quiet as are wanted', () => {
    const rounds = new Rounds<number>(3, 3);
    for (const n of [1, 2, 3]) {
      expect(rounds.open).to.equal(true);
      rounds.add({ round: n, foreign: 0.15 });
    }
    expect(rounds.open).to.equal(false);
    expect(rounds.repeated).to.equal(0);
  });

  it('are repeated where others had too much of the machine, and the loud ones do not count', () => {
    const rounds = new Rounds<number>(3, 3);
    const shares = [0.5, 0.01, 0.151, 0.02, 0.03];
    for (const [n, foreign] of shares.entries()) {
      expect(rounds.open, `before run ${n}`).to.equal(true);
      rounds.add({ round: n, foreign });
    }
    expect(rounds.open).to.equal(false);
    expect(rounds.repeated).to.equal(2);
    expect(rounds.best.map(({ round: n }) => n)).to.deep.equal([1, 3, 4]);
  });

  it('are not repeated for ever: then the least loud ones count', () => {
    const rounds = new Rounds<number>(2, 2);
    for (const [n, foreign] of [0.9, 0.4, 0.6, 0.01].entries()) rounds.add({ round: n, foreign });
    expect(rounds.open).to.equal(false);
    expect(rounds.best.map(({ round: n }) => n)).to.deep.equal([3, 1]);
  });

  it('that were disturbed give nothing, and are told when none is left', async () => {
    const notes: string[] = [];
    const signal = new AbortController().signal;
    const context: BenchContext = { quick: false, signal, note: (text) => notes.push(text) };
    let calls = 0;
    const { rounds } = await measureRounds(context, 'x', async () => {
      if (++calls === 1) throw new Disturbed('no beats came');
      return calls;
    });
    expect(rounds).to.have.length(3);
    expect(rounds).to.not.include(1);
    expect(notes[0]).to.equal('x: no beats came');
    const none = await measureRounds({ ...context, quick: true }, 'x', async () => {
      throw new Disturbed('no beats came');
    }).catch((error: Error) => error.message);
    expect(none).to.equal('x: no run gave a figure: no beats came');
    const broken = await measureRounds(context, 'x', () => Promise.reject(new Error('real'))).catch(
      (error: Error) => error.message,
    );
    expect(broken).to.equal('real');
  });
});

describe('a figure', () => {
  const head = { name: 'x', unit: 'ms', nodes: 7 };

  it('is the median of its rounds, and its ratio that of the ratios', () => {
    const figure = figureOf(head, [round(10, 10), round(30, 10), round(20, 5)]);
    expect(figure).to.deep.equal({ ...head, value: 20, baseline: 10, ratio: 3, seconds: 30 });
    expect(figureOf(head, [round(1)])).to.deep.equal({ ...head, value: 1, baseline: null, ratio: null, seconds: 10 });
  });

  it('is held against all its bounds, the bound itself included', () => {
    const must = { value: { most: 8 }, ratio: { most: 1.5 } };
    const judged = (value: number, baseline?: number) => figureOf({ ...head, must }, [round(value, baseline)]).holds;
    expect(figureOf({ ...head, must }, [round(8, 8)]).must).to.equal('value <= 8 ms, ratio <= 1.5');
    expect([judged(6, 4), judged(6.1, 4), judged(8.1, 8)]).to.deep.equal([true, false, false]);
    expect(judged(1), 'a ratio without a baseline').to.equal(false);
    const least = { value: { least: 40_000 } };
    expect(figureOf({ ...head, must: least }, [round(39_999)]).holds).to.equal(false);
    expect(figureOf({ ...head, must: least }, [round(40_000)]).holds).to.equal(true);
  });

  it('of a quick run says what is asked, and judges nothing', () => {
    const figure = figureOf({ ...head, must: { value: { most: 1 } } }, [round(2)], {}, false);
    expect(figure.must).to.equal('value <= 1 ms');
    expect(figure).to.not.have.property('holds');
  });

  it('is a line of JSON, or one of a table', () => {
    const figure = figureOf({ ...head, must: { ratio: { most: 1.5 } } }, [round(123_456.789, 61_728)], {
      foreign: 0.1,
    });
    const numbers = { value: 123_457, baseline: 61_728, ratio: 2, nodes: 7, seconds: 10 };
    const words = { name: 'x', unit: 'ms', must: 'ratio <= 1.5' };
    expect(JSON.parse(figureJson(figure))).to.deep.equal({
      ...numbers,
      ...words,
      holds: false,
      more: { foreign: 0.1 },
    });
    expect(figureLine(figure)).to.match(/^x +123457 ms +61728 +2\.00 +7 +10 {2}MISSED ratio <= 1\.5; foreign 0\.1$/);
    expect(figureLine(figureOf(head, [round(1)]))).to.match(/^x +1 ms +- +- +7 +10$/);
  });
});
