import { expect } from 'chai';
import fc from 'fast-check';
import { backoffDelay } from '../src/backoff.ts';

describe('backoffDelay', () => {
  const backoff = { base: 100, cap: 5000 };
  const table: readonly [attempt: number, chance: number, delay: number][] = [
    [0, 0, 0],
    [0, 0.5, 50],
    [0, 0.999, 99.9],
    [1, 0.5, 100],
    [5, 0.5, 1600],
    [6, 0.5, 2500],
    [30, 0.5, 2500],
    [1e9, 0.5, 2500],
  ];
  for (const [attempt, chance, delay] of table) {
    it(`attempt ${attempt}, chance ${chance} → ${delay} ms`, () => {
      expect(backoffDelay(attempt, backoff, chance)).to.be.closeTo(delay, 1e-9);
    });
  }

  it('stays within the cap and is spread over the whole span', () => {
    fc.assert(
      fc.property(
        fc.nat(),
        fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }),
        fc.integer({ min: 1, max: 1e6 }),
        fc.integer({ min: 1, max: 1e7 }),
        (attempt, chance, base, cap) => {
          const delay = backoffDelay(attempt, { base, cap }, chance);
          expect(delay).to.be.at.least(0).and.at.most(cap);
          expect(backoffDelay(attempt, { base, cap }, 0)).to.equal(0);
          expect(backoffDelay(attempt + 1, { base, cap }, chance)).to.be.at.least(delay);
        },
      ),
    );
  });
});
