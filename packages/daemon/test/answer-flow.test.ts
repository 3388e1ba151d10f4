import { expect } from 'chai';
import { AnswerFlow } from '../src/answer-flow.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a long answer on its way to its reader', () => {
  it('is given in order, what waits at once, and what comes as it comes', async () => {
    let left = 0;
    const flow = new AnswerFlow(() => left++);
    flow.add('a');
    flow.add('b');
    const taken: string[] = [];
    const read = (async () => {
      for await (const part of flow) taken.push(part);
    })();
    await turn();
    expect(taken).to.deep.equal(['ab']);
    flow.add('c');
    await turn();
    expect(taken).to.deep.equal(['ab', 'c']);
    flow.add('d');
    flow.end();
    await read;
    expect(taken).to.deep.equal(['ab', 'c', 'd']);
    expect(left).to.equal(0);
  });

  it('breaks off behind what has come, with the first reason', async () => {
    const flow = new AnswerFlow(() => undefined);
    flow.add('a');
    flow.end(new Error('the way was lost'));
    flow.end();
    const taken: string[] = [];
    const told = await (async () => {
      for await (const part of flow) taken.push(part);
    })().catch((error: Error) => error.message);
    expect([taken, told]).to.deep.equal([['a'], 'the way was lost']);
  });

  it('tells when its reader leaves before the end', async () => {
    let left = 0;
    const flow = new AnswerFlow(() => left++);
    flow.add('a');
    for await (const part of flow) {
      expect(part).to.equal('a');
      break;
    }
    expect(left).to.equal(1);
  });
});
