import { expect } from 'chai';
import { failpoint, parseFailpoint } from '../src/index.ts';

const NAMES = ['ack.take.before', 'ack.take.after'];

describe('a failpoint', () => {
  it('is a name, or a name and a passing', () => {
    expect(parseFailpoint('ack.take.after', NAMES)).to.deep.equal({ name: 'ack.take.after', passing: 1 });
    expect(parseFailpoint('ack.take.after:17', NAMES)).to.deep.equal({ name: 'ack.take.after', passing: 17 });
  });

  for (const [text, words] of [
    ['ack.take', /there is no failpoint 'ack\.take'/],
    ['', /there is no failpoint ''/],
    ['ack.take.after:', /passing of failpoint ack\.take\.after is ''/],
    ['ack.take.after:0', /is '0'/],
    ['ack.take.after:1.5', /is '1\.5'/],
    ['ack.take.after:1:2', /is '1:2'/],
    ['ack.take.after:-1', /is '-1'/],
    ['ack.take.after:1000001', /is '1000001'/],
  ] as const) {
    it(`is not '${text}'`, () => expect(() => parseFailpoint(text, NAMES)).to.throw(words));
  }

  it('ends at the passing that was meant, once, and at no other name', () => {
    let ends = 0;
    const pass = failpoint({ name: 'ack.take.after', passing: 3 }, () => ends++);
    const seen = Array.from({ length: 5 }, () => {
      pass('ack.take.before');
      pass('ack.take.after');
      return ends;
    });
    expect(seen).to.deep.equal([0, 0, 1, 1, 1]);
  });
});
