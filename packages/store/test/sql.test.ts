import { CsmError } from '@csm/model';
import { expect } from 'chai';
import type { SqlValue } from '../src/index.ts';
import { bind, translate } from '../src/sql.ts';

describe('sql', () => {
  const cases: readonly (readonly [string, string, number, readonly number[] | undefined])[] = [
    ['SELECT 1', 'SELECT 1', 0, undefined],
    ['SELECT $1, $2', 'SELECT ?, ?', 2, undefined],
    ['SELECT $2, $1, $2', 'SELECT ?, ?, ?', 2, [1, 0, 1]],
    [
      `SELECT '$1?', "a$2", $1 -- $3 :x\n, 2 /* $4 ? */`,
      `SELECT '$1?', "a$2", ? -- $3 :x\n, 2 /* $4 ? */`,
      1,
      undefined,
    ],
    [`SELECT 'it''s $9', $1`, `SELECT 'it''s $9', ?`, 1, undefined],
    [
      'SELECT a.b[1], $1+$10-$2*$3/$4|$5&$6<$7>$8=$9',
      'SELECT a.b[1], ?+?-?*?/?|?&?<?>?=?',
      10,
      [0, 9, 1, 2, 3, 4, 5, 6, 7, 8],
    ],
  ];
  for (const [sql, text, count, order] of cases) {
    it(`translates ${JSON.stringify(sql)}`, () => {
      expect(translate(sql)).to.include({ text, count });
      expect(translate(sql).order).to.deep.equal(order);
    });
  }

  const refused: readonly (readonly [string, string])[] = [
    ['', 'nothing to do'],
    ['-- only a comment', 'nothing to do'],
    ['SELECT ?', 'the character ?'],
    ['SELECT :name', 'the character :'],
    ['SELECT @name', 'the character @'],
    ['SELECT $name', 'the character $'],
    ['SELECT $0', 'placeholder $0'],
    ['SELECT $1, $3', 'no placeholder $2 but $3'],
    ['commit', 'COMMIT'],
    ['/* x */ -- y\n Begin', 'BEGIN'],
    ['INSERT OR  ROLLBACK INTO t VALUES (1)', 'OR  ROLLBACK'],
    ['PRAGMA synchronous = OFF', 'PRAGMA'],
    ['copy entry FROM stdin', 'COPY'],
    ['DISCARD ALL', 'DISCARD'],
    ['DO LANGUAGE plpgsql x', 'DO'],
    ['SELECT $1::text', 'the character :'],
  ];
  for (const [sql, words] of refused) {
    it(`refuses ${JSON.stringify(sql)}`, () => {
      expect(() => translate(sql)).to.throw(CsmError, words);
    });
  }

  it('leaves operators to the half of a pair that is only for PostgreSQL', () => {
    expect(translate(`SELECT $1::text, '{}' ? 'a', @ -1`, false).count).to.equal(1);
    expect(() => translate('SELECT $a::text', false)).to.throw(CsmError, 'the character $');
    expect(() => translate('COMMIT', false)).to.throw(CsmError, 'COMMIT');
  });

  it('binds in the order of the text, integers as integers', () => {
    const statement = translate('SELECT $2, $1, $2');
    expect(bind(statement, [1.5, 3], 'x')).to.deep.equal([3n, 1.5, 3n]);
    expect(bind(translate('SELECT $1'), [Number.MAX_SAFE_INTEGER], 'x')).to.deep.equal([9007199254740991n]);
  });

  const values: readonly (readonly [unknown, string])[] = [
    [true, 'value $1 is true'],
    [undefined, 'value $1 is of type undefined'],
    [Number.NaN, 'value $1 is NaN'],
    [Number.POSITIVE_INFINITY, 'value $1 is Infinity'],
    [2 ** 53, 'value $1 is 9007199254740992'],
    [-(2n ** 53n), 'value $1 is -9007199254740992'],
    [{}, 'value $1 is of type object'],
    ['a\0', 'value $1 has the character U+0000 at 1'],
  ];
  for (const [value, words] of values) {
    it(`refuses a value: ${words}`, () => {
      expect(() => bind(translate('SELECT $1'), [value as SqlValue], 'SELECT $1')).to.throw(CsmError, words);
    });
  }

  it('counts the values', () => {
    expect(() => bind(translate('SELECT $1'), [1, 2], 'SELECT $1')).to.throw(CsmError, '2 values were given');
  });
});
