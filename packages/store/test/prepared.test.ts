/** What is prepared for PostgreSQL, and how its values are read. */
import { CsmError } from '@csm/model';
import { expect } from 'chai';
import { PreparedStatements } from '../src/postgresql/prepared.ts';
import { decoderOf, encoded, typeOf } from '../src/postgresql/values.ts';

const ANY = 0;
const INT8 = 20;
const TEXT = 25;
const FLOAT8 = 701;

describe('prepared statements', () => {
  it('have a plan for each set of types, and null fits them all', () => {
    const prepared = new PreparedStatements();
    const sql = 'SELECT $1, $2';
    const types = (...values: (string | bigint | number | null)[]) => prepared.variant(sql, true, values).types;
    expect(types(1n, 'a')).to.deep.equal([INT8, TEXT]);
    const { name } = prepared.variant(sql, true, [2n, 'b']);
    expect(prepared.variant(sql, true, [null, 'b']).name).to.equal(name);
    expect(prepared.variant(sql, true, [null, null]).name).to.equal(name);
    expect(types(0.5, 'a')).to.deep.equal([FLOAT8, TEXT]);
    expect(prepared.variant(sql, true, [3n, null]).name).to.equal(name);
    expect(prepared.takeForgotten()).to.deep.equal([]);
  });

  it('replace a plan that knew a type less', () => {
    const prepared = new PreparedStatements();
    const sql = 'SELECT $1, $2';
    const first = prepared.variant(sql, true, [1n, null]);
    expect(first.types).to.deep.equal([INT8, ANY]);
    const second = prepared.variant(sql, true, [1n, 'a']);
    expect(second.types).to.deep.equal([INT8, TEXT]);
    expect(prepared.takeForgotten()).to.deep.equal([first.name]);
    expect(prepared.takeForgotten()).to.deep.equal([]);
    expect(prepared.variant(sql, true, [2n, null]).name).to.equal(second.name);
  });

  it('are kept up to a bound, the longest unused go', () => {
    const prepared = new PreparedStatements();
    const first = prepared.variant('SELECT 0', true, []);
    const second = prepared.variant('SELECT 1', true, []);
    for (let n = 2; n < 512; n++) prepared.variant(`SELECT ${n}`, true, []);
    expect(prepared.variant('SELECT 0', true, []).name).to.equal(first.name);
    prepared.variant('SELECT 512', true, []);
    expect(prepared.takeForgotten()).to.deep.equal([second.name]);
  });
});

describe('values of PostgreSQL', () => {
  const columns: readonly (readonly [number, string, unknown])[] = [
    [INT8, '9007199254740991', Number.MAX_SAFE_INTEGER],
    [INT8, '-5', -5],
    [23, '7', 7],
    [1700, '12.5', 12.5],
    [1700, '100', 100],
    [FLOAT8, '1e-7', 1e-7],
    [FLOAT8, 'NaN', Number.NaN],
    [16, 't', 1],
    [16, 'f', 0],
    [17, '\\x00ff', Buffer.from([0, 255])],
    [17, '\\x', Buffer.alloc(0)],
    [TEXT, 'ä', 'ä'],
    [3802, '{"a": 1}', '{"a": 1}'],
  ];
  for (const [type, text, value] of columns) {
    it(`of type ${type}: ${text}`, () => expect(decoderOf(type)(text)).to.deep.equal(value));
  }

  it('are refused when no number holds them', () => {
    for (const text of ['9007199254740992', '-9007199254740993', '1'.repeat(100)]) {
      expect(() => decoderOf(INT8)(text)).to.throw(CsmError, 'the database gives');
    }
  });

  it('go with the type of the value', () => {
    const sent = [1n, 1.5, 'a', null, Buffer.from('x')].map((value) => [typeOf(value), encoded(value)]);
    expect(sent).to.deep.equal([
      [INT8, '1'],
      [FLOAT8, '1.5'],
      [TEXT, 'a'],
      [ANY, null],
      [17, Buffer.from('x')],
    ]);
  });
});
