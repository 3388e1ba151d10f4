import { CsmError, isNodeName } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { compareNames, expand, fold, NodeSet } from '../src/index.ts';

/** Names that collide, fold and pad in every way, and some that are quite irregular. */
const number = fc.oneof(fc.nat(12), fc.constantFrom(98, 99, 100, 999));
const digits = fc.tuple(number, fc.nat(4)).map(([n, width]) => String(n).padStart(width, '0'));
const name = fc.oneof(
  digits.map((d) => `n${d}`),
  fc
    .tuple(fc.constantFrom('r', 'x'), digits, digits, fc.constantFrom('', '-ib'))
    .map(([p, a, b, s]) => `${p}${a}n${b}${s}`),
  fc.tuple(digits, digits, digits).map((d) => `x${d.join('c')}`),
  fc.stringMatching(/^[A-Za-z0-9]([A-Za-z0-9._-]{0,30}[A-Za-z0-9])?$/),
  fc.stringMatching(/^[ab][0-9]{1,25}([ab][0-9]{0,3}){0,9}$/).filter(isNodeName),
);
const names = fc.array(name, { maxLength: 40 });

const sortedUnique = (list: readonly string[]) => [...new Set(list)].sort(compareNames);

describe('node set laws', () => {
  it('expand(fold(x)) is x, and folding does not depend on the order', () => {
    fc.assert(
      fc.property(names, (list) => {
        const text = fold(list);
        expect(expand(text)).deep.equals(sortedUnique(list));
        expect(fold(list.toReversed())).equals(text);
        expect(fold(expand(text))).equals(text);
      }),
      { numRuns: 1000 },
    );
  });

  it('folded text never spells a name twice', () => {
    fc.assert(
      fc.property(names, (list) => {
        const text = fold(list);
        const operands = text === '' ? [] : text.split(/,(?![^[]*\])/);
        expect(operands.reduce((sum, t) => sum + NodeSet.parse(t).size, 0)).equals(new Set(list).size);
      }),
    );
  });

  it('agrees with the sets of the language', () => {
    fc.assert(
      fc.property(names, names, (x, y) => {
        const [a, b] = [NodeSet.of(x), NodeSet.of(y)];
        const inX = new Set(x);
        const inY = new Set(y);
        const both = [...x, ...y];
        const expected: readonly [string, NodeSet, string[]][] = [
          [',', a.union(b), both],
          ['!', a.difference(b), x.filter((n) => !inY.has(n))],
          ['&', a.intersection(b), x.filter((n) => inY.has(n))],
          ['^', a.xor(b), both.filter((n) => inX.has(n) !== inY.has(n))],
        ];
        for (const [operator, set, want] of expected) {
          expect(set.names(), operator).deep.equals(sortedUnique(want));
          expect(set.size).equals(new Set(want).size);
          expect(set.equals(NodeSet.of(want))).equals(true);
        }
        expect(a.names()).deep.equals(sortedUnique(x));
      }),
    );
  });

  it('evaluates text from left to right as the methods do', () => {
    const operand = fc.array(name, { minLength: 1, maxLength: 6 }).map((list) => sortedUnique(list));
    const step = fc.record({
      sign: fc.constantFrom(',', ' ', '!', '&', '^'),
      gap: fc.constantFrom('', ' ', '\t'),
      operand,
    });
    fc.assert(
      fc.property(operand, fc.array(step, { maxLength: 8 }), (first, steps) => {
        // Only an operand that folds to one piece of text is a single operand of an expression.
        const single = (list: readonly string[]) => fold(list).split(/,(?![^[]*\])/)[0] as string;
        let text = single(first);
        let set = NodeSet.parse(text);
        for (const { sign, gap, operand } of steps) {
          const piece = single(operand);
          const other = NodeSet.parse(piece);
          text += `${gap}${sign}${gap}${piece}`;
          if (sign === '!') set = set.difference(other);
          else if (sign === '&') set = set.intersection(other);
          else if (sign === '^') set = set.xor(other);
          else set = set.union(other);
        }
        expect(NodeSet.parse(text).names(), text).deep.equals(set.names());
      }),
      { numRuns: 500 },
    );
  });

  it('natural order is a total order', () => {
    fc.assert(
      fc.property(name, name, name, (a, b, c) => {
        expect(Math.sign(compareNames(a, b))).equals(0 - Math.sign(compareNames(b, a)));
        expect(compareNames(a, b) === 0).equals(a === b);
        if (compareNames(a, b) <= 0 && compareNames(b, c) <= 0) expect(compareNames(a, c)).at.most(0);
      }),
      { numRuns: 2000 },
    );
  });
});

describe('node set text from anywhere', () => {
  // Mostly the characters that mean something, so that the fuzz gets past the first one.
  const near = fc.string({ unit: fc.constantFrom(...'n01279a-_.[],!&^/ @]['.split('')), maxLength: 60 });
  const far = fc.string({ unit: 'binary', maxLength: 200 });
  const broken = fc
    .tuple(names, fc.nat(), fc.nat(3), fc.string({ unit: fc.constantFrom(...'n09[]-/,!@ '.split('')), maxLength: 3 }))
    .map(([list, at, cut, put]) => {
      const text = fold(list);
      const i = text.length === 0 ? 0 : at % text.length;
      return text.slice(0, i) + put + text.slice(i + cut);
    });

  it('gives legal names or a problem of code 9, and never hangs', () => {
    fc.assert(
      fc.property(fc.oneof(near, far, broken), (text) => {
        const started = performance.now();
        try {
          const set = NodeSet.parse(text);
          for (const n of set) expect(isNodeName(n), n).equals(true);
          expect(expand(set.toString())).deep.equals(set.names());
        } catch (e) {
          if (!(e instanceof CsmError)) throw e;
          expect(e.problem).includes({ code: 9, field: 'nodeset' });
          expect(e.problem.allowed).matches(/\w/);
          expect(e.problem.detail).matches(/^[ -~]+$/);
        }
        // A text of 200 characters can ask for a million names at most.
        expect(performance.now() - started).below(10_000);
      }),
      { numRuns: 3000 },
    );
  });
});
