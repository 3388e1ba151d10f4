import { compareNames } from '@csm/nodeset';
import { expect } from 'chai';
import fc from 'fast-check';
import { NameOrder } from '../src/name-order.ts';

interface Thing {
  readonly name: string;
}
const names = fc.uniqueArray(
  fc.tuple(fc.constantFrom('n', 'login', 'r1c'), fc.integer({ min: 0, max: 200 })).map(([a, b]) => `${a}${b}`),
);

describe('things in the order of their names', () => {
  it('are given all, each once, in natural order, however they come', () => {
    const shuffled = names.chain((all) =>
      fc.tuple(
        fc.constant(all),
        fc.shuffledSubarray(all, { minLength: all.length }),
        fc.nat(all.length),
        fc.integer({ min: 1, max: 9 }),
      ),
    );
    fc.assert(
      fc.property(shuffled, ([all, coming, toldAt, size]) => {
        const given: string[] = [];
        const ordered = new NameOrder<Thing>(
          ({ name }) => name,
          (things) => given.push(...things.map(({ name }) => name)),
        );
        for (let at = 0; at < coming.length || at <= toldAt; at += size) {
          if (at <= toldAt && toldAt < at + size) ordered.names(all);
          ordered.add(coming.slice(at, at + size).map((name) => ({ name })));
        }
        expect(given).to.deep.equal([...all].sort(compareNames));
      }),
    );
  });

  it('are passed on as they come where they come in order', () => {
    const given: string[][] = [];
    const ordered = new NameOrder<Thing>(
      ({ name }) => name,
      (things) => given.push(things.map(({ name }) => name)),
    );
    ordered.names(['n10', 'n2', 'n1']);
    ordered.add([{ name: 'n1' }, { name: 'n2' }]);
    ordered.add([{ name: 'n10' }]);
    expect(given).to.deep.equal([['n1', 'n2'], ['n10']]);
  });

  it('are not at their end where one is missing that was named, or came unnamed', () => {
    for (const [named, last] of [
      [['n1', 'n2'], 'n1'],
      [['n1'], 'n3'],
    ] as const) {
      const ordered = new NameOrder<Thing>(
        ({ name }) => name,
        () => {},
      );
      ordered.names(named);
      ordered.add([{ name: last }]);
      expect(() => ordered.end()).to.throw('came in order');
      ordered.add(['n1', 'n2'].filter((name) => name !== last).map((name) => ({ name })));
      if (named.length === 2) expect(() => ordered.end()).not.to.throw();
    }
  });
});
