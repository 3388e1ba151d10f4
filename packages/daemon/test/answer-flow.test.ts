import { expect } from 'chai';
import { AnswerFlow } from '../src/answer-flow.ts';

const textOf = (part: Uint8Array): string => Buffer.from(part).toString('utf8');
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('a long answer on its way to its reader', () => {
  it('is given in order, what waits and what comes as it comes', async () => {
    let left = 0;
    const flow = new AnswerFlow(() => left++);
    flow.add('a');
    flow.add('b');
    const taken: string[] = [];
    const read = (async () => {
      for await (const part of flow) taken.push(textOf(part));
    })();
    await turn();
    expect(taken).to.deep.equal(['a', 'b']);
    flow.add('c');
    await turn();
    expect(taken).to.deep.equal(['a', 'b', 'c']);
    flow.add('d');
    flow.end();
    await read;
    expect(taken).to.deep.equal(['a', 'b', 'c', 'd']);
    expect(left).to.equal(0);
  });

  it('breaks off behind what has come, with the first reason', async () => {
    const flow = new AnswerFlow(() => undefined);
    flow.add('a');
    flow.end(new Error('the way was lost'));
    flow.end();
    const taken: string[] = [];
    const told = await (async () => {
      for await (const part of flow) taken.push(textOf(part));
    })().catch((error: Error) => error.message);
    expect([taken, told]).to.deep.equal([['a'], 'the way was lost']);
  });

  it('keeps characters whole that its pieces divide', async () => {
    const texts = ['[\n{"name":"é \u2028 n1","comment":"🔥🔥"},\n{"name":"n2🔥"}\n]', '🔥', 'n1'];
    for (const text of texts) {
      // By UTF-16 units, of which 🔥 has two; all at once, and with a reader between them.
      for (const waits of [false, true]) {
        const flow = new AnswerFlow(() => undefined);
        const taken: Uint8Array[] = [];
        const read = (async () => {
          for await (const part of flow) taken.push(part);
        })();
        for (const unit of text.split('')) {
          flow.add(unit);
          if (waits) await turn();
        }
        flow.end();
        await read;
        expect(textOf(Buffer.concat(taken))).to.equal(text);
        expect(taken.every((part) => part.length > 0)).to.equal(true);
      }
    }
  });

  it('gives a half that stays one in the place of what it is', async () => {
    const flow = new AnswerFlow(() => undefined);
    flow.add('a\ud83d');
    flow.end();
    const taken: string[] = [];
    for await (const part of flow) taken.push(textOf(part));
    expect(taken.join('')).to.equal('a\ufffd');
  });

  it('tells when its reader leaves before the end', async () => {
    let left = 0;
    const flow = new AnswerFlow(() => left++);
    flow.add('a');
    for await (const part of flow) {
      expect(textOf(part)).to.equal('a');
      break;
    }
    expect(left).to.equal(1);
  });
});
