import { randomBytes } from 'node:crypto';
import type { Caller } from '@csm/api';
import { isEmptyScope, scopeFault, scopeGives } from '@csm/api';
import { code, type Problem, wall } from '@csm/model';
import { expect } from 'chai';
import fc from 'fast-check';
import { bearerText, digestOf, isSecret, newBearer, readBearer } from '../src/token.ts';
import { type Token, TokenMemory } from '../src/token-memory.ts';

describe('what a scope gives', () => {
  const table: readonly [scope: string, call: string, access: 'public' | 'private' | 'privileged', gives: boolean][] = [
    ['node.list', 'node.list', 'public', true],
    ['node.list', 'node.list_all', 'public', false],
    ['node.*', 'node.list', 'privileged', true],
    ['node.*', 'nodes.list', 'public', false],
    ['node.*', 'node', 'public', false],
    ['run', 'run', 'privileged', true],
    ['run.*', 'run', 'privileged', false],
    ['public', 'node.list', 'public', true],
    ['public', 'run', 'privileged', false],
    ['privileged', 'node.list', 'public', false],
    ['private', 'token.list', 'private', true],
  ];
  for (const [scope, call, access, gives] of table) {
    it(`${scope} ${gives ? 'gives' : 'does not give'} the ${access} ${call}`, () => {
      expect(scopeGives(scope, call, access)).to.equal(gives);
    });
  }

  it('is nothing without a scope that names the call, and says what is given', () => {
    expect(scopeFault(['node.*', 'health'], 'health', 'public')).to.equal(undefined);
    const fault = scopeFault(['node.*', 'health'], 'run', 'privileged');
    expect(fault).to.include({ code: code.PERMISSION, allowed: 'node.*, health' });
    expect(scopeFault([], 'health', 'public')?.code).to.equal(code.PERMISSION);
  });

  it('is empty when no call is meant', () => {
    const calls = ['node.list', 'health'];
    for (const scope of ['node.list', 'node.*', 'health', 'public', 'private', 'privileged']) {
      expect(isEmptyScope(scope, calls), scope).to.equal(false);
    }
    for (const scope of ['node.lst', 'nodes.*', 'health.*', 'node']) {
      expect(isEmptyScope(scope, calls), scope).to.equal(true);
    }
  });
});

describe('the text of a token', () => {
  it('is read back, whatever the random bytes', () => {
    fc.assert(
      fc.property(fc.infiniteStream(fc.integer({ min: 0, max: 255 })), (bytes) => {
        const random = (n: number) => Buffer.from(Array.from({ length: n }, () => bytes.next().value as number));
        const bearer = newBearer(random);
        expect(readBearer(bearerText(bearer))).to.deep.equal(bearer);
      }),
    );
  });

  it('is no other text', () => {
    const { id, secret } = newBearer(randomBytes);
    const wrong = ['', 'csm', `csm_${id}`, `csm_${id}_`, `csm_${id}_${secret}x`, `csm_${id}_${secret.slice(1)}`];
    wrong.push(
      `xsm_${id}_${secret}`,
      ` csm_${id}_${secret}`,
      `csm_${id.toUpperCase()}_${secret}`,
      `csm_${id}_${'$'.repeat(43)}`,
    );
    for (const text of wrong) expect(readBearer(text), text).to.equal(undefined);
  });

  it('is recognized by a digest that does not tell it', () => {
    const { secret } = newBearer(randomBytes);
    const digest = digestOf(secret);
    expect(digest).to.match(/^[0-9a-f]{64}$/);
    expect(isSecret(secret, digest)).to.equal(true);
    expect(isSecret(`${secret.slice(1)}A`, digest)).to.equal(false);
    expect(isSecret('', digest)).to.equal(false);
    expect(isSecret(secret, 'nonsense')).to.equal(false);
  });
});

describe('tokens in memory', () => {
  const NOW = wall(1_800_000_000_000);
  const bearer = newBearer(randomBytes);
  const token: Token = {
    id: bearer.id,
    user: 'alice',
    digest: digestOf(bearer.secret),
    scopes: ['node.*', 'public'],
    created: NOW - 1000,
    createdBy: 'alice',
    byRoot: false,
    expires: NOW + 60_000,
    lastUsed: null,
  };
  const caller = (more: Partial<Caller> = {}): Caller => ({
    user: 'alice',
    uid: 1000,
    gid: 1000,
    groups: [],
    pid: 0,
    vouchedBy: 'utility/u1',
    via: 'token',
    token: bearer.id,
    ...more,
  });
  let memory: TokenMemory;
  beforeEach(() => {
    memory = new TokenMemory([token]);
  });
  const refusal = (problem: Problem | Token | undefined): string => {
    expect(problem).to.include({ code: code.PERMISSION });
    return (problem as Problem).detail;
  };

  it('tell whose a token is, and of others only that they are not valid', () => {
    expect(memory.resolve(bearer, NOW)).to.deep.equal(token);
    const unknown = [undefined, newBearer(randomBytes), { ...bearer, secret: newBearer(randomBytes).secret }];
    for (const other of unknown) {
      expect(refusal(memory.resolve(other, NOW))).to.equal('the token is not valid: it is unknown or was revoked');
    }
    expect(refusal(memory.resolve(bearer, wall(token.expires)))).to.contain('expired on');
    memory.remove(token.id);
    expect(refusal(memory.resolve(bearer, NOW))).to.contain('not valid');
  });

  it('judge a call that bears one, and none that does not', () => {
    const judge = (who: Caller, call = 'node.list', at = NOW) => memory.judge(who, call, 'privileged', at);
    const { via: _, token: __, ...kernel } = caller();
    expect(judge(kernel)).to.equal(undefined);
    expect(judge({ ...kernel, via: 'certificate' })).to.equal(undefined);
    expect(memory.lastUsed(token.id)).to.equal(null);
    expect(judge(caller())).to.equal(undefined);
    expect(memory.lastUsed(token.id)).to.equal(NOW);
    expect(refusal(judge(caller(), 'run'))).to.contain('run is privileged, which the token does not give');
    expect(refusal(judge(caller({ user: 'bob' })))).to.contain('is not one of user bob');
    expect(refusal(judge(caller(), 'node.list', wall(token.expires)))).to.contain('expired');
    expect(refusal(judge(caller({ token: 'aaaaaaaaaaaa' })))).to.contain('not valid');
    expect(refusal(judge({ ...kernel, token: token.id })), 'a token, and no word of it').to.contain('not valid');
    expect(refusal(judge({ ...kernel, via: 'token' })), 'no token').to.contain('not valid');
  });

  it('let none stand for root that root did not make', () => {
    expect(refusal(memory.judge(caller({ uid: 0 }), 'node.list', 'public', NOW))).to.contain('was not made by root');
    memory = new TokenMemory([{ ...token, byRoot: true }]);
    expect(memory.judge(caller({ uid: 0 }), 'node.list', 'public', NOW)).to.equal(undefined);
  });

  it('tell who is under way when a token ends', () => {
    const told: string[] = [];
    const unwatch = memory.watch(token.id, ({ detail }) => told.push(detail));
    memory.watch('aaaaaaaaaaaa', () => told.push('never'));
    memory.sweep(NOW);
    expect(told).to.deep.equal([]);
    memory.sweep(wall(token.expires));
    expect(told).to.have.length(1);
    unwatch();
    memory.watch(token.id, ({ detail }) => told.push(detail));
    memory.remove(token.id);
    expect(told[1]).to.equal(`the token ${token.id} was revoked`);
    memory.sweep(wall(token.expires));
    expect(told).to.have.length(2);
  });

  it('tell once what was used', () => {
    memory.judge(caller(), 'node.list', 'public', NOW);
    memory.judge(caller(), 'node.list', 'public', wall(NOW + 5));
    expect(memory.takeUsed()).to.deep.equal([{ id: token.id, at: NOW + 5 }]);
    expect(memory.takeUsed()).to.deep.equal([]);
  });
});
