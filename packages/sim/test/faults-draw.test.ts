import { expect } from 'chai';
import { between, drawRounds, pick, shuffled } from '../src/faults/draw.ts';
import { randomOf } from '../src/population/random.ts';

const SORTS = ['a', 'b', 'c', 'd'];
const count = (drawn: readonly string[], sort: string): number => drawn.filter((one) => one === sort).length;

describe('rounds drawn by chance', () => {
  it('hold every sort at least so often, and as many as were asked for', () => {
    for (let seed = 1; seed <= 50; seed++) {
      const drawn = drawRounds(SORTS, 50, 5, randomOf(seed));
      expect(drawn).to.have.length(50);
      for (const sort of SORTS) expect(count(drawn, sort), `${sort}, seed ${seed}`).to.be.at.least(5);
    }
  });

  it('are more than asked for where each sort must come so often', () => {
    expect(drawRounds(SORTS, 10, 5, randomOf(1))).to.have.length(20);
    expect(drawRounds([], 10, 5, randomOf(1))).to.deep.equal([]);
  });

  it('follow from the seed, and differ between seeds', () => {
    const drawn = (seed: number): string => drawRounds(SORTS, 50, 5, randomOf(seed)).join('');
    expect(drawn(7)).to.equal(drawn(7));
    expect(new Set([1, 2, 3, 4, 5].map(drawn)).size).to.equal(5);
  });

  it('are shuffled without losing any', () => {
    const all = Array.from({ length: 100 }, (_, i) => i);
    const order = shuffled(all, randomOf(3));
    expect(order).to.not.deep.equal(all);
    expect(order.toSorted((a, b) => a - b)).to.deep.equal(all);
  });

  it('pick from all there is, and numbers from both ends', () => {
    const random = randomOf(5);
    expect(new Set(Array.from({ length: 200 }, () => pick(SORTS, random))).size).to.equal(4);
    const numbers = Array.from({ length: 300 }, () => between(2, 4, random));
    expect([...new Set(numbers)].toSorted((a, b) => a - b)).to.deep.equal([2, 3, 4]);
    expect(() => pick([], random)).to.throw('nothing to choose from');
  });
});
