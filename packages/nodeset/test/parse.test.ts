import { CsmError, code, type Problem } from '@csm/model';
import { expect } from 'chai';
import { expand, NODESET_TEXT_MAX, NodeSet } from '../src/index.ts';

describe('NodeSet.parse', () => {
  const cases: readonly [text: string, names: string][] = [
    ['', ''],
    [' \t\n', ''],
    ['n1', 'n1'],
    ['n1,n2', 'n1 n2'],
    ['n1 n2\tn3\nn4', 'n1 n2 n3 n4'],
    [' n1 , n2 ', 'n1 n2'],
    ['n[1-3]', 'n1 n2 n3'],
    ['n[3,1,2,2-3]', 'n1 n2 n3'],
    ['n[08-11]', 'n08 n09 n10 n11'],
    ['n[098-101]', 'n098 n099 n100 n101'],
    ['n[1,01,001]', 'n1 n01 n001'],
    ['n[0-10/5]', 'n0 n5 n10'],
    ['n[01-10/4]', 'n01 n05 n09'],
    ['n[5-7/9]', 'n5'],
    ['r[1-2]n[01-02]-ib', 'r1n01-ib r1n02-ib r2n01-ib r2n02-ib'],
    ['[1-2]a', '1a 2a'],
    ['n[1-2][3-4]', 'n13 n14 n23 n24'],
    ['n1[2-3]', 'n12 n13'],
    ['n[1-5]!n3', 'n1 n2 n4 n5'],
    ['n[1-5] ! n[2-4]', 'n1 n5'],
    ['n[1-5]&n[4-9]', 'n4 n5'],
    ['n[1-5]^n[4-7]', 'n1 n2 n3 n6 n7'],
    ['n1^n[1,1]', ''],
    // From left to right, no operator binds tighter: ((n1,n2)&n2),n3
    ['n1,n2&n2,n3', 'n2 n3'],
    ['n[1-9]!n[2-8],n5', 'n1 n5 n9'],
    ['a.b-c_d9', 'a.b-c_d9'],
    ['n123456789012345678901234567890', 'n123456789012345678901234567890'],
  ];
  for (const [text, names] of cases) {
    it(`reads ${JSON.stringify(text)}`, () => {
      expect(NodeSet.parse(text).names().join(' ')).equals(names);
    });
  }

  const refused: readonly [text: string, words: RegExp][] = [
    ['n[1-4', /'\[' is not closed \(position 2\)/],
    ['n[', /not closed/],
    ['n[]', /a number is missing before '\]' \(position 3\)/],
    ['n[1-]', /a number is missing before '\]' \(position 5\)/],
    ['n[a-b]', /before 'a'/],
    ['n[1;2]', /';' does not belong in brackets/],
    ['n[1[2]]', /'\[' does not belong/],
    ['n[1, 2]', /before ' ' \(position 5\)/],
    ['n1]', /'\]' closes no bracket \(position 3\)/],
    ['n[4-1]', /4-1 runs backwards \(position 3\)/],
    ['n[1-010]', /padded at one end only/],
    ['n[01-100]', /padded at one end only/],
    ['n[1-9/0]', /step of 0/],
    ['n[1-9/]', /missing before '\]'/],
    [`n[1-${'9'.repeat(15)}]`, /15 digits/],
    [',n1', /missing before ',' \(position 1\)/],
    ['n1,,n2', /missing before ',' \(position 4\)/],
    ['n1,', /nothing follows ',' \(position 3\)/],
    ['n1 ! ', /nothing follows '!' \(position 4\)/],
    ['@rack1', /groups such as @rack1 are not known here/],
    ['n1,@all', /not known here \(position 4\)/],
    ['n*', /'n\*' is not a node name \(position 1\)/],
    ['-n1', /not a node name/],
    ['n[1-2]-', /not a node name/],
    ['n\u001b[31m', /before '\\u001b'|before 'm'|does not belong|not a node name/],
    ['knötchen', /'kn\\u00f6tchen' is not a node name/],
    ['n'.repeat(65), /not a node name/],
    // n…1 is legal, n…100 is one character too long.
    [`${'n'.repeat(62)}[1,100]`, /not a node name/],
    [`${'n'.repeat(62)}[100,1]`, /not a node name/],
    [`n${'[1-2]'.repeat(200)}`, /too many brackets/],
    [`n${'[10-99]'.repeat(40)}`, /not a node name/],
  ];
  for (const [text, words] of refused) {
    it(`refuses ${JSON.stringify(text.slice(0, 30))} in words`, () => {
      const problem = refusal(text);
      expect(problem).includes({ code: code.INVALID_PARAMETER, name: 'INVALID_PARAMETER', field: 'nodeset' });
      expect(problem.detail)
        .matches(words)
        .and.matches(/^[ -~]*$/);
      expect(problem.allowed).matches(/\w/);
      expect(() => NodeSet.parse(text)).throws(CsmError, problem.detail);
    });
  }

  it('shows the text around the fault when the text is long', () => {
    const text = `${'n1,'.repeat(1000)}n[,${'n2,'.repeat(1000)}n3`;
    const problem = refusal(text);
    expect(problem.detail)
      .matches(/n\[,n2/)
      .and.matches(/position 3003/);
    expect(problem.detail.length).below(250);
  });

  it('bounds the text', () => {
    const text = `n1${' '.repeat(NODESET_TEXT_MAX - 2)}`;
    expect(NodeSet.parse(text).size).equals(1);
    expect(() => NodeSet.parse(`${text} `)).throws(CsmError, '65537 characters');
    expect(NodeSet.parse(`${text} `, { maxText: NODESET_TEXT_MAX + 1 }).size).equals(1);
  });

  it('bounds the names before it expands them', () => {
    const started = process.cpuUsage();
    for (const text of [
      'n[0-99999999999999]',
      'n[0-1000000]',
      'n[0-9999][0-9999][0-9999][0-9999]',
      'n[1-600000],m[1-600000]',
      'n[1-600000]&n[1-600000]',
      `n${'[1-9]'.repeat(60)}`,
    ]) {
      expect(() => NodeSet.parse(text), text).throws(CsmError, 'names are spelled out up to here');
    }
    // Spelling out the million names that each asks for at least takes a second of the processor by itself.
    expect(process.cpuUsage(started).user / 1000).below(1000);
  });
});

describe('expand', () => {
  it('gives names in natural order', () => {
    expect(expand('n[10,9,1],a,n01')).deep.equals(['a', 'n1', 'n01', 'n9', 'n10']);
  });

  it('reads folded text longer than a person may write', () => {
    const names = Array.from({ length: 5000 }, (_, i) => `host-with-a-long-name-${i * 7}`);
    expect(names.join(',').length).above(NODESET_TEXT_MAX);
    expect(expand(names.join(','))).deep.equals(names);
  });
});

function refusal(text: string): Problem {
  const result = NodeSet.tryParse(text);
  if (result.ok) throw new Error(`accepted as ${result.value.toString()}`);
  return result.error;
}
