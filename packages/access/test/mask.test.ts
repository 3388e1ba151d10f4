import { expect } from 'chai';
import fc from 'fast-check';
import { auditInput, INPUT_MAX, MASK } from '../src/mask.ts';

const secret = { type: 'string', secret: true };
const size = (value: unknown): number => Buffer.byteLength(JSON.stringify(value));

describe('an input in the audit record', () => {
  it('is as it came, but for what its schema marks as secret', () => {
    const schema = {
      type: 'object',
      properties: { user: { type: 'string' }, password: secret, list: { type: 'array', items: secret } },
    };
    const input = { user: 'alice', password: 'hush', list: ['a', 'b'], other: [1, null, true] };
    expect(auditInput(schema, input)).to.deep.equal({
      user: 'alice',
      password: MASK,
      list: [MASK, MASK],
      other: [1, null, true],
    });
  });

  it('is masked within objects, lists and alternatives, whichever of them it fits', () => {
    const schema = {
      properties: {
        to: {
          anyOf: [
            { properties: { url: { type: 'string' } } },
            { type: 'array', items: [{}, { properties: { key: secret } }] },
          ],
        },
      },
      patternProperties: { '^x-': secret },
      additionalProperties: { properties: { key: secret } },
      allOf: [{ properties: { whole: { ...secret, type: 'object' } } }],
    };
    const key = 'hush';
    const input = { to: [{ key: 'seen' }, { key }], 'x-a': key, more: { key, b: 1 }, whole: { deep: { key } } };
    const kept = auditInput(schema, input);
    expect(kept).to.deep.equal({
      to: [{ key: 'seen' }, { key: MASK }],
      'x-a': MASK,
      more: { key: MASK, b: 1 },
      whole: MASK,
    });
  });

  it('never tells a secret, however long the rest is, and is never too long', () => {
    const schema = { properties: { secret, items: { items: { properties: { secret } } } } };
    const HUSH = 'hush-hush-hush';
    fc.assert(
      fc.property(fc.jsonValue(), fc.integer({ min: 0, max: 20_000 }), fc.nat(200), (value, length, count) => {
        const items = Array.from({ length: count }, () => ({ secret: HUSH, value }));
        const kept = auditInput(schema, { secret: { a: HUSH }, text: 'ä"\n'.repeat(length), items });
        expect(size(kept)).to.be.at.most(INPUT_MAX);
        expect(JSON.stringify(kept)).to.not.contain(HUSH);
      }),
      { numRuns: 60 },
    );
  });

  it('keeps the fields of one that is cut, as long as it can', () => {
    const nodes = 'n[001-128],'.repeat(2000);
    expect(auditInput({}, { nodes, state: 'MAINTENANCE' })).to.deep.equal({
      nodes: `${nodes.slice(0, 512)}…`,
      state: 'MAINTENANCE',
    });
    const many = Object.fromEntries(Array.from({ length: 5000 }, (_, i) => [`f${i}`, i]));
    expect(auditInput({}, many)).to.have.property('cut').that.is.a('string');
  });

  it('may be anything', () => {
    for (const input of [undefined, null, 1, 'text', [1], true]) expect(size(auditInput({}, input))).to.be.above(0);
    expect(auditInput(undefined, { a: 1 })).to.deep.equal({ a: 1 });
  });
});
