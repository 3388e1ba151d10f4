import { expect } from 'chai';
import fc from 'fast-check';
import { cpuList } from '../src/index.ts';

describe('a list of CPUs', () => {
  const cases: readonly (readonly [string, readonly number[] | undefined])[] = [
    ['0', [0]],
    ['0-3,8,10-11', [0, 1, 2, 3, 8, 10, 11]],
    ['', []],
    ['3-1', undefined],
    ['0-', undefined],
    ['a', undefined],
    ['0,,1', undefined],
    ['0-9999', undefined],
    ['0-999999999999', undefined],
    ['-1', undefined],
  ];
  for (const [text, cpus] of cases) {
    it(`'${text}' is ${cpus === undefined ? 'none' : `${cpus.length} of them`}`, () => {
      expect(cpuList(text)).to.deep.equal(cpus);
    });
  }

  it('never throws, and never grows beyond what a kernel can have', () => {
    fc.assert(fc.property(fc.string(), (text) => (cpuList(text)?.length ?? 0) <= 8192));
    expect(cpuList(Array.from({ length: 20 }, () => '0-8000').join(','))).to.equal(undefined);
  });
});
