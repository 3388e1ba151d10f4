import type { CallContext, Dispatch } from '@csm/api';
import { CsmError, code, type Json, type JsonObject, problem } from '@csm/model';
import { expect } from 'chai';
import { apiTable } from '../src/features.ts';
import { tokenPort } from '../src/token-port.ts';

const TABLE = apiTable();

describe('an entry daemon that is shown a token', () => {
  const asked: { call: string; input: JsonObject; ctx: CallContext }[] = [];
  const port = (answer: () => Promise<Json | undefined>, table = TABLE) => {
    const dispatch: Dispatch = async (row, input, ctx) => {
      asked.push({ call: row.name, input, ctx });
      return answer();
    };
    return tokenPort(table, dispatch, 'utility/login');
  };
  const fails = (c: 16 | 22) => port(() => Promise.reject(new CsmError(problem(c, 'x'))));

  it('asks the master in its own name, without rights', async () => {
    const holder = { id: 'abc', user: 'ann', scopes: ['node.*'] };
    expect(await port(async () => ({ ...holder, expires: 'x' }))?.resolve('csm_a_b')).to.deep.equal(holder);
    const { call, input, ctx } = asked[0] ?? {};
    expect([call, input]).to.deep.equal(['token.resolve', { bearer: 'csm_a_b' }]);
    expect(ctx?.caller).to.deep.include({ user: 'csmd', uid: 65_534, gid: 65_534, vouchedBy: 'utility/login' });
    expect(ctx?.remaining()).to.be.within(1, 5_000);
  });

  it('tells a token that is none from a master that does not answer', async () => {
    expect(await fails(16)?.resolve('x')).to.equal(undefined);
    let thrown: unknown;
    await fails(code.BAD_ADDRESS)
      ?.resolve('x')
      .catch((error: unknown) => {
        thrown = error;
      });
    expect(thrown).to.have.property('code', 22);
  });

  it('believes no answer that is none', async () => {
    for (const answer of [null, [], { id: 1, user: 'root', scopes: [] }, { id: 'x', user: 'root' }, 'root']) {
      expect(await port(async () => answer as Json)?.resolve('x'), JSON.stringify(answer)).to.equal(undefined);
    }
  });
});
