import { expect } from 'chai';
import fc from 'fast-check';
import { itemCost } from '../src/limits.ts';
import { readMessage } from '../src/read.ts';
import { kindText, reportText } from '../src/report-text.ts';

const KIND = fc.oneof(fc.constantFrom('node.inventory', 'ras.event'), fc.string({ minLength: 1, maxLength: 128 }));
const ITEM = fc.record({
  kind: KIND,
  time: fc.oneof(fc.integer({ min: 0, max: 8.64e15 }), fc.constant(8.64e15)),
  body: fc.oneof(fc.jsonValue(), fc.string({ unit: 'binary' })),
});

describe('the text of a report', () => {
  it('is what its message would be as JSON, byte for byte, and is read as that', () => {
    fc.assert(
      fc.property(
        fc.array(ITEM, { minLength: 1, maxLength: 20 }),
        fc.string({ unit: fc.constantFrom('a', '"', '\\', '~'), minLength: 1, maxLength: 40 }),
        (items, incarnation) => {
          const head = { kind: 'report' as const, term: 7, incarnation, first: 3, bytes: 999 };
          const written = items.map(({ kind, time, body }) => ({ kind, time, text: JSON.stringify(body) }));
          const text = reportText({ ...head, items: written });
          expect(text).to.equal(JSON.stringify({ ...head, items }));
          expect(readMessage(JSON.parse(text), 'leaf>hub').kind).to.equal('message');
        },
      ),
    );
  });

  it('takes nothing but the fields of the message, whatever else its items have', () => {
    const item = { kind: 'k', time: 1, text: '{"a":1}', entry: 5, urgency: 'urgent', cost: 80 };
    const text = reportText({ kind: 'report', term: 1, incarnation: 'i', first: 1, bytes: 400, items: [item] });
    expect(JSON.parse(text)).to.have.deep.property('items', [{ kind: 'k', time: 1, body: { a: 1 } }]);
  });

  it('of more kinds than are remembered is right all the same', () => {
    for (let i = 0; i < 1000; i++) {
      const kind = `kind "${i % 600}"`;
      expect(kindText(kind)).to.equal(JSON.stringify(kind));
      expect(itemCost(kind, '1')).to.equal(64 + JSON.stringify(kind).length + 1);
    }
  });
});
