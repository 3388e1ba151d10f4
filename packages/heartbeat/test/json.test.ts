/** JSON from strangers: read as JSON.parse reads it, but for what nests too deeply. */
import { expect } from 'chai';
import fc from 'fast-check';
import { DEPTH_MAX, parseJson, SHORT_MAX } from '../src/json.ts';

/** Long enough to be looked at. */
const long = (text: string): string => text + ' '.repeat(SHORT_MAX + 1);
const nested = (depth: number, open = '[', close = ']'): string => open.repeat(depth) + close.repeat(depth);

describe('JSON from strangers', () => {
  it('is refused where it nests too deeply, and only there', () => {
    expect(parseJson(long(nested(DEPTH_MAX)))).to.be.an('array');
    for (const text of [nested(DEPTH_MAX + 1), nested(2_000_000), nested(500_000, '{"a":', '}').replace('}', '1}')])
      expect(() => parseJson(long(text))).to.throw(SyntaxError, `it nests deeper than ${DEPTH_MAX}`);
    // Side by side is not within.
    expect(parseJson(long(`[${'[],{},'.repeat(10_000)}[]]`))).to.have.length(20_001);
  });

  it('may have brackets in its strings, whatever stands before their ends', () => {
    for (const text of ['[['.repeat(DEPTH_MAX), `\\"${'{'.repeat(99)}`, '\\\\', `"${'['.repeat(99)}\\`, '\\"\\\\"'])
      expect(parseJson(long(JSON.stringify([text, { [text]: text }])))).to.deep.equal([text, { [text]: text }]);
  });

  it('is read as JSON.parse reads it, or fails as it fails', () => {
    const read = (parse: (text: string) => unknown, text: string): unknown => {
      try {
        return parse(text);
      } catch (error) {
        return (error as Error).message;
      }
    };
    fc.assert(
      fc.property(
        fc.oneof(fc.json({ maxDepth: 20 }), fc.string({ unit: fc.constantFrom(...'[]{}",:\\a1 '.split('')) })),
        (text) => {
          const padded = long(text);
          expect(read(parseJson, padded)).to.deep.equal(read(JSON.parse, padded));
        },
      ),
    );
  });
});
