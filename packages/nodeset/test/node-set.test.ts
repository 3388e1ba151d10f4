import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { compareNames, NODESET_NAMES_MAX, NodeSet } from '../src/index.ts';

describe('NodeSet', () => {
  const a = NodeSet.parse('n[1-5]');
  const b = NodeSet.parse('n[4-7]');

  it('combines without changing its operands', () => {
    expect(a.union(b).toString()).equals('n[1-7]');
    expect(a.difference(b).toString()).equals('n[1-3]');
    expect(a.intersection(b).toString()).equals('n[4-5]');
    expect(a.xor(b).toString()).equals('n[1-3,6-7]');
    expect([a.toString(), b.toString()]).deep.equals(['n[1-5]', 'n[4-7]']);
  });

  it('tells size, members and equality', () => {
    expect(a.size).equals(5);
    expect(a.has('n5')).equals(true);
    expect(a.has('n05')).equals(false);
    expect(a.equals(NodeSet.parse('n[5,4,3,1-2]'))).equals(true);
    expect(a.equals(b)).equals(false);
    expect(a.equals(NodeSet.parse('n[2-6]'))).equals(false);
    expect(NodeSet.empty.size).equals(0);
    expect(NodeSet.empty.toString()).equals('');
    expect(a.difference(a)).equals(NodeSet.empty);
  });

  it('iterates in natural order and hands out copies', () => {
    const set = NodeSet.of(['n10', 'n2', 'n01', 'n1', 'm3']);
    expect([...set]).deep.equals(['m3', 'n1', 'n01', 'n2', 'n10']);
    set.names().length = 0;
    expect(set.names()).deep.equals(['m3', 'n1', 'n01', 'n2', 'n10']);
  });

  it('refuses to grow beyond its limit', () => {
    const full = NodeSet.parse(`n[1-${NODESET_NAMES_MAX}]`);
    const one = NodeSet.of(['m1']);
    expect(() => full.union(one)).throws(CsmError, '1000001 names');
    expect(() => full.xor(one)).throws(CsmError, '1000001 names');
    expect(full.union(NodeSet.of(['n1'])).size).equals(NODESET_NAMES_MAX);
  });
});

describe('compareNames', () => {
  it('orders numbers as numbers, whatever their length', () => {
    const names = [
      'n',
      'n-1',
      'n0',
      'n1',
      'n01',
      'n2',
      'n10',
      'n10a',
      'n99999999999999999999',
      'n100000000000000000000',
    ];
    expect(names.toReversed().sort(compareNames)).deep.equals(names);
    expect(compareNames('n1', 'n1')).equals(0);
  });
});
