import type { Caller } from '@csm/api';
import type { Guard, GuardedCall } from '@csm/feature';
import { CsmError, code, type Problem, problem } from '@csm/model';
import { overEngines } from '@csm/sim';
import type { CommitReportsResult, Store } from '@csm/store';
import { expect } from 'chai';
import type { AuditRecord } from '../src/api.ts';
import { FOLD_MS } from '../src/fold.ts';
import { alice, root, START, World } from './world.ts';

const moment = () => new Promise((resolve) => setTimeout(resolve, 20));
const refusal = problem(code.PERMISSION, 'not for you');

overEngines('the audit record', (bench) => {
  let world: World;
  beforeEach(async () => {
    world = await World.open(bench);
  });
  afterEach(() => world.part.stop?.());
  const guard = (): Guard => world.part.guard as Guard;
  const call = (name: string, input: unknown = {}, caller = root): GuardedCall => ({
    row: { name, input: { properties: { password: { secret: true } } } } as never,
    access: 'privileged',
    caller,
    input,
    trace: 't1',
  });
  const list = (input: object = {}) => world.call<AuditRecord[]>('audit.list', input, root);
  const nothing = async (input: object) => (await world.refused('audit.list', input, root)).code;

  it('has a call before it begins, and its outcome when it has ended', async () => {
    const ended = await guard().begin(call('node.update', { nodes: 'n1', password: 'hush' }));
    expect(await list()).to.deep.equal([
      {
        seq: 1,
        time: new Date(START).toISOString(),
        user: 'root',
        uid: 0,
        vouched_by: 'utility/login',
        via: 'socket',
        token: null,
        call: 'node.update',
        input: { nodes: 'n1', password: '***' },
        outcome: 'under way',
        code: null,
        detail: null,
        ms: null,
        times: 1,
        trace: 't1',
      },
    ]);
    world.now += 250;
    ended(undefined);
    expect((await list())[0]).to.include({ outcome: 'ok', code: 0, ms: 250 });
    const failed = await guard().begin(call('run'));
    failed(problem(code.NODES_UNAVAILABLE, 'n1 is down'));
    const denied = await guard().begin(call('token.revoke', {}, alice));
    denied(refusal);
    const rows = await list();
    expect(rows.map(({ outcome, code: c, detail }) => [outcome, c, detail])).to.deep.equal([
      ['refused', 16, 'not for you'],
      ['failed', 48, 'n1 is down'],
      ['ok', 0, null],
    ]);
  });

  it('tells a call that was under way when its master died as of unknown outcome', async () => {
    await guard().begin(call('run', { nodes: 'n1' }));
    const { store } = world;
    const next = {
      term: store.term + 1,
      call: (...args: Parameters<Store['call']>) => store.call(...args),
      query: (...args: Parameters<Store['query']>) => store.query(...args),
    };
    await world.lead(next as Store);
    expect((await list())[0]).to.include({ outcome: 'unknown', code: null, ms: null });
  });

  it('folds refusals of a minute, and keeps the first with its input', async () => {
    for (let i = 0; i < 500; i++) guard().refused(call('run', { argv: [`${i}`] }, alice), refusal);
    guard().refused(call('node.update', {}, alice), refusal);
    let rows = await list();
    expect(rows.map(({ call: name, times, input }) => [name, times, input])).to.deep.equal([
      ['node.update', 1, {}],
      ['run', 1, { argv: ['0'] }],
    ]);
    expect(rows.every(({ outcome, code: c }) => outcome === 'refused' && c === 16)).to.equal(true);
    world.now += FOLD_MS;
    // What was counted is told with the next of its kind, with its minute, or at the end.
    await world.part.stop?.();
    rows = await list({ call: 'run' });
    expect(rows.map(({ times }) => times)).to.deep.equal([499, 1]);
  });

  it('is quiet about daemons that ask whose a token is', async () => {
    const asked = call('token.resolve', {}, alice);
    guard().refused({ ...asked, row: { ...asked.row, internal: true } }, refusal);
    expect(await nothing({})).to.equal(code.NO_RESULTS);
  });

  it('is found by user, call, time and nodes, page by page', async () => {
    const seen: [name: string, user: typeof alice, input: object][] = [
      ['node.update', root, { nodes: 'n[1-4]' }],
      ['run', alice, { nodes: 'n3' }],
      ['node.show', alice, { name: 'n7' }],
      ['db.backup', root, { file: '/b' }],
    ];
    for (const [name, who, input] of seen) {
      world.now += 60_000;
      (await guard().begin(call(name, input, who)))(undefined);
    }
    const found = async (input: object) => (await list(input)).map((row) => row.call);
    expect(await found({})).to.deep.equal(['db.backup', 'node.show', 'run', 'node.update']);
    expect(await found({ user: 'alice' })).to.deep.equal(['node.show', 'run']);
    expect(await found({ user: 'alice', call: 'run' })).to.deep.equal(['run']);
    expect(await found({ nodes: 'n[3-7]' })).to.deep.equal(['node.show', 'run', 'node.update']);
    expect(await found({ nodes: 'n4', user: 'root' })).to.deep.equal(['node.update']);
    expect(await nothing({ nodes: 'n9' })).to.equal(code.NO_RESULTS);
    const moment = (minute: number) => new Date(START + minute * 60_000).toISOString();
    expect(await found({ since: moment(2), until: moment(4) })).to.deep.equal(['node.show', 'run']);
    const first = await list({ limit: 2 });
    expect(first.map((row) => row.call)).to.deep.equal(['db.backup', 'node.show']);
    expect(await found({ limit: 2, before: first[1]?.seq })).to.deep.equal(['run', 'node.update']);
    for (const wrong of [{ since: '2026-13-01' }, { until: 'yesterday' }]) {
      const refused = await world.refused('audit.list', wrong, root);
      expect(refused).to.include({ code: code.INVALID_PARAMETER, field: Object.keys(wrong)[0] });
    }
  });

  it('finds a node far back, among many calls of others', async () => {
    (await guard().begin(call('run', { nodes: 'n1' })))(undefined);
    await Promise.all(Array.from({ length: 1200 }, (_, i) => guard().begin(call('run', { nodes: `m${i}` }))));
    expect((await list({ nodes: 'n1' })).map(({ seq }) => seq)).to.deep.equal([1]);
  });

  it('writes outcomes later that cannot be written now, in order and once', async () => {
    let away = true;
    const { store } = world;
    const flaky = {
      term: store.term,
      query: (...args: Parameters<Store['query']>) => store.query(...args),
      call: (...args: Parameters<Store['call']>) =>
        away && args[0] !== 'access.begin'
          ? Promise.reject(new CsmError(problem(code.DATABASE_UNAVAILABLE, 'away')))
          : store.call(...args),
    };
    await world.part.stop?.();
    away = false;
    await world.lead(flaky as Store);
    away = true;
    const ended = await guard().begin(call('run'));
    ended(undefined);
    guard().refused(call('run', {}, alice), refusal);
    expect((await list())[0]).to.include({ outcome: 'under way' });
    away = false;
    const end = Date.now() + 30_000;
    while ((await list()).length < 2 && Date.now() < end) await new Promise((resolve) => setTimeout(resolve, 20));
    expect((await list()).map(({ outcome }) => outcome)).to.deep.equal(['refused', 'ok']);
    expect(await world.part.problems?.()).to.deep.equal([]);
  });

  it('says what it cannot write, and what was lost', async () => {
    const { store } = world;
    await world.part.stop?.();
    let no: Problem | undefined = problem(code.DATABASE_UNAVAILABLE, 'away');
    const write = (...args: Parameters<Store['call']>) =>
      no !== undefined && args[0] === 'access.refusals' ? Promise.reject(new CsmError(no)) : store.call(...args);
    const query = (...args: Parameters<Store['query']>) => store.query(...args);
    await world.lead({ term: store.term, query, call: write } as Store);
    const says = async (words: RegExp) => {
      const end = Date.now() + 30_000;
      while (!words.test((await world.part.problems?.())?.join('\n') ?? '') && Date.now() < end) await moment();
      expect((await world.part.problems?.())?.join('\n')).to.match(words);
    };
    guard().refused(call('run', { i: 1 }, alice), refusal);
    await says(/^the audit record cannot be written \(1 rows wait\): away$/);
    // A row that the database will never take does not hold up the others.
    no = problem(code.INVALID_PARAMETER, 'no such text');
    await says(/^1 rows of the audit record were lost since this master leads, the last at 2027-/);
    no = undefined;
    guard().refused(call('node.update', {}, alice), refusal);
    await says(/^1 rows/);
    expect((await list()).map((row) => row.call)).to.deep.equal(['node.update']);
    world.now += 25 * 3_600_000;
    expect(await world.part.problems?.()).to.deep.equal([]);
  });

  it('is not for one user to fill: changes of others than administrators are bounded, each user for himself', async () => {
    const tries = (caller: Caller, times: number) =>
      Array.from({ length: times }, () => guard().judge({ ...call('token.revoke', {}, caller), access: 'private' }));
    const changing = (caller: Caller) => {
      const { row, ...rest } = call('token.revoke', {}, caller);
      return guard().judge({ ...rest, row: { ...row, changes: true }, access: 'private' });
    };
    expect(tries(alice, 2000)).to.deep.equal(Array.from({ length: 2000 }));
    for (let i = 0; i < 600; i++) expect(changing(alice)).to.equal(undefined);
    expect(changing(alice)).to.include({ code: code.MEMORY, allowed: '600 at once, then one every 1 s' });
    expect(changing({ ...alice, user: 'bob' })).to.equal(undefined);
    for (let i = 0; i < 700; i++) expect(changing(root)).to.equal(undefined);
    world.now += 1000;
    expect([changing(alice), changing(alice)?.code]).to.deep.equal([undefined, code.MEMORY]);
  });

  it('keeps what somebody sent, whatever characters are in it', async () => {
    const odd = { ...alice, user: 'a\0\ud800b\n' };
    guard().refused(call('run', { x: '\0' }, odd), problem(code.PERMISSION, 'not \0 here'));
    const ended = await guard().begin(call('run', { x: '\0' }, odd));
    ended(problem(code.INVALID_PARAMETER, 'neither \0'));
    const end = Date.now() + 30_000;
    while ((await list()).some(({ outcome }) => outcome === 'under way') && Date.now() < end) await moment();
    expect((await list()).map(({ detail }) => detail)).to.have.members(['not \uFFFD here', 'neither \uFFFD']);
    expect(await world.part.problems?.()).to.deep.equal([]);
  });

  it('refuses a call whose row cannot be written: nothing is done that is not told', async () => {
    const { store } = world;
    await world.part.stop?.();
    const away = () => Promise.reject(new CsmError(problem(code.DATABASE_UNAVAILABLE, 'away')));
    const query = (...args: Parameters<Store['query']>) => store.query(...args);
    await world.lead({ term: 1, query, call: away } as unknown as Store);
    const begun = await guard()
      .begin(call('run'))
      .then(
        () => 0,
        (error: CsmError) => error.code,
      );
    expect(begun).to.equal(code.DATABASE_UNAVAILABLE);
    await world.lead();
  });

  it('is pruned by age and by number, slice by slice', async () => {
    for (let i = 0; i < 300; i++) {
      world.now += 1000;
      await guard().begin(call('run', { i }));
    }
    const prune = async (input: object) => {
      let deleted = 0;
      for (let more = true; more; ) {
        const slice = await world.store.call<{ deleted: number; more: boolean }>('access.prune', input);
        deleted += slice.deleted;
        more = slice.more;
      }
      return deleted;
    };
    expect(await prune({ olderThan: START + 101_000 })).to.equal(100);
    expect(await prune({ olderThan: 0, rows: 50 })).to.equal(150);
    expect(await prune({ olderThan: 0 })).to.equal(0);
    expect((await list({ limit: 1000 })).map(({ seq }) => seq)).to.deep.equal(
      Array.from({ length: 50 }, (_, i) => 300 - i),
    );
  });

  it('takes what daemons refused, in their own name only', async () => {
    const body = {
      calls: [
        { user: 'bob', uid: 1001, via: 'socket', call: 'run', code: 16, detail: 'no', times: 9, at: START - 5000 },
        { user: 'eve', vouchedBy: 'master/m1', call: 'x'.repeat(500), code: 99, at: START + 9e9, times: -1 },
      ],
    };
    const items = [{ kind: 'access.refused', time: START, body }];
    const commit = (given: unknown) =>
      world.store.call<CommitReportsResult>('store.commitReports', {
        batches: [{ daemon: 'compute/n1', incarnation: 'i', first: 1, items: given }],
      });
    await commit(items);
    const [eve, bob] = await list();
    expect(bob).to.include({ user: 'bob', vouched_by: 'compute/n1', call: 'run', times: 9, outcome: 'refused' });
    expect(bob?.time).to.equal(new Date(START - 5000).toISOString());
    expect(eve).to.include({ user: 'eve', uid: null, vouched_by: 'compute/n1', code: 16, times: 1 });
    expect(eve?.call).to.have.length(128);
    expect(eve?.time).to.equal(new Date(START).toISOString());
    for (const [i, wrong] of [{}, { calls: 1 }, { calls: [7] }].entries()) {
      const { results } = await world.store.call<CommitReportsResult>('store.commitReports', {
        batches: [
          {
            daemon: 'compute/n1',
            incarnation: 'i',
            first: 2 + i,
            items: [{ kind: 'access.refused', time: START, body: wrong }],
          },
        ],
      });
      expect(results[0]?.rejected).to.equal(1);
    }
  });
});
