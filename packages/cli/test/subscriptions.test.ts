import { code, fail } from '@csm/model';
import { expect } from 'chai';
import { csm, text, type World, world } from './harness.ts';
import { CHANGES, SUBSCRIPTION, WELL } from './sample.ts';

describe('csm subscription', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = { ...WELL };
    tree.calls.length = 0;
  });
  const run = (line: string, options: Parameters<typeof csm>[2] = {}) => csm(tree, line, options);
  const input = () => tree.calls.at(-1)?.input;

  it('create tells the id and the secret, once', async () => {
    const line = "subscription create https://a.example/x --kinds node,link --nodes 'n[1-3]' --since 7";
    expect(await run(line)).to.deep.equal({
      exit: 0,
      err: '',
      out: text`
        subscription 0123456789ab to https://a.example/x
        secret b0xX3N3bGxfZ3Vlc3NlZA  (it is not shown again)
      `,
    });
    expect(input()).to.deep.equal({ url: 'https://a.example/x', kinds: ['node', 'link'], nodes: 'n[1-3]', since: 7 });
    expect(tree.calls[0]?.ctx.idempotencyKey).to.match(/^[0-9a-f-]{36}$/);
    const own = { env: { CSM_WEBHOOK_SECRET: 'a-secret-of-my-own' } };
    expect(JSON.parse((await run('subscription create https://a.example/x -o json', own)).out)).to.include({
      id: '0123456789ab',
    });
    expect(input()).to.deep.equal({ url: 'https://a.example/x', secret: 'a-secret-of-my-own' });
    const rehearsed = await run('subscription create https://a.example/x --dry-run', own);
    expect(rehearsed.out, 'nor does a rehearsal show it').to.contain('secret: (secret)\n').and.not.contain('of-my-own');
  });

  it('list shows who is behind, and why', async () => {
    const sick = {
      ...SUBSCRIPTION,
      nodes: 'n[1-2]',
      kinds: null,
      behind: 12,
      lost: 3,
      failures: 4,
      problem: 'HTTP 503',
    };
    tree.handlers['subscription.list'] = async () => [SUBSCRIPTION, sick] as never;
    expect((await run('subscription list')).out).to.equal(text`
      ID            OWNER  URL                            KINDS  NODES   BEHIND  LOST  STATE
      0123456789ab  ann    https://hooks.example.org/csm  node   all          0     0  ok
      0123456789ab  ann    https://hooks.example.org/csm  all    n[1-2]      12     3  4 failed: HTTP 503
    `);
    tree.handlers['subscription.list'] = async () => fail(code.NO_RESULTS, 'there are no subscriptions');
    expect((await run('subscription list')).exit).to.equal(code.NO_RESULTS);
  });

  it('delete ends one', async () => {
    expect((await run('subscription delete 0123456789ab')).out).to.equal('subscription 0123456789ab is ended\n');
    expect(input()).to.deep.equal({ id: '0123456789ab' });
  });

  it('refuses what cannot be, before anything is called', async () => {
    for (const [line, field, env] of [
      ['subscription create https://a/ --kinds Node', '--kinds', {}],
      ['subscription create https://a/ --since x', '--since', {}],
      ['subscription create https://a/', 'CSM_WEBHOOK_SECRET', { CSM_WEBHOOK_SECRET: 'short' }],
      ['subscription delete nobody', 'id', {}],
      ['node watch --kinds ,', '--kinds', {}],
    ] as const) {
      const { exit, err } = await run(line, { env });
      expect([exit, err.includes(field)], line).to.deep.equal([code.INVALID_PARAMETER, true]);
    }
    expect(tree.calls).to.deep.equal([]);
  });
});

describe('csm node watch, when its connection is lost', () => {
  let tree: World;
  before(async () => {
    tree = await world();
  });
  after(() => tree.stop());
  beforeEach(() => {
    tree.handlers = {};
    tree.calls.length = 0;
  });

  it('goes on behind the last change it has shown', async () => {
    const interrupt = new AbortController();
    tree.handlers['node.watch'] = async ({ since }, ctx) => {
      for (const change of CHANGES) {
        if (change.seq <= Number(since ?? 0)) continue;
        await ctx.emit(change as never);
        // Every change is the last of its connection.
        fail(code.COMMUNICATION, 'the way to the master was lost');
      }
      interrupt.abort('SIGINT');
      return undefined;
    };
    const { exit, out, err } = await csm(tree, 'node watch --kinds node,link -o json', { interrupt: interrupt.signal });
    expect(exit).to.equal(0);
    const seqs = out
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => (JSON.parse(line) as { seq: number }).seq);
    expect(seqs).to.deep.equal(CHANGES.map(({ seq }) => seq));
    expect(tree.calls.map((call) => call.input['since'])).to.deep.equal([undefined, ...seqs]);
    expect(tree.calls.at(-1)?.input['kinds']).to.deep.equal(['node', 'link']);
    expect(err).to.contain(`the way to the master was lost; the watch goes on behind ${seqs[0]}`);
  });

  it('ends with what does not pass, and with what never began', async () => {
    const refuse = async (given: 16 | 37 | 22): Promise<number> => {
      tree.handlers['node.watch'] = async () => fail(given, 'as asked');
      return (await csm(tree, 'node watch --since 1')).exit;
    };
    expect(await refuse(code.CONTEXT_LOST)).to.equal(37);
    expect(await refuse(code.PERMISSION)).to.equal(16);
    expect(await refuse(code.BAD_ADDRESS)).to.equal(22);
    expect(tree.calls).to.have.length(3);
  });
});
