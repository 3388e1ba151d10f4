import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { expect } from 'chai';
import fc from 'fast-check';
import { pageOf, type TextPage, textsOf } from '../src/sqlite/text-page.ts';

const { port1: from, port2: to } = new MessageChannel();

function passed(texts: readonly string[]): { readonly there: string[]; readonly left: number } {
  const page = pageOf(texts);
  from.postMessage(page, [page.bytes.buffer]);
  return {
    there: textsOf((receiveMessageOnPort(to) as { readonly message: TextPage }).message),
    left: page.bytes.byteLength,
  };
}

describe('a page of texts', () => {
  after(() => from.close());

  it('is handed over, and says there what it said here', () => {
    for (const texts of [
      [],
      [''],
      ['', 'a', ''],
      ['{"a":1}', '\u0000\u007f'],
      ['Gerät', '中', '😀'],
      ['\ud83d', '\ude00'],
    ]) {
      expect(passed(texts)).to.deep.equal({ there: texts, left: 0 });
    }
  });

  it('keeps any strings apart', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.string(), fc.string({ unit: 'binary' }))), (texts) => {
        expect(passed(texts).there).to.deep.equal(texts);
      }),
      { numRuns: 200 },
    );
  });
});
