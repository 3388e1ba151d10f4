import { expect } from 'chai';
import fc from 'fast-check';
import { inSlice, nextRows } from '../src/slice.ts';

/** A clock that work moves: each row takes `each` ms, each statement `fixed`. */
function world(rows: number, each: number, fixed = 0) {
  let now = 0;
  let left = rows;
  const steps: number[] = [];
  return {
    steps,
    left: () => left,
    spent: () => now,
    step: async (most: number): Promise<number> => {
      const did = Math.min(most, left);
      left -= did;
      now += fixed + did * each;
      steps.push(most);
      return did;
    },
  };
}

describe('work in slices', () => {
  it('grows its steps by what the last one took, never beyond the time that is left', () => {
    expect(nextRows(8, 0.008, 5)).to.equal(32);
    expect(nextRows(8, 0.8, 1)).to.equal(10);
    expect(nextRows(8, 0, 5)).to.equal(32);
    expect(nextRows(4096, 1, 100)).to.equal(4096);
    expect(nextRows(8, 4, 1)).to.equal(0);
    expect(nextRows(8, 1, 0)).to.equal(0);
    expect(nextRows(8, 1, -3)).to.equal(0);
  });

  it('ends with the work, and says so', async () => {
    const small = world(5, 0.001);
    expect(await inSlice(small, small.step)).to.deep.equal({ rows: 5, more: false });
    const none = world(0, 0.001);
    expect(await inSlice(none, none.step)).to.deep.equal({ rows: 0, more: false });
    expect(none.steps).to.deep.equal([8]);
  });

  it('does much of what is cheap and little of what is not', async () => {
    const quick = world(1_000_000, 0.002);
    const slow = world(1_000_000, 0.5);
    const { rows } = await inSlice(quick, quick.step);
    expect(rows).to.be.within(1_500, 2_500);
    expect((await inSlice(slow, slow.step)).rows).to.equal(8);
  });

  it('is in time however long rows take, but for its first step', async () => {
    const cost = fc.double({ min: 0.0001, max: 2, noNaN: true });
    await fc.assert(
      fc.asyncProperty(cost, cost, fc.integer({ min: 0, max: 50_000 }), async (each, fixed, rows) => {
        const it = world(rows, each, fixed);
        const result = await inSlice(it, it.step, 5);
        expect(result.rows).to.equal(rows - it.left());
        // What a statement costs beside its rows is taken for a cost of rows: it can only make steps smaller.
        if (it.steps.length > 1) expect(it.spent()).to.be.below(5 + fixed + 0.001);
      }),
    );
  });
});
