/** A list the master writes page by page is under way until its last page is given: for the record and for tokens. */
import { DEFAULT_POLICY, type Handler } from '@csm/api';
import type { Guard } from '@csm/feature';
import { CsmError, code, fail, JsonPages, type Problem, problem } from '@csm/model';
import { expect } from 'chai';
import { masterServe } from '../src/calls.ts';
import { apiTable, FEATURES } from '../src/features.ts';

describe('an answer in pages', () => {
  const root = { user: 'root', uid: 0, gid: 0, pid: 7, groups: [], vouchedBy: 'utility/u', via: 'token', token: 't1' };
  let told: (Problem | undefined)[];
  let watching: number;
  let revoke: () => void;
  const guard: Guard = {
    judge: () => undefined,
    watch: (_caller, gone) => {
      watching++;
      revoke = () => gone(problem(code.PERMISSION, 'the token was revoked'));
      return () => void watching--;
    },
    begin: async () => (outcome) => void told.push(outcome),
    refused: () => {},
  };
  beforeEach(() => {
    told = [];
    watching = 0;
  });

  async function pagesOf(write: JsonPages['write']): Promise<JsonPages> {
    const handler: Handler = async () => new JsonPages(write);
    const policy = () => ({ ...DEFAULT_POLICY, privilegedUsers: ['root'], classOf: () => 'privileged' as const });
    const serve = masterServe(apiTable(FEATURES), new Map([['node.list', handler as Handler<never>]]), policy, guard);
    const call = {
      kind: 'call',
      id: 'q',
      call: 'node.list',
      input: {},
      caller: root,
      trace: 't',
      remaining: 1,
      window: 0,
    };
    const served = { signal: new AbortController().signal, remaining: () => 30_000, emit: async () => {} };
    const answer = await serve(call as never, served);
    if (!(answer instanceof JsonPages)) throw new Error('it is no answer in pages');
    expect([told.length, watching], 'nothing was read yet').to.deep.equal([0, 1]);
    return answer;
  }
  const failure = (work: Promise<unknown>): Promise<number | undefined> =>
    work.then(
      () => undefined,
      (error: unknown) => (error instanceof CsmError ? error.code : -1),
    );

  it('is recorded when its last page is given', async () => {
    const pages = await pagesOf(async (take) => {
      take(['1']);
      expect(told).to.deep.equal([]);
      take(['2']);
    });
    expect(await pages.read()).to.deep.equal([1, 2]);
    expect([told, watching]).to.deep.equal([[undefined], 0]);
  });

  it('is recorded as what it failed with behind its first page', async () => {
    const pages = await pagesOf(async (take) => {
      take(['1']);
      fail(code.BUFFER_OVERFLOW, 'too long');
    });
    expect(await failure(pages.read())).to.equal(code.BUFFER_OVERFLOW);
    expect([told.map((outcome) => outcome?.code), watching]).to.deep.equal([[code.BUFFER_OVERFLOW], 0]);
  });

  it('ends with the token of who asked', async () => {
    const pages = await pagesOf(async (take) => {
      take(['1']);
      revoke();
      take(['2']);
    });
    expect(await failure(pages.read())).to.equal(code.PERMISSION);
    expect([told.map((outcome) => outcome?.code), watching]).to.deep.equal([[code.PERMISSION], 0]);
  });
});
