import { expect } from 'chai';
import fc from 'fast-check';
import { itemCost, MAX_FRAME, MAX_ITEM_BYTES, MAX_REPORT_BYTES, REPORT_FRAME, wireLength } from '../src/limits.ts';
import { frameText } from './samples.ts';

const COUNT = fc.oneof(fc.nat(), fc.constant(Number.MAX_SAFE_INTEGER));
const NAME = fc.oneof(
  fc.string({ minLength: 1, maxLength: 128 }),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 64 }),
  fc.string({ unit: fc.constantFrom('"', '\\', '\n', '\u0000', 'é', '\ud800'), minLength: 1, maxLength: 128 }),
);
const BODY = fc.oneof(
  fc.jsonValue(),
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('é', '漢', '😀', '\u007f', '\u0080', '"', '\u2028', '\ud800') }),
);
const ITEM = fc.record({
  kind: NAME,
  time: fc.oneof(COUNT, fc.double({ min: 0, max: 8.64e15, noNaN: true })),
  body: BODY,
});

/** What a sender charges for these items. */
const charge = (items: readonly { kind: string; body: unknown }[]): number =>
  items.reduce((sum, { kind, body }) => sum + itemCost(kind, JSON.stringify(body)), REPORT_FRAME);

describe('the charge of reports', () => {
  it('is never below what the frame has on the wire', () => {
    fc.assert(
      fc.property(
        fc.record({
          term: COUNT,
          first: COUNT,
          incarnation: fc.string({ unit: 'grapheme-ascii', minLength: 1, maxLength: 40 }),
          items: fc.array(ITEM, { minLength: 1, maxLength: 20 }),
        }),
        ({ term, first, incarnation, items }) => {
          const bytes = charge(items);
          const text = frameText({ kind: 'report', term, incarnation, first, bytes, items });
          expect(text.length).to.be.at.most(bytes);
        },
      ),
      { numRuns: 400 },
    );
  });

  it('holds for the frame that passes them on, too', () => {
    fc.assert(
      fc.property(fc.array(fc.array(ITEM, { minLength: 1, maxLength: 3 }), { minLength: 1, maxLength: 5 }), (lists) => {
        const max = Number.MAX_SAFE_INTEGER;
        const batches = lists.map((items) => ({
          daemon: `aggregator/${'n'.repeat(64)}`,
          term: max,
          incarnation: 'i'.repeat(40),
          first: max,
          bytes: charge(items),
          items,
        }));
        const bytes = batches.reduce((sum, b) => sum + b.bytes, 0);
        // The frame's own words: {"kind":"reports","batches":[]} and its header.
        expect(frameText({ kind: 'reports', batches }).length).to.be.at.most(bytes + 64);
      }),
    );
  });

  it('of the largest report still fits a frame', () => {
    expect(REPORT_FRAME + MAX_ITEM_BYTES).to.be.below(MAX_FRAME);
    expect(MAX_REPORT_BYTES + MAX_ITEM_BYTES / 4).to.be.below(MAX_FRAME);
  });
});

describe('wireLength', () => {
  const table: readonly [string, number][] = [
    ['', 0],
    ['"a"', 3],
    ['"\u007f"', 3],
    ['"\u0080"', 8],
    ['"é"', 8],
    ['"😀"', 14],
  ];
  for (const [json, bytes] of table) {
    it(`${JSON.stringify(json)} takes ${bytes} bytes`, () => expect(wireLength(json)).to.equal(bytes));
  }
});
