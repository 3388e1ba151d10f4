import { expect } from 'chai';
import fc from 'fast-check';
import { IsoTimes } from '../src/iso.ts';

const LATEST = 8_640_000_000_000_000;

describe('moments as ISO 8601', () => {
  it('are those of a Date, whatever was asked before', () => {
    const times = new IsoTimes();
    const near = fc.integer({ min: 1_700_000_000_000, max: 1_700_200_000_000 });
    fc.assert(
      fc.property(fc.oneof(near, fc.integer({ min: -LATEST, max: LATEST })), (ms) => {
        expect(times.of(ms)).to.equal(new Date(ms).toISOString());
      }),
      { numRuns: 2000 },
    );
  });

  it('are right at the edges of days, years and time itself', () => {
    const times = new IsoTimes();
    for (const ms of [0, -1, 1, 86_399_999, 86_400_000, -62_167_219_200_000, 253_402_300_799_999, LATEST, -LATEST])
      expect(times.of(ms)).to.equal(new Date(ms).toISOString());
    for (const ms of [1.5, -1.5, 1_700_000_000_000.999]) expect(times.of(ms)).to.equal(new Date(ms).toISOString());
    for (const ms of [2 * LATEST, -2 * LATEST, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => times.of(ms), String(ms)).to.throw(RangeError);
  });

  it('are right for more days than are remembered', () => {
    const times = new IsoTimes();
    for (let day = 0; day < 3000; day++) {
      const ms = day * 86_400_000 + day * 28_799;
      expect(times.of(ms)).to.equal(new Date(ms).toISOString());
    }
  });
});
