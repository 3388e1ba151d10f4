import { execFileSync } from 'node:child_process';
import { expect } from 'chai';
import Type from 'typebox';
import { curl } from '../src/generate-reference.ts';
import {
  ApiTable,
  describe as describeTable,
  generateClient,
  generateErrors,
  generateReference,
  openApi,
} from '../src/index.ts';
import { typeText } from '../src/type-text.ts';
import { ROWS, TABLE } from './sample.ts';

describe('type text', () => {
  const table: readonly [Type.TSchema, string][] = [
    [Type.Integer(), 'number'],
    [Type.Union([Type.Literal("it's"), Type.Literal(2), Type.Null()]), "'it\\'s' | 2 | null"],
    [Type.Array(Type.Union([Type.String(), Type.Number()])), 'readonly (string | number)[]'],
    [Type.Array(Type.Array(Type.String())), 'readonly (readonly string[])[]'],
    [
      Type.Array(Type.Object({ a: Type.Union([Type.String(), Type.Null()]) })),
      'readonly { readonly a: string | null }[]',
    ],
    [Type.Tuple([Type.String(), Type.Boolean()]), 'readonly [string, boolean]'],
    [Type.Record(Type.String(), Type.Number()), '{ readonly [key: string]: number }'],
    [Type.Object({ 'a-b': Type.Optional(Type.Unknown()) }), "{ readonly 'a-b'?: unknown }"],
    [Type.Object({}, { additionalProperties: false }), '{ readonly [key: string]: never }'],
    [Type.Enum(['a', 'b']), "'a' | 'b'"],
    [
      Type.Intersect([Type.Object({ a: Type.String() }), Type.Object({ b: Type.String() })]),
      '{ readonly a: string } & { readonly b: string }',
    ],
  ];
  for (const [schema, text] of table) it(text, () => expect(typeText(schema)).to.equal(text));

  it('keeps a description inside its comment', () => {
    const schema = Type.Object({ a: Type.String({ description: 'ends */ process.exit()\nhere' }) });
    expect(typeText(schema, { lines: true, loose: false })).to.equal(
      '{\n  /** ends *\u2215 process.exit() here */\n  readonly a: string;\n}',
    );
  });
});

describe('generateClient', () => {
  it('is the same for the same rows in any order, and valid for an empty table', () => {
    expect(generateClient(new ApiTable([...ROWS].reverse()))).to.equal(generateClient(TABLE));
    expect(generateClient(new ApiTable([]))).to.contain('export const API = {\n} as const');
  });

  it('has an entry and types for each row', () => {
    const text = generateClient(TABLE);
    for (const row of ROWS) expect(text).to.contain(`'${row.name}': {`);
    expect(text).to.contain(
      "'node.watch': { readonly input: NodeWatchInput; readonly output: undefined; readonly item: NodeWatchItem };",
    );
    expect(text).to.contain('readonly memory: number | null;');
    expect(text).to.contain('readonly limit?: number | undefined;');
  });
});

describe('generateReference', () => {
  it('tells of each call its purpose, access, route, input, answer and errors', () => {
    const text = generateReference(TABLE);
    for (const row of ROWS) expect(text).to.contain(`## ${row.name}\n\n${row.summary}.`);
    expect(text).to.contain('`PATCH /csm/v1/nodes/:name` · privileged · changes · at most 5 s');
    expect(text).to.contain('| `limit` | query | no | an integer of 1 to 100 | no more than this many |');
    expect(text).to.contain('| `memory` | `number \\| null` | kB, null while unknown |');
    expect(text).to.contain('46 UNKNOWN_NODES (HTTP 404, nodes are not known)');
    expect(text).to.contain('curl --unix-socket');
    expect(generateErrors()).to.contain('| 16 | `PERMISSION` | permission denied | 403 |');
  });

  it('writes examples that a shell reads as meant', () => {
    const row = TABLE.row('node.update');
    if (row === undefined) throw new Error('no row');
    const command = curl({ ...row, stream: false }, { name: 'n1', comment: "it's $HOME" });
    const script = command.replace(/^curl /, 'printf "%s\\n" ');
    const words = execFileSync('/bin/sh', ['-c', script], { encoding: 'utf8' }).trim().split('\n');
    expect(words).to.include('{"comment":"it\'s $HOME"}');
    expect(words.at(-1)).to.equal('http://csm/csm/v1/nodes/n1');
  });
});

describe('describe and openApi', () => {
  it('are plain JSON', () => {
    for (const value of [describeTable(TABLE), openApi(TABLE, '1')])
      expect(JSON.parse(JSON.stringify(value))).to.deep.equal(value);
  });

  it('place each field once', () => {
    const update = describeTable(TABLE).find((d) => d.name === 'node.update');
    expect(update?.fields.map((f) => [f.name, f.in, f.required])).to.deep.equal([
      ['name', 'path', true],
      ['comment', 'body', true],
      ['slots', 'body', false],
    ]);
    const paths = openApi(TABLE, '1')['paths'] as Record<
      string,
      Record<string, { parameters: { name: string; in: string }[] }>
    >;
    const patch = paths['/csm/v1/nodes/{name}']?.['patch'];
    expect(patch?.parameters.map((p) => `${p.in} ${p.name}`)).to.deep.equal([
      'path name',
      'header CSM-Timeout',
      'header Idempotency-Key',
    ]);
    expect(patch).to.deep.include({ operationId: 'node.update', 'x-csm-access': 'privileged' });
  });
});
