import { NodeSet } from '@csm/nodeset';
import { MAX_FRAME, type ResultPart } from '@csm/protocol';
import { expect } from 'chai';
import fc from 'fast-check';
import { type Answer, framesOf, Merge, partOf } from '../src/fanout/merge.ts';

/** Bytes on the wire, where every character from U+0080 up travels as six. */
const wire = (value: unknown): number => JSON.stringify(value).replace(/[\u0080-\uffff]/g, '______').length;

describe('merge', () => {
  it('keeps equal answers once, with their nodes folded', () => {
    const merge = new Merge();
    merge.add(['n1'], { code: 0, text: '', body: { out: 'x' } });
    merge.add(['n3', 'n2'], { code: 0, text: '', body: { out: 'x' } });
    merge.add(['n4'], { code: 1, text: '', body: { out: 'x' } });
    expect(merge.size).to.equal(2);
    expect(merge.take()).to.deep.equal([
      { nodes: 'n[1-3]', code: 0, text: '', body: { out: 'x' } },
      { nodes: 'n4', code: 1, text: '', body: { out: 'x' } },
    ]);
    expect(merge.size).to.equal(0);
    expect(merge.take()).to.deep.equal([]);
  });

  it('tells apart what differs in code, text, body or away, and nothing else', () => {
    const answers: Answer[] = [
      { code: 0, text: 'a' },
      { code: 1, text: 'a' },
      { code: 0, text: 'b' },
      { code: 0, text: 'a', body: null },
      { code: 0, text: 'a', body: 'a' },
      { code: 0, text: 'a\nfalse', body: 1 },
      { code: 0, text: 'a', away: true },
    ];
    const merge = new Merge();
    for (const [i, answer] of answers.entries()) merge.add([`n${i}`], answer);
    merge.add(['m1'], { code: 0, text: 'a', away: false });
    expect(merge.size).to.equal(answers.length);
    expect(merge.take()[0]).to.deep.equal({ nodes: 'm1,n0', code: 0, text: 'a' });
  });

  it('an answer whose text looks like another one’s key is not taken for it', () => {
    const merge = new Merge();
    merge.add(['n1'], { code: 0, text: 'a\n"b"' });
    merge.add(['n2'], { code: 0, text: 'a', body: 'b' });
    const parts = merge.take();
    expect(parts.map((p) => p.nodes)).to.deep.equal(['n1', 'n2']);
  });

  it('loses and doubles no node, however parts are merged again', () => {
    const answer = fc.record({ code: fc.nat(2), text: fc.constantFrom('', 'x', 'é') });
    fc.assert(
      fc.property(fc.array(answer, { maxLength: 60, size: 'max' }), fc.nat(60), (answers, cut) => {
        const half = new Merge();
        const all = new Merge();
        for (const [i, a] of answers.entries()) {
          half.add([`n${i}`], a);
          if (i === cut) all.addParts(half.take());
        }
        all.addParts(half.take());
        const of = new Map<string, ResultPart>();
        for (const part of all.take()) {
          for (const node of NodeSet.parse(part.nodes)) {
            expect(of.has(node)).to.equal(false);
            of.set(node, part);
          }
        }
        expect(of.size).to.equal(answers.length);
        for (const [i, a] of answers.entries()) expect(of.get(`n${i}`)).to.include(a);
      }),
    );
  });
});

describe('framesOf', () => {
  it('keeps all parts in order, and every frame within its bytes unless one part alone exceeds', () => {
    const part = fc.record({
      nodes: fc.constantFrom('n1', 'n[1-128]', 'n[1,3,5,7,9,11]'),
      code: fc.nat(55),
      text: fc.string({ maxLength: 300 }),
      body: fc.oneof(fc.string({ unit: fc.constantFrom('é', 'a', '"', '漢'), maxLength: 2000 }), fc.jsonValue()),
    });
    fc.assert(
      fc.property(
        fc.array(part, { maxLength: 20, size: 'max' }),
        fc.integer({ min: 500, max: 20_000 }),
        (parts, bytes) => {
          const frames = framesOf(parts, bytes);
          expect(frames.flat()).to.deep.equal(parts);
          for (const frame of frames) {
            expect(frame).not.to.deep.equal([]);
            if (frame.length > 1) expect(wire(frame)).to.be.at.most(bytes + 2);
          }
        },
      ),
      { numRuns: 150 },
    );
  });

  it('counts wide characters as they travel: no frame above the largest', () => {
    const parts = Array.from({ length: 12 }, (_, i) =>
      partOf([`n${i}`], { code: 0, text: '', body: '漢'.repeat(10_000) + i }),
    );
    const frames = framesOf(parts, 192 * 1024);
    expect(frames.length).to.be.above(1);
    for (const frame of frames)
      expect(wire({ kind: 'result', id: 'c'.repeat(128), parts: frame, done: false })).to.be.below(MAX_FRAME);
  });

  it('fills frames: two neighbours never fit into one', () => {
    const parts = Array.from({ length: 100 }, (_, i) => partOf([`n${i}`], { code: 0, text: 'x'.repeat(i) }));
    const frames = framesOf(parts, 1000);
    for (let i = 1; i < frames.length; i++)
      expect(wire([...(frames[i - 1] ?? []), (frames[i] ?? [])[0]])).to.be.above(1000 - 2);
  });
});
