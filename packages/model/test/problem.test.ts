import { expect } from 'chai';
import fc from 'fast-check';
import {
  asProblem,
  CODES,
  type Code,
  CsmError,
  code,
  codeName,
  codeText,
  err,
  fail,
  ok,
  type Problem,
  problem,
  toProblem,
} from '../src/index.ts';

const aCode = fc.constantFrom(...CODES.map((row) => row.code));
const part = fc.record({ nodeset: fc.string(), code: aCode, text: fc.string() });
const extra = fc.record(
  { field: fc.string(), allowed: fc.string(), nodes: fc.array(part, { maxLength: 3 }), trace: fc.string() },
  { requiredKeys: [] },
);

describe('a problem', () => {
  it('has the text of its code when it is given none', () => {
    for (const row of CODES) {
      expect(problem(row.code)).deep.equals({ code: row.code, name: row.name, detail: row.text });
    }
  });

  it('comes over a wire as it was', () => {
    fc.assert(
      fc.property(aCode, fc.string(), extra, (c: Code, detail, more) => {
        const sent = problem(c, detail, more);
        expect(asProblem(JSON.parse(JSON.stringify(sent)))).deep.equals(sent);
      }),
    );
  });

  it('is not read from what is none', () => {
    for (const value of [
      null,
      undefined,
      5,
      'text',
      [],
      {},
      { code: 5 },
      { code: 56, detail: 'x' },
      { code: '5', detail: 'x' },
    ]) {
      expect(asProblem(value)).equals(undefined);
    }
    const sound = { code: 5, detail: 'x' };
    expect(asProblem(sound)).deep.equals({ ...sound, name: 'TIMEOUT' });
    for (const wrong of [
      { field: 1 },
      { allowed: {} },
      { trace: null },
      { nodes: 'n1' },
      { nodes: [null] },
      { nodes: [{ nodeset: 'n1', code: 99, text: '' }] },
      { nodes: [{ nodeset: 'n1', code: 5 }] },
    ]) {
      expect(asProblem({ ...sound, ...wrong }), JSON.stringify(wrong)).equals(undefined);
    }
  });

  it('takes its name from its code, and leaves what it does not know', () => {
    const read = asProblem({ code: 9, name: 'SUCCESS', detail: 'x', since: '9.0' });
    expect(read).deep.equals({ code: 9, name: 'INVALID_PARAMETER', detail: 'x' });
  });

  it('never throws while reading', () => {
    fc.assert(
      fc.property(fc.anything({ withNullPrototype: true }), (value) => {
        const read = asProblem(value);
        if (read !== undefined) expect(read.name).equals(codeName(read.code));
      }),
    );
  });
});

describe('CsmError', () => {
  it('carries its problem, and toProblem gives it back', () => {
    const p = problem(code.TIMEOUT, 'n007 gave no answer in 5 s', { field: 'deadline', allowed: 'up to 60 s' });
    const cause = new Error('socket');
    const e = new CsmError(p, { cause });
    expect(e).instanceOf(Error);
    expect(e).includes({ name: 'CsmError', message: p.detail, code: 5, cause });
    expect(toProblem(e)).equals(p);
  });

  it('is what fail throws', () => {
    expect(() => fail(code.BAD_STATE))
      .throws(CsmError, codeText(code.BAD_STATE))
      .with.property('code', 44);
    expect(() => fail(code.BAD_FLAGS, 'no flag -x', { field: 'flags' })).throws(CsmError, 'no flag -x');
  });
});

describe('toProblem', () => {
  it('makes a problem of whatever was thrown', () => {
    expect(toProblem(new TypeError('x is not a function'))).deep.equals(problem(1, 'x is not a function'));
    expect(toProblem('text', code.DATABASE)).deep.equals(problem(25, 'text'));
    const thrown = fc.anything({ withNullPrototype: true });
    fc.assert(
      fc.property(thrown, aCode, (value, fallback) => {
        const p: Problem = toProblem(value, fallback);
        expect(p.code).equals(fallback);
        expect(p.detail).a('string');
      }),
    );
  });
});

describe('Result', () => {
  it('tells a value from a problem', () => {
    expect(ok(7)).deep.equals({ ok: true, value: 7 });
    expect(err(problem(4))).deep.equals({ ok: false, error: problem(4) });
  });
});
