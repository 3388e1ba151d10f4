import { expect } from 'chai';
import fc from 'fast-check';
import { agree, knows, parseVersion, VERSION } from '../src/version.ts';

describe('agree', () => {
  const table: readonly [ours: string, theirs: string, spoken: string | undefined][] = [
    ['1.1', '1.1', '1.1'],
    ['1.1', '1.0', '1.0'],
    ['1.0', '1.1', '1.0'],
    ['1.1', '1.2', '1.1'],
    ['1.9', '1.10', '1.9'],
    ['1.1', '2.0', undefined],
    ['2.0', '1.1', undefined],
    ['1.1', '0.9', undefined],
    ['1.1', '', undefined],
    ['1.1', '1', undefined],
    ['1.1', '1.1.0', undefined],
    ['1.1', 'v1.1', undefined],
    ['1.1', '1.1 ', undefined],
    ['1.1', '1.99999', undefined],
    ['1.1', '-1.1', undefined],
    ['1.1', '１.1', undefined],
  ];
  for (const [ours, theirs, spoken] of table) {
    it(`${ours} with '${theirs}' → ${spoken ?? 'refused'}`, () => {
      const result = agree(ours, theirs);
      if (spoken === undefined) {
        expect(result.ok).to.equal(false);
        if (result.ok) return;
        expect(result.error).to.include({ code: 12, field: 'version', allowed: `${ours.split('.')[0]}.x` });
        expect(result.error.detail).to.include(`'${theirs}'`).and.to.include(ours);
      } else {
        expect(result).to.deep.equal({ ok: true, value: parseVersion(spoken) });
      }
    });
  }

  it('is the same from both ends, and never above either', () => {
    const part = fc.integer({ min: 0, max: 9999 });
    fc.assert(
      fc.property(part, part, part, part, (a, b, c, d) => {
        const one = agree(`${a}.${b}`, `${c}.${d}`);
        const two = agree(`${c}.${d}`, `${a}.${b}`);
        expect(one.ok)
          .to.equal(two.ok)
          .and.to.equal(a === c);
        if (one.ok && two.ok)
          expect(one.value)
            .to.deep.equal(two.value)
            .and.to.deep.equal({ major: a, minor: Math.min(b, d) });
      }),
    );
  });

  it('reads its own version', () => {
    expect(parseVersion(VERSION)).not.to.equal(undefined);
    expect(agree(VERSION, VERSION).ok).to.equal(true);
  });
});

describe('knows', () => {
  it('what came with a minor version, from that one on', () => {
    for (const version of ['1.3', '1.4', '1.5', '1.10']) expect(knows(version, 3), version).to.equal(true);
    for (const version of ['1.0', '1.2', '', '1', 'one', '1.3.1']) expect(knows(version, 3), version).to.equal(false);
  });
});
