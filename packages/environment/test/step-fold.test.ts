import { expect } from 'chai';
import fc from 'fast-check';
import { AGGREGATES, type Aggregate } from '../src/api.ts';
import { nearestRank, StepFold } from '../src/query/step-fold.ts';
import { compact, decodeTallies, encodeTallies, merge, single, type Tally } from '../src/store/figures.ts';

describe('figures', () => {
  const cases: readonly (readonly [number, number])[] = [
    [0, 0],
    [12.3456789, 12.3457],
    [0.000123456789, 0.000123457],
    [99_999.96, 100_000],
    [123_456.7, 123_457],
    [270_000_123_456, 270_000_123_456],
    [-7.23456789, -7.23457],
    [9_876_543_210.5, 9_876_543_211],
  ];
  for (const [given, kept] of cases) it(`keep ${given} as ${kept}`, () => expect(compact(given)).to.equal(kept));

  it('know no negative zero, which JSON has not', () => expect(Object.is(compact(-0), 0)).to.equal(true));

  it('are read back as they were written', () => {
    const value = fc.oneof(fc.integer(), fc.double({ min: -1e9, max: 1e9, noNaN: true })).map(compact);
    const tally = fc.array(value, { minLength: 1, maxLength: 20 }).map((values) => values.map(single).reduce(merge));
    fc.assert(
      fc.property(fc.array(tally, { maxLength: 20 }), fc.integer({ min: 0, max: 3 }), (tallies, more) => {
        const count = Math.max(0, ...tallies.map(({ n }) => n)) + more;
        const read = decodeTallies(encodeTallies(tallies, count), count);
        expect(read.map(({ n, min, max }) => [n, min, max])).to.deep.equal(
          tallies.map(({ n, min, max }) => [n, min, max]),
        );
        for (const [i, { sum }] of read.entries()) {
          expect(sum).to.be.closeTo((tallies[i] as Tally).sum, 1e-9 * Math.max(1, Math.abs(sum)));
        }
      }),
    );
  });

  it('of a value that stayed the same are one number', () => {
    const same = [5, 5, 5].map(single).reduce(merge);
    expect(encodeTallies([same], 3)).to.equal('[5]');
    expect(encodeTallies([same, [1, 2].map(single).reduce(merge)], 4)).to.equal('[[5,3],[1,3,2,2]]');
  });
});

describe('nearest rank', () => {
  const cases: readonly (readonly [readonly number[], number, number])[] = [
    [[7], 0.95, 7],
    [[1, 2], 0.95, 2],
    [[2, 1], 0.5, 1],
    [Array.from({ length: 20 }, (_, i) => i + 1), 0.95, 19],
    [Array.from({ length: 100 }, (_, i) => 100 - i), 0.95, 95],
    [[10, 9, 100], 0.95, 100],
  ];
  for (const [values, share, expected] of cases) {
    it(`${share} of ${values.length} values is ${expected}`, () =>
      expect(nearestRank(values, share)).to.equal(expected));
  }
});

describe('step fold', () => {
  it('gives what a naive computation gives, in whatever order rows come', () => {
    const row = fc.record({
      node: fc.integer({ min: 1, max: 4 }),
      time: fc.integer({ min: 0, max: 10_000 }),
      name: fc.constantFrom('a', 'sda.b', 'c'),
      value: fc.integer({ min: -1000, max: 1000 }),
    });
    fc.assert(
      fc.property(
        fc.array(row, { maxLength: 80 }),
        fc.integer({ min: 1, max: 4000 }),
        fc.constantFrom(...AGGREGATES),
        (rows, stepMs, agg) => {
          const order = [3, 1, 4, 2];
          const fold = new StepFold(stepMs, agg);
          for (const { node, time, name, value } of rows) fold.addValue(node, time, name, value);
          const items = [...fold.take(order)];
          const keys = items.map(({ time, node }) => time * 10 + order.indexOf(node));
          expect(keys).to.deep.equal([...keys].sort((a, b) => a - b));
          let cells = 0;
          for (const item of items) {
            expect(item.time % stepMs).to.equal(0);
            for (const [name, value] of Object.entries(item.values)) {
              const values = rows
                .filter((r) => r.node === item.node && r.name === name)
                .filter((r) => r.time >= item.time && r.time < item.time + stepMs)
                .map((r) => r.value);
              expect(value).to.equal(naive(values, agg));
              cells += values.length;
            }
          }
          expect(cells).to.equal(rows.length);
          expect([[...fold.take(order)], fold.held]).to.deep.equal([[], 0]);
        },
      ),
    );
  });

  it('adds rollups up', () => {
    const fold = new StepFold(7_200_000, 'avg');
    fold.addTally(1, 0, 'a', { n: 3, min: 1, sum: 6, max: 3 });
    fold.addTally(1, 3_600_000, 'a', { n: 1, min: 10, sum: 10, max: 10 });
    expect([...fold.take([1])]).to.deep.equal([{ node: 1, time: 0, values: { a: 4 } }]);
  });
});

describe('what a step fold holds', () => {
  it('is every value of a percentile, and of anything else one tally a value', () => {
    const percentile = new StepFold(1000, 'p95');
    const highest = new StepFold(1000, 'max');
    for (let i = 0; i < 100; i++) {
      percentile.addValue(1, i, 'a', i);
      highest.addValue(1, i, 'a', i);
    }
    expect(percentile.held).to.equal(100);
    expect(highest.held).to.be.below(10);
    percentile.clear();
    expect([percentile.held, [...percentile.take([1])]]).to.deep.equal([0, []]);
  });
});

function naive(values: readonly number[], agg: Aggregate): number {
  const sorted = [...values].sort((a, b) => a - b);
  if (agg === 'min') return sorted[0] as number;
  if (agg === 'max') return sorted.at(-1) as number;
  if (agg === 'avg') return compact(values.reduce((a, b) => a + b, 0) / values.length);
  return sorted.find((v) => sorted.filter((other) => other <= v).length >= 0.95 * sorted.length) as number;
}
