import { code } from '@csm/model';
import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import type { TokenRecord } from '../src/api.ts';
import { admin, alice, root, START, World } from './world.ts';

type Made = TokenRecord & { readonly token: string };
const SCOPES = { scopes: ['node.*', 'health'] };

overEngines('tokens', (bench) => {
  let world: World;
  beforeEach(async () => {
    world = await World.open(bench);
  });
  afterEach(() => world.part.stop?.());
  const make = (input: object = SCOPES, caller = alice, idempotencyKey?: string) =>
    world.call<Made>('token.create', input, caller, idempotencyKey === undefined ? {} : { idempotencyKey });
  const list = (caller = root, input = {}) => world.call<TokenRecord[]>('token.list', input, caller);
  const judge = (made: Made, name = 'node.list', caller = alice) =>
    world.part.guard?.judge({
      row: { name } as never,
      access: 'public',
      caller: { ...caller, via: 'token', token: made.id },
      input: {},
      trace: '',
    });

  it('are told once, and known by nothing but their digest', async () => {
    const made = await make();
    expect(made).to.deep.include({ user: 'alice', scopes: SCOPES.scopes, created_by: 'alice', last_used: null });
    expect(made.token).to.match(new RegExp(`^csm_${made.id}_[A-Za-z0-9_-]{43}$`));
    expect(made.expires).to.equal(new Date(START + 90 * 86_400_000).toISOString());
    const { token, ...record } = made;
    expect(await list(alice)).to.deep.equal([record]);
    const tables = await world.store.query('SELECT * FROM token');
    expect(JSON.stringify(tables)).to.not.contain(token.slice(-43));
    expect(await world.call('token.resolve', { bearer: token }, root)).to.deep.equal({
      id: made.id,
      user: 'alice',
      scopes: SCOPES.scopes,
      expires: made.expires,
    });
    expect((await world.refused('token.resolve', { bearer: `${token.slice(0, -1)}!` }, root)).code).to.equal(16);
  });

  it('made again under the same key are one, whose text is not lost while this master lives', async () => {
    const first = await make(SCOPES, alice, 'k1');
    expect(await make(SCOPES, alice, 'k1')).to.deep.equal(first);
    const other = await world.refused('token.create', { scopes: ['run'] }, alice, { idempotencyKey: 'k1' });
    expect(other).to.include({ code: code.INVALID_PARAMETER, field: 'Idempotency-Key' });
    expect(await list()).to.have.length(1);
    // The next master knows no secret: it says so, and makes none.
    await world.part.stop?.();
    await world.lead();
    const lost = await world.refused('token.create', SCOPES, alice, { idempotencyKey: 'k1' });
    expect(lost).to.include({ code: code.CONTEXT_LOST, field: 'Idempotency-Key' });
    expect(lost.allowed).to.contain(first.id);
    expect(await list()).to.have.length(1);
    expect(judge(first)).to.equal(undefined);
  });

  it('are refused from the moment they are revoked, also by the next master', async () => {
    const made = await make();
    expect(judge(made)).to.equal(undefined);
    const gone: string[] = [];
    world.part.guard?.watch({ ...alice, via: 'token', token: made.id }, ({ detail }) => gone.push(detail));
    const revoke = () => world.call<TokenRecord>('token.revoke', { id: made.id }, alice, { idempotencyKey: 'r1' });
    expect((await revoke()).id).to.equal(made.id);
    expect(judge(made)?.code).to.equal(code.PERMISSION);
    expect(gone).to.deep.equal([`the token ${made.id} was revoked`]);
    expect((await revoke()).id, 'a repetition').to.equal(made.id);
    expect((await world.refused('token.revoke', { id: made.id }, alice)).code).to.equal(code.NO_RESULTS);
    await world.lead();
    expect(judge(made)?.code).to.equal(code.PERMISSION);
    expect((await world.refused('token.resolve', { bearer: made.token }, root)).code).to.equal(code.PERMISSION);
  });

  it('do not come back when what made them is repeated after they were revoked', async () => {
    const made = await make(SCOPES, alice, 'k1');
    await world.call('token.revoke', { id: made.id }, root);
    const again = await world.refused('token.create', SCOPES, alice, { idempotencyKey: 'k1' });
    expect(again).to.include({ code: code.CONTEXT_LOST, field: 'Idempotency-Key' });
    expect(judge(made)?.code).to.equal(code.PERMISSION);
    expect((await world.refused('token.resolve', { bearer: made.token }, root)).code).to.equal(code.PERMISSION);
  });

  it('are for users whom a door takes by name only', async () => {
    for (const user of ['1000', 'a b', 'x\ny', '-x', 'x'.repeat(65)]) {
      expect(await world.refused('token.create', { ...SCOPES, user }, root), user).to.include({
        code: code.INVALID_PARAMETER,
        field: 'user',
      });
    }
  });

  it('are their owner’s: others neither see nor revoke nor make them, unless they are privileged', async () => {
    const mine = await make();
    const bob = { ...alice, user: 'bob', uid: 1001 };
    expect(await list(bob)).to.deep.equal([]);
    expect(await list(bob, { user: 'bob' })).to.deep.equal([]);
    expect((await world.refused('token.list', { user: 'alice' }, bob)).code).to.equal(code.PERMISSION);
    expect((await world.refused('token.revoke', { id: mine.id }, bob)).code).to.equal(code.PERMISSION);
    expect((await world.refused('token.create', { ...SCOPES, user: 'alice' }, bob)).code).to.equal(code.PERMISSION);
    // Also where a permission file makes the call public, which grants it to all.
    const open = await world.refused('token.create', { ...SCOPES, user: 'alice' }, bob, { grant: 'granted' });
    expect(open.code).to.equal(code.PERMISSION);
    expect((await make({ ...SCOPES, user: 'alice' }, admin)).created_by).to.equal('admin');
    expect(await list(admin)).to.have.length(2);
    expect(await list(admin, { user: 'bob' } as never)).to.deep.equal([]);
    await world.call('token.revoke', { id: mine.id }, admin);
    expect(await list(alice)).to.have.length(1);
  });

  it('stand for root only when root made them', async () => {
    expect((await world.refused('token.create', { ...SCOPES, user: 'root' }, admin)).code).to.equal(code.PERMISSION);
    const toor = await make({ ...SCOPES, user: 'toor' }, admin);
    const asRoot = { ...root, user: 'toor' };
    expect(judge(toor, 'node.list', asRoot)?.code).to.equal(code.PERMISSION);
    const own = await make(SCOPES, root);
    expect(judge(own, 'node.list', root)).to.equal(undefined);
    expect(judge(own, 'run', root)?.detail).to.contain('does not give');
  });

  it('make no further ones', async () => {
    const made = await make({ scopes: ['private', 'public', 'privileged'] }, root);
    const bearing = { ...root, via: 'token' as const, token: made.id };
    expect((await world.refused('token.create', { scopes: ['run'] }, bearing)).code).to.equal(code.PERMISSION);
    expect(await list()).to.have.length(1);
  });

  it('expire, and are shown for a week after', async () => {
    const made = await make({ ...SCOPES, lifetime: 60 });
    world.now += 59_999;
    expect(judge(made)).to.equal(undefined);
    world.now += 1;
    expect(judge(made)?.detail).to.contain('expired');
    expect((await list()).map(({ last_used }) => last_used)).to.deep.equal([new Date(world.now - 1).toISOString()]);
    world.now += 8 * 86_400_000;
    const next = await make();
    expect((await list()).map(({ id }) => id)).to.deep.equal([next.id]);
  });

  it('are refused with scopes that give nothing, and beyond a hundred a user', async () => {
    const wrong = await world.refused('token.create', { scopes: ['node.list', 'nodes.*'] }, alice);
    expect(wrong).to.include({ code: code.INVALID_PARAMETER, field: 'scopes[1]' });
    expect(wrong.allowed).to.contain('node.*');
    await Promise.all(Array.from({ length: 100 }, () => make()));
    expect((await world.refused('token.create', SCOPES, alice)).code).to.equal(code.BAD_STATE);
    await make(SCOPES, admin);
    expect(await list()).to.have.length(101);
  });

  it('are remembered as used when the master stops', async () => {
    const made = await make();
    judge(made);
    await world.part.stop?.();
    const [row] = await world.store.query<{ last_used: number }>('SELECT last_used FROM token');
    expect(row?.last_used).to.equal(world.now);
    await world.lead();
    expect((await list())[0]?.last_used).to.equal(new Date(world.now).toISOString());
  });
});
