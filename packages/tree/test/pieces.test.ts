import { type Json, JsonList } from '@csm/model';
import { PIECE_CHARS } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { piecesOf } from '../src/calls/pieces.ts';

const json = fc.jsonValue() as fc.Arbitrary<Json>;
/** So many items that their text is longer than a piece. */
const long = (item: Json): readonly Json[] =>
  Array.from({ length: Math.ceil((2 * PIECE_CHARS) / JSON.stringify(item).length) }, () => item);

describe('pieces of an answer', () => {
  it('are its JSON, none longer than a frame takes, and the last one not empty', () => {
    fc.assert(
      fc.property(fc.array(json), json, (some, item) => {
        const answer = [...some, ...long(item)];
        const pieces = [...piecesOf(answer)];
        expect(JSON.parse(pieces.join(''))).to.deep.equal(JSON.parse(JSON.stringify(answer)));
        for (const piece of pieces) expect(piece.length).to.be.within(1, PIECE_CHARS);
        const written = new JsonList(answer.map((one) => JSON.stringify(one)));
        expect([...piecesOf(written)]).to.deep.equal(pieces);
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
    for (const answer of [
      null,
      1,
      'text',
      [],
      {},
      [1, 2],
      { a: 'x'.repeat(1000) },
      new JsonList([]),
      new JsonList(['1']),
    ])
      expect([...piecesOf(answer)], JSON.stringify(answer)).to.deep.equal([]);
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
