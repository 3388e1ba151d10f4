import { expect } from 'chai';
import fc from 'fast-check';
import { readXml } from '../../src/inventory/xml.ts';

const closed = (xml: string) =>
  [...readXml(xml)].flatMap((event) => (event.kind === 'close' ? [[event.path, event.text]] : []));
const torn = (xml: string) => [...readXml(xml)].flatMap((event) => (event.kind === 'torn' ? [event.why] : []));

describe('readXml', () => {
  it('reads elements, attributes, text and entities, and passes over the rest', () => {
    const xml = `<?xml version="1.0" ?>\n<!DOCTYPE log SYSTEM "log.dtd">\n<log><!-- a <b> -->
      <gpu id="0000:3B:00.0" x='&quot;'><name> A &amp; B &#x41;&#66; &unknown; </name><empty/></gpu></log>`;
    expect(closed(xml)).deep.equals([
      ['log/gpu/name', 'A & B AB &unknown;'],
      ['log/gpu/empty', ''],
      ['log/gpu', ''],
      ['log', ''],
    ]);
    const gpu = [...readXml(xml)].find((event) => event.kind === 'open' && event.path === 'log/gpu');
    expect(gpu).deep.includes({
      attributes: new Map([
        ['id', '0000:3B:00.0'],
        ['x', '"'],
      ]),
    });
    expect(torn(xml)).deep.equals([]);
  });

  it('ends inner elements with the outer one, and passes over an end that fits none', () => {
    expect(closed('<a><b>1</a></c>')).deep.equals([
      ['a/b', '1'],
      ['a', ''],
    ]);
  });

  for (const [what, xml, words] of [
    ['in an element', '<a><b>12', 'ends in <b>'],
    ['in a tag', '<a><b', 'has a broken tag in <a>'],
    ['in an attribute', '<a id="1', 'has a broken tag'],
    ['in an end tag', '<a>1</a', 'has a broken end tag in <a>'],
    ['in a comment', '<a><!-- ', 'ends in a comment in <a>'],
    ['in a declaration', '<?xml', 'ends in a declaration'],
    ['at something else', '<a>1 < 2</a>', 'has a broken tag in <a>'],
    ['at a depth no program writes', '<a>'.repeat(33), 'is nested deeper than 32 in <a>'],
  ] as const)
    it(`says that the text is torn ${what}`, () => expect(torn(xml)).deep.equals([words]));

  it('takes no longer than the text is long', () => {
    const milliseconds = (part: string, times: number) => {
      const xml = `<root>${part.repeat(times)}`;
      const began = performance.now();
      let events = 0;
      for (const _ of readXml(xml)) events++;
      expect(events).above(0);
      return performance.now() - began;
    };
    // A time that grew with the square of the text would be minutes.
    for (const part of ['<a/>', '<!-- ', '&#x41;', '<', '</b>', '<a x="1">', `<a ${'x="1" '.repeat(12)}/>`, 'x<a></a>'])
      expect(milliseconds(part, 100_000), part).below(5000);
  });

  it('reads anything without throwing, and what was open it closes or calls torn', () => {
    const piece = fc.constantFrom(
      '<',
      '>',
      '/',
      'a',
      'b',
      ' ',
      '"',
      '=',
      '<a>',
      '</a>',
      '<b x="1">',
      '&amp;',
      '&#1114112;',
      '!--',
    );
    fc.assert(
      fc.property(fc.array(piece, { maxLength: 60 }), (pieces) => {
        const events = [...readXml(pieces.join(''))];
        const opened = events.filter(({ kind }) => kind === 'open').length;
        const ended = events.filter(({ kind }) => kind === 'close').length;
        expect(ended).at.most(opened);
        if (!events.some(({ kind }) => kind === 'torn')) expect(ended).equals(opened);
      }),
    );
  });
});
