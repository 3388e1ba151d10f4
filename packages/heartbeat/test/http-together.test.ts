import type { ServerResponse } from 'node:http';
import { expect } from 'chai';
import { Together } from '../src/http/together.ts';

describe('answers of one turn', () => {
  let left: number[];
  const response = (n: number) => ({ end: () => left.push(n) }) as unknown as ServerResponse;
  const turn = () => new Promise((resolve) => setImmediate(resolve));
  beforeEach(() => {
    left = [];
  });

  it('leave together behind it, in order, and those of the next turn behind that', async () => {
    const together = new Together();
    for (const n of [1, 2, 3]) together.end(response(n));
    expect(left).to.deep.equal([]);
    await turn();
    expect(left).to.deep.equal([1, 2, 3]);
    together.end(response(4));
    await turn();
    expect(left).to.deep.equal([1, 2, 3, 4]);
  });

  it('leave earlier where there is a herd of them, each once', async () => {
    const together = new Together();
    const all = Array.from({ length: 600 }, (_, n) => n);
    for (const n of all) together.end(response(n));
    expect(left.length).to.equal(512);
    await turn();
    expect(left).to.deep.equal(all);
  });
});
