import { fail } from '@csm/model';
import { expect } from 'chai';
import { csm, text, type World, world } from './harness.ts';
import { NODES, shown, WELL, WINDOWS } from './sample.ts';

describe('csm on states of nodes', () => {
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
  const lastInput = () => tree.calls.at(-1)?.input;
  const answers = (name: string, answer: unknown) => {
    tree.handlers[name] = async () => answer as never;
  };

  it('drains with a reason, at once or in a window', async () => {
    expect(await run("node drain 'n[1-2]' --reason 'fan 3'")).to.include({
      exit: 0,
      out: 'n[1-2] (2): 2 nodes drained\n',
    });
    expect(lastInput()).to.deep.equal({ nodes: 'n[1-2]', reason: 'fan 3' });
    const line = 'node drain n1 --state MAINTENANCE --from +10m --until 2026-10-18T00:00:00Z --reason x';
    expect((await run(line)).out).to.equal('n1 (1): 1 node in window 3\n');
    expect(lastInput()).to.deep.equal({
      nodes: 'n1',
      reason: 'x',
      state: 'MAINTENANCE',
      from: '2026-10-17T10:10:00.000Z',
      until: '2026-10-18T00:00:00.000Z',
    });
  });

  it('sends a key with every change', async () => {
    await run('node drain n1 --reason x');
    expect(tree.calls.at(-1)?.ctx.idempotencyKey).to.match(/^[0-9a-f-]{36}$/);
  });

  it('asks for what is missing, and refuses what is no state or time', async () => {
    for (const [line, exit, words] of [
      ['node drain n1', 8, /a reason is missing\n {2}field: --reason/],
      ["node drain n1 --reason ' '", 8, /a reason is missing/],
      ['node drain', 8, /nodeset/],
      ["node drain ',' --reason x", 9, /nodeset|node set/],
      ['node drain n1 --reason x --state IN_SERVICE', 9, /OUT_OF_SERVICE/],
      ['node drain n1 --reason x --state MAINTENENCE', 9, /did you mean 'MAINTENANCE'/],
      ['node drain n1 --reason x --from 10m', 9, /a time that is over/],
      ['node drain n1 --reason x --from soon', 9, /--from\n.*in so long/],
      ['node reboot-expected n1', 8, /--within/],
      ['node reboot-expected n1 --within 8d', 9, /7 days/],
      ['node update n1 --state 1', 9, /IN_SERVICE/],
      ['node windows --cancel x', 9, /--cancel/],
      ['cluster state --state UP', 9, /SOFT_FAILURE/],
      ['aggregator drain agg-A', 8, /reason/],
      ["aggregator drain 'agg-[A-B]' --reason x", 9, /not a node name/],
      ['aggregator drain agg-A --reason x --rate 0', 9, /--rate/],
      ['node delete', 8, /nodeset/],
    ] as const) {
      const ended = await run(line);
      expect(ended.exit, line).to.equal(exit);
      expect(ended.err, line).to.match(words);
    }
    expect(tree.calls).to.deep.equal([]);
  });

  it('tells partial failures with the exit codes of CSM', async () => {
    const failed = [{ nodes: 'x1', code: 46, text: 'not known' }];
    answers('node.update', { nodes: 'n1,x1', updated: 1, failed });
    const update = await run('node update n1,x1 --state IN_SERVICE');
    expect(update.exit).to.equal(27);
    expect(update.out).to.equal('n1,x1 (2): 1 node changed\n');
    expect(update.err).to.contain('Could not update 1 of the 2 record(s):\n  x1 (1): UNKNOWN_NODES: not known');
    answers('node.delete', { nodes: 'n1,x1', deleted: 1, failed });
    const gone = await run('node delete n1,x1');
    expect([gone.exit, gone.err]).to.deep.include(26);
    expect(gone.err).to.contain('Could not delete 1 of the 2 record(s):');
    answers('node.drain', { nodes: 'x1', updated: 0, failed, window: null });
    expect((await run('node drain x1 --reason r -o json')).exit).to.equal(27);
  });

  it('begins a node with its state, since when, why, and what comes next', async () => {
    const next = { text: 'it becomes SOFT_FAILURE unless contact is back (silence)', at: '2026-10-17T10:00:40.000Z' };
    answers('node.show', {
      ...shown(NODES[0]),
      state: 'IN_SERVICE',
      state_since: '2026-10-10T00:00:00.000Z',
      state_cause: 'user',
      state_by: 'root',
      state_reason: 'fan replaced',
      next,
    });
    const [first] = (await run('node show n001')).out.split('\n');
    expect(first).to.equal(
      'n001 is IN_SERVICE since 2026-10-10T00:00:00.000Z (by root: fan replaced); next: it becomes SOFT_FAILURE unless contact is back (silence) at 2026-10-17T10:00:40.000Z (in 40 s)',
    );
    answers('node.show', {
      ...shown(NODES[0]),
      state: 'SOFT_FAILURE',
      state_since: '2026-10-10T00:00:00.000Z',
      state_cause: 'contact',
      state_reason: 'contact lost: silent',
      next: { text: 'nothing', at: null },
    });
    expect((await run('node show n001')).out).to.match(
      /^n001 is SOFT_FAILURE since 2026-10-10T00:00:00.000Z \(contact lost: silent\); next: nothing\n/,
    );
  });

  it('shows history, windows, counts and availability', async () => {
    expect((await run('node states')).out).to.equal(text`
      TIME                      NODE  FROM            STATE        CAUSE   BY    UNTIL                     REASON
      2026-10-17T08:00:00.000Z  n001  IN_SERVICE      MAINTENANCE  window  root  2026-10-17T12:00:00.000Z  firmware
      2026-10-17T09:00:00.000Z  n003  OUT_OF_SERVICE  deleted      user    root  -                         -
    `);
    expect((await run('node windows')).out).to.equal(text`
      ID  PHASE  STATE        FROM                      UNTIL                     BY    NODES           REASON
       3  open   MAINTENANCE  2026-10-17T08:00:00.000Z  2026-10-17T12:00:00.000Z  root  n[001-002] (2)  firmware
    `);
    expect((await run('node windows --cancel 3')).out).to.equal('window 3 is cancelled; 2 nodes went back\n');
    expect((await run('cluster state')).out).to.equal(text`
      STATE         TYPE     COUNT  READY  NEWEST  NODES
      IN_SERVICE    compute      2  y      2 h     n[001-002]
      SOFT_FAILURE  compute      1  n      5 min   n003
    `);
    expect((await run('node availability')).out).to.equal(text`
      n[001-003] (3): 2 failures, MTBF 1050 h, MTTR 30 h; 2026-09-17T10:00:00.000Z to 2026-10-17T10:00:00.000Z
        IN_SERVICE         97.222 %           2100 h
        SOFT_FAILURE        2.778 %             60 h
    `);
    for (const line of ['node states', 'node windows', 'cluster state', 'node availability'])
      for (const format of ['json', 'yaml', 'csv']) expect((await run(`${line} -o ${format}`)).exit, line).to.equal(0);
  });

  it('asks before many nodes go back from a window, and rehearses that', async () => {
    const [window] = WINDOWS;
    answers('node.windows', [{ ...window, nodes: 'n[01-40]', count: 40 }]);
    const called = () => tree.calls.splice(0).map(({ name }) => name);
    const cancel = 'node windows --cancel 3';
    expect(await run(cancel)).to.include({ exit: 8, out: '' });
    expect(called()).to.deep.equal(['node.windows']);
    expect((await run(cancel, { canAsk: true, stdin: 'n\n' })).err).to.contain('40 nodes would change: n[01-40]');
    expect(called()).to.deep.equal(['node.windows']);
    expect((await run(`${cancel} --yes`)).exit).to.equal(0);
    expect(called()).to.deep.equal(['node.windows', 'node.cancel-window']);
    expect((await run(`${cancel} --dry-run`)).out).to.match(/node.cancel-window would be asked .*\n {2}id: 3\n/);
    expect(called()).to.deep.equal(['node.windows']);
    // One that waits moves nobody; of one that is not listed the daemon tells.
    answers('node.windows', [{ ...window, phase: 'waiting', nodes: 'n[01-40]', count: 40 }]);
    expect((await run(cancel)).exit).to.equal(0);
    tree.handlers['node.windows'] = async () => fail(4, 'no window waits or is open');
    expect((await run(cancel)).exit).to.equal(0);
    tree.calls.length = 0;
    const both = await run('node windows n1 --cancel 3');
    expect([both.exit, called()]).to.deep.equal([9, []]);
    expect(both.err).to.contain('cancelled for all of its nodes');
  });

  it('tells how many were so before', async () => {
    answers('node.update', { nodes: 'n[1-3],x1', updated: 1, failed: [{ nodes: 'x1', code: 46, text: 'not known' }] });
    const { out } = await run("node update 'n[1-3],x1' --state IN_SERVICE");
    expect(out).to.equal('n[1-3],x1 (4): 1 node changed, 2 as before\n');
  });

  it('tells changes of states in words', async () => {
    const lines = [
      [
        { from: 'IN_SERVICE', to: 'SOFT_FAILURE', cause: 'contact', reason: 'contact lost: silent', by: null },
        'n1',
        'IN_SERVICE → SOFT_FAILURE: contact lost: silent',
      ],
      [
        { from: 'MAINTENANCE', to: null, cause: 'user', reason: null, by: 'root' },
        'n1',
        'MAINTENANCE → deleted: user (by root)',
      ],
      [
        { window: 3, event: 'made', state: 'MAINTENANCE', from: 1, until: null },
        '*',
        'window=3 event=made state=MAINTENANCE from=1 until=null',
      ],
    ] as const;
    for (const [body, subject, words] of lines) {
      tree.handlers['node.watch'] = async (_input, ctx) => {
        await ctx.emit({ seq: 1, time: '2026-10-17T09:00:00.000Z', kind: 'node', subject, body } as never);
        return fail(37, 'no more');
      };
      expect((await run('node watch --since 0')).out).to.equal(
        `1  2026-10-17T09:00:00.000Z  node       ${subject}  ${words}\n`,
      );
    }
  });

  it('drains an aggregator, and tells what could not be told', async () => {
    expect((await run("aggregator drain agg-A --reason 'new memory'")).out).to.equal(
      'agg-A is drained; 2 nodes served there now\n',
    );
    answers('aggregator.undrain', { node: 'agg-A', changed: false, drained: null, problem: 'it is away', serves: 0 });
    const { out, err } = await run('aggregator undrain agg-A');
    expect(out).to.equal('agg-A is already drained no longer; 0 nodes served there now\n');
    expect(err).to.contain('it is away');
  });
});
