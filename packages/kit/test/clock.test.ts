import { expect } from 'chai';
import { systemClock } from '../src/index.ts';

describe('systemClock', () => {
  it('gives whole wall milliseconds and a monotonic clock that never goes back', () => {
    const first = systemClock.now();
    expect(first.wall).to.be.closeTo(Date.now(), 1_000);
    expect(Number.isInteger(first.wall)).to.equal(true);
    let last = first.mono;
    for (let i = 0; i < 1_000; i++) {
      const { mono } = systemClock.now();
      expect(mono).to.be.at.least(last);
      last = mono;
    }
  });
});
