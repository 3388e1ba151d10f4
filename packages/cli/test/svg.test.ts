import { expect } from 'chai';
import fc from 'fast-check';
import type { Panel } from '../src/samples/chart.ts';
import { BACKGROUNDS, type Chart, COLOURS, svg, unbroken, xml } from '../src/samples/svg.ts';

const T0 = Date.parse('2026-10-17T09:00:00Z');
const MINUTE = 60_000;
const UNIT = { name: '%', base: 1, factor: 1 } as const;
const points = (...values: readonly (number | undefined)[]) =>
  values.flatMap((v, i) => (v === undefined ? [] : [{ time: T0 + i * MINUTE, avg: v, min: v - 1, max: v + 1 }]));
const chart = (...panels: readonly Panel[]): Chart => ({ title: 'cpu of n1', panels, from: T0, to: T0 + 10 * MINUTE });
const lines = (text: string): string[] =>
  [...text.matchAll(/class="line[^"]*" stroke="[^"]+" d="([^"]+)"/g)].map((m) => m[1] ?? '');

/** Fails for what is no well-formed XML of elements, attributes in double quotes, and text. */
function wellFormed(text: string): void {
  const open: string[] = [];
  const markup = /<(\/?)([a-z]+)((?: [a-z-]+="[^"<&]*(?:&[a-z]+;[^"<&]*)*"| [A-Za-z]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  const body = text.replace(/^<\?xml version="1\.0" encoding="UTF-8"\?>\n/, '');
  expect(body.length).to.be.lessThan(text.length);
  let at = 0;
  for (let m = markup.exec(body); m !== null; m = markup.exec(body)) {
    at = markup.lastIndex;
    const [, closing, name = '', , empty, words] = m;
    if (words !== undefined) expect(words.replace(/&(?:amp|lt|gt|quot|apos);/g, '')).not.to.match(/[&>]/);
    else if (closing === '/') expect(open.pop()).to.equal(name);
    else if (empty !== '/') open.push(name);
  }
  expect(at, body.slice(at, at + 80)).to.equal(body.length);
  expect(open).to.deep.equal([]);
  expect(text).not.to.match(/NaN|Infinity|undefined|\[object/);
  // XML has no way to hold these.
  expect(text.replaceAll('\n', '')).not.to.match(/\p{Cc}|[\ufffe\uffff]/u);
}

describe('svg', () => {
  it('draws lines, marks and a legend', () => {
    const text = svg(chart({ unit: UNIT, heading: '', curves: [{ name: 'n1', points: points(0, 50, 100) }] }));
    wellFormed(text);
    expect(text).to.contain('<title>cpu of n1</title>').and.to.contain('2026-10-17 09:00 to 2026-10-17 09:10, UTC');
    expect(text).to.contain('>100 %</text>').and.to.contain('>09:04</text>').and.to.contain('>n1</text>');
    expect(lines(text)[0]).to.match(/^M92 302L\S+ 192L\S+ 82$/);
    expect(text).to.contain('prefers-color-scheme:dark');
    expect(text).not.to.match(/href|url\(|<script/);
  });

  it('breaks lines where samples are missing, and makes a lone sample a dot', () => {
    const run = points(1, 2, 3, undefined, undefined, undefined, 4, 5);
    expect(unbroken(run, 0).map((r) => r.length)).to.deep.equal([3, 2]);
    // A single one missing is no gap; where the step is known to be large, neither is more.
    expect(unbroken(points(1, 2, undefined, 3), 0)).to.have.length(1);
    expect(unbroken(run, 5 * MINUTE)).to.have.length(1);
    expect(unbroken([], 0)).to.deep.equal([]);
    const [broken = '', lone = ''] = lines(
      svg(
        chart({
          unit: UNIT,
          heading: '',
          curves: [
            { name: 'a', points: run },
            { name: 'b', points: points(7) },
          ],
        }),
      ),
    );
    expect(broken.match(/M/g)).to.have.length(2);
    expect(lone).to.match(/^M\S+ \S+h\.01$/);
  });

  it('draws what is folded as a band from least to greatest', () => {
    const folded = { nodes: 128, instances: 2 };
    const text = svg(
      chart({ unit: UNIT, heading: '', curves: [{ name: 'user_percent', points: points(5, 6), folded }] }),
    );
    wellFormed(text);
    expect(text).to.match(/class="band" fill="#[0-9a-f]{6}" stroke="#[0-9a-f]{6}" d="M[^"]+Z"/);
    expect(text).to.contain('>user_percent (128 nodes, 2 instances)<').and.to.contain('; bands from');
  });

  it('tells twenty lines apart', () => {
    const curves = Array.from({ length: 20 }, (_, i) => ({ name: `n${i}`, points: points(i) }));
    const text = svg(chart({ unit: UNIT, heading: '', curves }));
    const looks = [...text.matchAll(/(class="line[^"]*" stroke="[^"]+")/g)].map((m) => m[1]);
    expect(new Set(looks).size).to.equal(20);
  });

  it('has colours that are seen on light and dark', () => {
    const part = (hex: string, at: number) => {
      const c = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
      return c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
    };
    const luminance = (hex: string) => 0.2126 * part(hex, 1) + 0.7152 * part(hex, 3) + 0.0722 * part(hex, 5);
    for (const colour of COLOURS) {
      for (const paper of Object.values(BACKGROUNDS)) {
        const [a = 0, b = 0] = [luminance(colour), luminance(paper)].sort((x, y) => y - x);
        expect((a + 0.05) / (b + 0.05), `${colour} on ${paper}`).to.be.at.least(3);
      }
    }
  });

  it('is well formed whatever it is given', () => {
    const odd = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('</title>', ']]>', '&amp;', '"\'<>&', '\u0000\uffff'),
    );
    const value = fc.double({ min: -1e290, max: 1e290, noNaN: true });
    const point = fc.record({ time: fc.integer({ min: 0, max: 4e12 }), avg: value, min: value, max: value });
    const curve = fc.record({
      name: odd,
      points: fc
        .uniqueArray(point, { maxLength: 8, selector: (p) => p.time })
        .map((all) => all.sort((a, b) => a.time - b.time)),
    });
    const unit = fc.record({ name: odd, base: fc.constantFrom(1, 1000, 1024), factor: fc.constant(1) });
    const panel = fc.record({ unit, heading: odd, curves: fc.array(curve, { maxLength: 3 }) });
    fc.assert(
      fc.property(odd, fc.array(panel, { maxLength: 3 }), (title, panels) => {
        const times = panels.flatMap(({ curves }) => curves.flatMap((c) => c.points.map((p) => p.time)));
        const [from, to] = times.length === 0 ? [T0, T0] : [Math.min(...times), Math.max(...times)];
        wellFormed(svg({ title, panels: panels as readonly Panel[], from, to }));
      }),
      { numRuns: 300 },
    );
    expect(xml('<a b="c">&\u0007\ufffe')).to.equal('&lt;a b=&quot;c&quot;&gt;&amp;\\u0007\ufffd');
  });
});
