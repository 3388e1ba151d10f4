import { mono } from '@csm/model';
import { expect } from 'chai';
import { LINES_A_SECOND, LINES_BURST, LineLimit } from '../src/net/line-limit.ts';

describe('the bound on lines', () => {
  it('lets a burst through, then leaves out, and says how many at the next', () => {
    const limit = new LineLimit();
    for (let i = 0; i < LINES_BURST; i++) expect(limit.take(mono(0))).to.equal(0);
    for (let i = 0; i < 7; i++) expect(limit.take(mono(1))).to.equal(undefined);
    expect(limit.take(mono(1000 / LINES_A_SECOND + 1))).to.equal(7);
    expect(limit.take(mono(1000 / LINES_A_SECOND + 1))).to.equal(undefined);
  });

  it('grows with time to one burst and no further', () => {
    const limit = new LineLimit();
    for (let i = 0; i < 2 * LINES_BURST; i++) limit.take(mono(0));
    let through = 0;
    for (let i = 0; i < 3 * LINES_BURST; i++) if (limit.take(mono(3_600_000)) !== undefined) through++;
    expect(through).to.equal(LINES_BURST);
  });
});
