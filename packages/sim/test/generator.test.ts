import type { LeafShell } from '@csm/tree';
import { expect } from 'chai';
import { Generator, type Source } from '../src/population/generator.ts';

/** A node that accepts at once and is acknowledged when the test says so. */
function node(
  name: string,
): Source & { readonly counters: { accepted: number; acknowledged: number }; bursts: number[] } {
  const counters = { accepted: 0, acknowledged: 0 };
  const bursts: number[] = [];
  let thisTick = 0;
  const offer = async (): Promise<void> => {
    counters.accepted++;
    if (thisTick++ === 0)
      setImmediate(() => {
        bursts.push(thisTick);
        thisTick = 0;
      });
  };
  return {
    node: name,
    k: 0,
    counters,
    bursts,
    leaf: { offer, leaf: { outbox: { counters } } } as unknown as LeafShell,
  };
}

async function until(condition: () => boolean): Promise<void> {
  const end = performance.now() + 20_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error('not in time');
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

describe('the generator', () => {
  it('makes a node offer in bursts, and passes over one that is behind by a window', async () => {
    const nodes = ['n1', 'n2'].map(node);
    const generator = new Generator(nodes, undefined, { size: 50, burst: 10, window: 30 }, () => 1);
    generator.rate = 100_000;
    try {
      await until(() => generator.counts.held > 0);
      expect(nodes.map(({ counters }) => counters.accepted)).to.deep.equal([30, 30]);
      const [, second] = nodes;
      await until(() => second?.bursts.reduce((sum, burst) => sum + burst, 0) === 30);
      second?.bursts.splice(0);
      Object.assign(second?.counters ?? {}, { acknowledged: 5 });
      await until(() => second?.bursts.length === 1);
      expect(nodes.map(({ counters }) => counters.accepted)).to.deep.equal([30, 40]);
      expect(nodes[1]?.bursts).to.deep.equal([10]);
    } finally {
      generator.rate = 0;
    }
  });

  it('without a window offers at its rate, also one below a burst a second', async () => {
    const one = node('n1');
    const generator = new Generator([one], undefined, { size: 50, burst: 4, window: 0 }, () => 1);
    generator.rate = 3;
    try {
      await until(() => one.counters.accepted > 0);
      expect(one.counters.accepted).to.equal(4);
    } finally {
      generator.rate = 0;
    }
  });
});
