import type { Json } from '@csm/model';
import { PIECE_CHARS } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { PagePieces, piecesOf } from '../src/calls/pieces.ts';

const json = fc.jsonValue() as fc.Arbitrary<Json>;
/** Of items that come in pages of so many. */
function paged(items: readonly string[], size: number): string[] | Json {
  const pieces = new PagePieces();
  const given: string[] = [];
  for (let at = 0; at < items.length; at += size) given.push(...pieces.add(items.slice(at, at + size)));
  const last = pieces.end();
  return 'piece' in last ? [...given, last.piece] : last.answer;
}
/** So many items that their text is longer than a piece. */
const long = (item: Json): readonly Json[] =>
  Array.from({ length: Math.ceil((2 * PIECE_CHARS) / JSON.stringify(item).length) }, () => item);

describe('pieces of an answer', () => {
  it('are its JSON, none longer than a frame takes, and the last one not empty', () => {
    fc.assert(
      fc.property(fc.array(json), json, fc.integer({ min: 1, max: 5000 }), (some, item, size) => {
        const answer = [...some, ...long(item)];
        const pieces = [...piecesOf(answer)];
        expect(JSON.parse(pieces.join(''))).to.deep.equal(JSON.parse(JSON.stringify(answer)));
        for (const piece of pieces) expect(piece.length).to.be.within(1, PIECE_CHARS);
        const written = paged(
          answer.map((one) => JSON.stringify(one)),
          size,
        ) as string[];
        expect(written.join('')).to.equal(pieces.join(''));
        for (const piece of written) expect(piece.length).to.be.within(1, PIECE_CHARS + '\n]'.length);
      }),
      { numRuns: 20 },
    );
  });

  it('have an item of a list on each line', () => {
    const items = Array.from({ length: 3000 }, (_, i) => ({ name: `n${i}`, text: 'a\nb' }));
    const lines = [...piecesOf(items)].join('').split('\n');
    expect([lines[0], lines.at(-1), lines.length]).to.deep.equal(['[', ']', items.length + 2]);
    const read = lines.slice(1, -1).map((line) => JSON.parse(line.replace(/,$/, '')) as unknown);
    expect(read).to.deep.equal(items);
  });

  it('are none where one frame takes the whole', () => {
    for (const answer of [null, 1, 'text', [], {}, [1, 2], { a: 'x'.repeat(1000) }])
      expect([...piecesOf(answer)], JSON.stringify(answer)).to.deep.equal([]);
    expect([paged([], 1), paged(['1', '{"a":2}'], 1)]).to.deep.equal([[], [1, { a: 2 }]]);
    const most = 'x'.repeat(PIECE_CHARS - 2);
    expect([...piecesOf(most)]).to.deep.equal([]);
    expect([...piecesOf(`${most}x`)].map(({ length }) => length)).to.deep.equal([PIECE_CHARS, 1]);
  });

  it('cut a long value wherever it is', () => {
    const answer = { a: '😀"\\'.repeat(PIECE_CHARS) };
    const pieces = [...piecesOf(answer)];
    expect(JSON.parse(pieces.join(''))).to.deep.equal(answer);
    for (const piece of pieces) expect(piece.length).to.be.within(1, PIECE_CHARS);
  });
});
