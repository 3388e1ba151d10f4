import type { AggregatorPart, CopiedReport } from '@csm/feature';
import { wall } from '@csm/model';
import { expect } from 'chai';
import { copiesTap } from '../src/tap.ts';

const report = (kind: string, seq: number): CopiedReport => ({
  node: 'n1',
  incarnation: 'i',
  seq,
  kind,
  time: wall(0),
  body: null,
});

describe('the tap of an aggregator', () => {
  it('is none where no part wants copies', () => {
    expect(copiesTap([])).to.equal(undefined);
  });

  it('gives each part its kinds, and resolves when all have them', async () => {
    const seen: string[] = [];
    const part = (name: string, ...copies: string[]): AggregatorPart => ({
      copies,
      async take(reports) {
        await new Promise((resolve) => setImmediate(resolve));
        seen.push(`${name}: ${reports.map(({ kind, seq }) => `${kind}${seq}`).join(' ')}`);
      },
    });
    const tap = copiesTap([part('x', 'a'), part('y', 'a', 'b'), part('z', 'c')]);
    expect(tap?.kinds).to.deep.equal(['a', 'b', 'c']);
    await tap?.take([report('a', 1), report('b', 2)]);
    expect(seen).to.have.members(['x: a1', 'y: a1 b2']);
  });
});
