import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { expand, fold, NodeSet } from '../src/index.ts';

describe('fold', () => {
  const cases: readonly [names: string, folded: string][] = [
    ['', ''],
    ['login1', 'login1'],
    ['login', 'login'],
    ['n007 n001 n002 n003 login1', 'login1,n[001-003,007]'],
    ['n1 n2 n4', 'n[1-2,4]'],
    ['n9 n10 n11', 'n[9-11]'],
    ['n08 n09 n10 n11', 'n[08-11]'],
    ['n1 n2 n01 n02', 'n[1-2,01-02]'],
    ['n099 n100 n1000', 'n[099-100,1000]'],
    ['n0 n00 n000', 'n[0,00,000]'],
    ['n1-ib n2-ib n1', 'n1,n[1-2]-ib'],
    ['r1n01 r1n02 r2n01 r2n02', 'r[1-2]n[01-02]'],
    ['r1n1 r2n1 r3n1', 'r[1-3]n1'],
    ['r1n1 r1n2 r2n2', 'r1n[1-2],r2n2'],
    ['a1 b1 a2 b2', 'a[1-2],b[1-2]'],
    ['1 2 3', '[1-3]'],
    ['n99999999999999 n99999999999998', 'n[99999999999998-99999999999999]'],
    ['n999999999999999 n999999999999998', 'n999999999999998,n999999999999999'],
  ];
  for (const [names, folded] of cases) {
    it(`gives ${JSON.stringify(folded)}`, () => {
      const list = names.split(' ').filter((n) => n !== '');
      expect(fold(list)).equals(folded);
      expect(fold(list.toReversed())).equals(folded);
      expect(NodeSet.parse(folded).equals(NodeSet.of(list))).equals(true);
    });
  }

  it('folds along the dimension that folds best', () => {
    // The last number first, the usual order, would give one operand for each distinct list of nodes: five.
    expect(fold(expand('r[1-4]n1,r[3-9]n3,r[1-9]n7'))).equals('r[1-4]n1,r[1-9]n7,r[3-9]n3');
  });

  it('folds five dimensions to one box', () => {
    const text = 'x[1000-1003]c[0-3]s[0-7]b[0-1]n[0-3]';
    expect(fold(expand(text).toReversed())).equals(text);
  });

  it('stays exact beyond the numbers it folds', () => {
    const text = 'a1b2c3d4e5f6g7h[8-9]i1j1,a1b2c3d4e5f6g7h8i2j2';
    expect(expand(fold(expand(text)))).deep.equals(expand(text));
  });

  it('refuses what is no node name', () => {
    expect(() => fold(['n1', 'n 2'])).throws(CsmError, "'n 2' is not a node name");
    expect(() => fold(['n[1-2]'])).throws(CsmError);
  });

  it('folds and reads 10,000 names in a few milliseconds', () => {
    // In no order, and half of them missing without a pattern: the worst a merge meets.
    const all = expand('n[00001-10000]');
    const scattered = all.toSorted((a, b) => hash(a) - hash(b));
    // The best of several runs: the machine is shared. The limit is far above the 2–3 ms it takes.
    expect(best(() => fold(scattered))).below(25);
    const half = fold(scattered.slice(0, 5000));
    expect(best(() => NodeSet.parse(half))).below(25);
    expect(best(() => NodeSet.parse(scattered.join(), { maxText: 70_000 }))).below(25);
  });
});

function hash(text: string): number {
  let h = 0;
  for (let i = 0; i < text.length; i++) h = (Math.imul(h, 31) + text.charCodeAt(i) * 0x9e3779b1) | 0;
  return h;
}

function best(work: () => unknown): number {
  let shortest = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 8; i++) {
    const started = performance.now();
    work();
    shortest = Math.min(shortest, performance.now() - started);
  }
  return shortest;
}
