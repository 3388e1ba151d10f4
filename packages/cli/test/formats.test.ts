import { createRequire } from 'node:module';
import type { Json } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { csvColumns, csvFields, csvForTerminal, csvLine, csvRow } from '../src/print/csv.ts';
import { jsonLines, jsonText, PassedLines } from '../src/print/json.ts';
import { table, width } from '../src/print/table.ts';
import { toYaml, yamlItem } from '../src/print/yaml.ts';
import { age, duration, gib, printable } from '../src/text.ts';
import { text } from './harness.ts';

/** The YAML reader that mocha brings along: none of ours judges what we write. */
const { load } = createRequire(createRequire(import.meta.url).resolve('mocha'))('js-yaml') as {
  readonly load: (yaml: string) => unknown;
};

const ODD = [
  ['yes', 'No', 'null', '~', 'true', '1e3', '1.0', '007', '0x1f', '1_000', '1:30', '.inf', '2026-10-17', '<<', '='],
  ['-', '- a', 'a: b', 'a #b', '# x', '!x', '&a', '*a', '%a', '@a', '`a', '|', '>', '{}', '[]', '', ' x', 'x ', '---'],
  ['a\nb', 'a\n', '\na', 'a\n\n', 'a\n  b\n', '\ta\nb', 'a\n \n', 'a\r\nb', '"', "'", '\\', 'a\x07', '\x7f', '\u0085'],
  ['\u2028', '\ufeff', '\u00a0x\ny', 'é\nü', '😀', 'n[001-002]', 'a, b', 'a\n# b\n', 'a\n---\nb', 'x'.repeat(1_100)],
].flat();

const strings = fc.oneof(fc.constantFrom(...ODD), fc.string(), fc.string({ unit: 'binary' }));
const json: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constant(null),
    fc.boolean(),
    fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.constantFrom(1e21, 5e-324, -1e300)),
    strings,
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(strings, tie('value'), { maxKeys: 4 }),
  ),
})).value;
/** What JSON makes of a value: it knows no -0. */
const plain = (value: Json): Json => JSON.parse(JSON.stringify(value)) as Json;

describe('a list in JSON', () => {
  it('has an item a line, and is what was given', () => {
    fc.assert(
      fc.property(fc.array(json), (items) => {
        const text = jsonLines(items);
        expect(JSON.parse(text)).to.deep.equal(plain(items));
        expect(text.split('\n').length).to.equal(items.length === 0 ? 1 : items.length + 2);
      }),
    );
  });

  /** What is written of a list that comes in parts of so many bytes. */
  const passed = (came: string, size: number): string => {
    const written: Buffer[] = [];
    const lines = new PassedLines((bytes) => written.push(bytes));
    const bytes = Buffer.from(came);
    for (let at = 0; at < bytes.length; at += size) lines.add(bytes.subarray(at, at + size));
    lines.end();
    return Buffer.concat(written).toString();
  };

  it('is passed on with an item a line, however it came, and without what a terminal obeys', () => {
    fc.assert(
      fc.property(fc.array(json), fc.integer({ min: 1, max: 40 }), (items, size) => {
        const wanted = jsonLines(items);
        const written = `[\n${items.map((item) => JSON.stringify(item)).join(',\n')}\n]`;
        for (const came of [JSON.stringify(items), JSON.stringify(items, null, 1), written]) {
          const text = passed(came, size);
          expect(JSON.parse(text)).to.deep.equal(JSON.parse(wanted));
          expect(text.replaceAll('\n', '')).not.to.match(/[\p{Cc}\u2028\u202e]/u);
          expect(text.at(-1)).to.equal('\n');
        }
        expect(passed(JSON.stringify(items), size)).to.equal(`${wanted}\n`);
      }),
    );
  });

  it('is passed on as it is, and as it comes, where nothing is to be done', () => {
    const written: Buffer[] = [];
    const lines = new PassedLines((bytes) => written.push(bytes));
    const parts = ['[\n{"a":1},', '\n{"a":2}', '\n]'].map((text) => Buffer.from(text));
    for (const [i, part] of parts.entries()) {
      lines.add(part);
      expect(written[i]).to.equal(part);
    }
    lines.end();
    expect(passed('', 1)).to.equal('[]\n');
  });

  it('is refused where it is none, or has no end', () => {
    for (const came of ['<html>', '{"a":1}', '"', '[\n1,\n2', '[\n1,\n2\n', '[\n'])
      expect(() => passed(came, 3), came).to.throw(SyntaxError);
  });
});

describe('YAML', () => {
  it('is read as what was written, whatever it is', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(load(toYaml(plain(value)))).to.deep.equal(plain(value));
      }),
      { numRuns: 2_000 },
    );
  });

  it('written item by item is one list', () => {
    const items: Json[] = [{ a: { b: [1, { c: 'x\ny\n' }] } }, [], [['x']], 'yes', null];
    expect(load(items.map(yamlItem).join(''))).to.deep.equal(items);
  });

  it('is pleasant to read', () => {
    const value = {
      name: 'n001',
      no: 'no',
      at: '2026-10-17',
      parts: [{ nodes: 'n[1-2]', out: 'a\n\n  b\n' }, 1e21],
      none: {},
    };
    expect(toYaml(value)).to.equal(text`
      name: n001
      "no": "no"
      at: "2026-10-17"
      parts:
        - nodes: "n[1-2]"
          out: |
            a

              b
        - 1.0e+21
      none: {}
    `);
  });
});

describe('CSV', () => {
  it('quotes by RFC 4180, and tells nothing from empty text', () => {
    expect(csvLine(['a', 'b,c', 'd"e', 'f\ng', '', null, undefined, 1.5, true, ' x', ['y']])).to.equal(
      'a,"b,c","d""e","f\ng","",,,1.5,true," x","[""y""]"\r\n',
    );
  });

  it('finds the fields of all records, nested ones by path', () => {
    const rows = [
      { a: 1, b: { c: 2, d: { e: [] } } },
      { a: 3, f: null },
    ];
    const columns = csvColumns(rows);
    expect(columns).to.deep.equal(['a', 'b.c', 'b.d.e', 'f']);
    expect(rows.map((row) => csvRow(row, columns))).to.deep.equal(['1,2,[],\r\n', '3,,,\r\n']);
    expect(csvFields({ x: [{ y: 1 }, null], z: {} }, true)).to.equal('field,value\r\nx.0.y,1\r\nx.1,\r\nz,{}\r\n');
  });
});

describe('CSV and JSON on a terminal', () => {
  it('show control characters instead of obeying them, and the lines stay lines', () => {
    expect(csvForTerminal('a,"b\nc\rd\t\u001b[2J"\r\n\u009b\r\n')).to.equal(
      'a,"b\nc\\u000dd\t\\u001b[2J"\r\n\\u009b\r\n',
    );
    const value = { '\u009b': '\u001b\u202e\u007f' };
    expect(jsonText(value, 0)).to.equal('{"\\u009b":"\\u001b\\u202e\\u007f"}');
    expect(JSON.parse(jsonText(value, 2))).to.deep.equal(value);
  });

  it('take no field for one that every object has', () => {
    expect(csvRow({ a: 1 }, ['a', 'constructor', '__proto__', 'a.toString'])).to.equal('1,,,\r\n');
  });
});

describe('tables', () => {
  const columns = [
    { head: 'NAME', cell: (row: readonly [string, number | null]) => row[0] },
    { head: 'N', align: 'right' as const, cell: (row: readonly [string, number | null]) => row[1] },
  ];

  it('align by what a terminal shows, and show no control characters', () => {
    expect(
      table(
        [
          ['a', 5],
          ['日本', 1234],
          ['e\u0301\x1b[2J', null],
        ],
        columns,
        true,
      ),
    ).to.equal('NAME           N\na              5\n日本        1234\ne\u0301\\u001b[2J     -\n');
  });

  it('show no control characters of foreign heads', () => {
    const head = '\u001b]0;x\u0007';
    expect(table([1], [{ head, cell: (n) => n }], true)).to.equal('\\u001b]0;x\\u0007\n1\n');
  });

  it('of 20,000 rows take no noticeable time', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => [`n${i}`, i] as const);
    const begin = performance.now();
    expect(table(rows, columns, false).length).to.be.greaterThan(200_000);
    expect(performance.now() - begin).to.be.lessThan(5_000);
  });

  it('count columns', () => {
    expect(['abc', '日本', 'e\u0301', '😀'].map(width)).to.deep.equal([3, 4, 1, 2]);
  });
});

describe('words', () => {
  it('for times, sizes and foreign text', () => {
    const units = [-5, 0, 59_999, 60_000, 3_600_000, 15_120_000, 86_400_000, 273_600_000];
    expect(units.map(duration)).to.deep.equal(['0 s', '0 s', '59 s', '1 min', '1 h', '4 h 12 min', '1 d', '3 d 4 h']);
    expect([age(null, 0), age('nonsense', 0), age('1970-01-01T00:00:00Z', 5_000)]).to.deep.equal([null, null, '5 s']);
    expect([gib(null), gib(1_048_576)]).to.deep.equal([null, '1.0']);
    expect(printable('a\n\t\x1b\u202eb\u009b')).to.equal('a\\n\\t\\u001b\\u202eb\\u009b');
  });
});
