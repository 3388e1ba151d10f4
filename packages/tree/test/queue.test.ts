import { expect } from 'chai';
import fc from 'fast-check';
import { Queue } from '../src/queue.ts';

describe('Queue', () => {
  it('is a list whose front can be taken', () => {
    const event = fc.oneof(
      { weight: 4, arbitrary: fc.constant('push' as const) },
      { weight: 3, arbitrary: fc.constant('shift' as const) },
      { weight: 1, arbitrary: fc.nat(4) },
    );
    fc.assert(
      fc.property(fc.array(event, { maxLength: 300, size: 'max' }), (events) => {
        const q = new Queue<number>();
        let model: number[] = [];
        let n = 0;
        for (const e of events) {
          if (e === 'push') {
            q.push(++n);
            model.push(n);
          } else if (e === 'shift') expect(q.shift()).to.equal(model.shift());
          else {
            const items = Array.from({ length: e }, () => ++n);
            q.unshiftAll(items);
            model = [...items, ...model];
          }
          expect(q.size).to.equal(model.length);
          expect(q.toArray()).to.deep.equal(model);
          expect([q.at(-1), q.at(0), q.at(1), q.at(model.length)]).to.deep.equal([
            undefined,
            model[0],
            model[1],
            undefined,
          ]);
        }
      }),
    );
  });

  it('stays quick and small over many items', () => {
    const q = new Queue<number>();
    for (let i = 0; i < 300_000; i++) {
      q.push(i);
      if (i >= 10) expect(q.shift()).to.equal(i - 10);
    }
    expect(q.size).to.equal(10);
  });
});
