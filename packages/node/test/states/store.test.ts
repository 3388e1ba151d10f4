import { overEngines } from '@csm/sim';
import { expect } from 'chai';
import { SPANS, START, States } from './cluster.ts';

overEngines('states of nodes in the database', (bench) => {
  let nodes: States;
  beforeEach(async () => {
    nodes = await States.open(bench);
    await nodes.meet(['n1', 'n2', 'n3']);
    await nodes.move(['n1', 'n2'], 'IN_SERVICE', null);
  });
  afterEach(() => nodes.store.close());

  const window = (more: object = {}) =>
    nodes.store.call<{ window: number }>('node.openWindow', {
      nodes: ['n1', 'n2'],
      state: 'MAINTENANCE',
      reason: 'firmware',
      by: 'root',
      ...more,
    });

  it('are kept with a row for each move, and told to followers', async () => {
    await nodes.move(['n1'], 'OUT_OF_SERVICE', 'fan');
    expect(await nodes.told('n1')).to.deep.equal([
      '- → DISCOVERED inventory',
      'DISCOVERED → IN_SERVICE user',
      'IN_SERVICE → OUT_OF_SERVICE user',
    ]);
    const changes = await nodes.store.changes.since(0, 100, { kinds: ['node'], subjects: ['n1'] });
    expect(changes.at(-1)?.body).to.deep.equal({
      from: 'IN_SERVICE',
      to: 'OUT_OF_SERVICE',
      cause: 'user',
      reason: 'fan',
      by: 'root',
    });
    expect(
      await nodes.store.query('SELECT state_since, state_cause, state_by FROM node WHERE node_name = $1', ['n1']),
    ).to.deep.equal([{ state_since: START, state_cause: 'user', state_by: 'root' }]);
  });

  it('are changed where that is allowed, and the rest is told by reason', async () => {
    await nodes.tell('down', ['n3']);
    nodes.pass(60);
    await nodes.judge();
    const { updated, failed } = await nodes.move(['n1', 'n2', 'n3', 'n9'], 'DISCOVERED');
    expect(updated).to.equal(0);
    expect(failed).to.deep.equal([
      {
        nodes: 'n[1-2]',
        code: 43,
        text: 'IN_SERVICE → DISCOVERED is not allowed; from IN_SERVICE: ADMIN_RESERVED, MAINTENANCE, OUT_OF_SERVICE',
      },
      {
        nodes: 'n3',
        code: 43,
        text: 'SOFT_FAILURE → DISCOVERED is not allowed; from SOFT_FAILURE: IN_SERVICE, OUT_OF_SERVICE, ADMIN_RESERVED, MAINTENANCE',
      },
      { nodes: 'n9', code: 46, text: 'not known' },
    ]);
    const again = await nodes.move(['n1', 'n9'], 'MAINTENANCE');
    expect(again).to.deep.equal({ updated: 1, failed: [{ nodes: 'n9', code: 46, text: 'not known' }] });
    expect(await nodes.move(['n1'], 'MAINTENANCE')).to.deep.equal({ updated: 0, failed: [] });
  });

  it('change with lost contact, and back; facts alone wait for the deadline', async () => {
    await nodes.tell('down', ['n1', 'n2', 'n3']);
    await nodes.judge();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'IN_SERVICE', n3: 'DISCOVERED' });
    await nodes.tell('up', ['n2']);
    nodes.pass(60);
    await nodes.judge();
    expect(await nodes.states()).to.deep.equal({ n1: 'SOFT_FAILURE', n2: 'IN_SERVICE', n3: 'SOFT_FAILURE' });
    await nodes.tell('up', ['n1', 'n3']);
    nodes.pass(30);
    await nodes.judge();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'IN_SERVICE', n3: 'DISCOVERED' });
    expect((await nodes.told('n3')).slice(1)).to.deep.equal([
      'DISCOVERED → SOFT_FAILURE contact',
      'SOFT_FAILURE → DISCOVERED contact',
    ]);
    expect(await nodes.store.query('SELECT * FROM node_contact')).to.deep.equal([]);
  });

  it('do not change with a planned stop, an aggregator that is away, or a daemon that is not the main one', async () => {
    await nodes.tell('down', ['n1'], { planned: true });
    await nodes.tell('down', ['n2'], { within: { 'agg-A': ['compute/n2'] } });
    await nodes.tell('down', ['n3'], {}, 'utility');
    nodes.pass(899);
    await nodes.judge();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'IN_SERVICE', n3: 'DISCOVERED' });
    await nodes.hubBack('agg-A');
    nodes.pass(59);
    await nodes.judge();
    expect(await nodes.stateOf('n2')).to.equal('IN_SERVICE');
    nodes.pass(1);
    await nodes.judge();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'SOFT_FAILURE', n3: 'DISCOVERED' });
  });

  it('of an aggregator follow its own contact; those of a master are not judged', async () => {
    await nodes.meet(['agg-A'], 'aggregator');
    await nodes.meet(['m1'], 'master');
    await nodes.tell('down', ['agg-A'], { within: { 'agg-A': ['aggregator/agg-A'] } }, 'aggregator');
    await nodes.tell('down', ['m1'], {}, 'master');
    nodes.pass(60);
    await nodes.judge();
    expect(await nodes.states()).to.include({ 'agg-A': 'SOFT_FAILURE', m1: 'DISCOVERED' });
  });

  it('are corrected by the roster where a telling never came', async () => {
    await nodes.tell('down', ['n1']);
    nodes.pass(60);
    await nodes.store.call('node.judge', { ...SPANS, nodes: [], linked: ['n1'], lost: [] });
    await nodes.judge();
    expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
  });

  it('go into a window and out of it, each node back to where it was', async () => {
    await nodes.move(['n2'], 'ADMIN_RESERVED', 'mine');
    const { window: id } = await window({ nodes: ['n1', 'n2', 'n3'], from: START + 60_000, until: START + 120_000 });
    await nodes.turnWindows();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'ADMIN_RESERVED', n3: 'DISCOVERED' });
    nodes.pass(60);
    await nodes.turnWindows();
    expect(await nodes.states()).to.deep.equal({ n1: 'MAINTENANCE', n2: 'MAINTENANCE', n3: 'MAINTENANCE' });
    nodes.pass(60);
    await nodes.turnWindows();
    await nodes.turnWindows();
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'ADMIN_RESERVED', n3: 'DISCOVERED' });
    expect((await nodes.told('n3')).slice(1)).to.deep.equal([
      'DISCOVERED → MAINTENANCE window',
      'MAINTENANCE → DISCOVERED window',
    ]);
    expect(await nodes.store.query('SELECT id, phase FROM node_window')).to.deep.equal([{ id, phase: 'ended' }]);
  });

  it('are an admin’s again whom he moves during a window', async () => {
    await window({ until: START + 60_000 });
    await nodes.move(['n1'], 'OUT_OF_SERVICE', 'broken');
    await nodes.move(['n2'], 'IN_SERVICE');
    nodes.pass(60);
    await nodes.turnWindows();
    expect(await nodes.states()).to.include({ n1: 'OUT_OF_SERVICE', n2: 'IN_SERVICE' });
  });

  it('are his too whom he drains to where a window holds them', async () => {
    await window({ until: START + 60_000 });
    expect(await nodes.move(['n1'], 'MAINTENANCE', 'fan 3')).to.deep.equal({ updated: 1, failed: [] });
    expect(await nodes.move(['n1'], 'MAINTENANCE', 'fan 3')).to.deep.equal({ updated: 0, failed: [] });
    nodes.pass(60);
    await nodes.turnWindows();
    expect(await nodes.states()).to.include({ n1: 'MAINTENANCE', n2: 'IN_SERVICE' });
    expect((await nodes.told('n1')).at(-1)).to.equal('MAINTENANCE → MAINTENANCE user');
  });

  it('of nodes in two windows stay until both are over', async () => {
    await window({ until: START + 60_000 });
    nodes.pass(10);
    await window({ nodes: ['n1'], state: 'OUT_OF_SERVICE', until: START + 30_000, reason: 'cable' });
    expect(await nodes.states()).to.include({ n1: 'OUT_OF_SERVICE', n2: 'MAINTENANCE' });
    nodes.pass(20);
    await nodes.turnWindows();
    expect(await nodes.states()).to.include({ n1: 'MAINTENANCE', n2: 'MAINTENANCE' });
    nodes.pass(30);
    await nodes.turnWindows();
    expect(await nodes.states()).to.include({ n1: 'IN_SERVICE', n2: 'IN_SERVICE' });
  });

  it('leave a window that nobody was there to begin as they were', async () => {
    await window({ from: START + 10_000, until: START + 20_000 });
    nodes.pass(30);
    await nodes.turnWindows();
    expect(await nodes.states()).to.include({ n1: 'IN_SERVICE', n2: 'IN_SERVICE' });
    expect(await nodes.store.query('SELECT phase FROM node_window')).to.deep.equal([{ phase: 'ended' }]);
  });

  it('do not fail by lost contact during a window, and are judged after it', async () => {
    await window({ until: START + 600_000 });
    await nodes.tell('down', ['n1']);
    nodes.pass(300);
    await nodes.judge();
    expect(await nodes.stateOf('n1')).to.equal('MAINTENANCE');
    nodes.pass(300);
    await nodes.turnWindows();
    expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
    nodes.pass(59);
    await nodes.judge();
    expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
    nodes.pass(1);
    await nodes.judge();
    expect(await nodes.stateOf('n1')).to.equal('SOFT_FAILURE');
  });

  it('go back when a window is cancelled, once', async () => {
    const { window: id } = await window();
    const cancel = () => nodes.store.call('node.cancelWindow', { id, by: 'root' });
    expect(await cancel()).to.deep.equal({ window: id, updated: 2 });
    expect(await nodes.states()).to.include({ n1: 'IN_SERVICE', n2: 'IN_SERVICE' });
    const again = await cancel().catch((error: unknown) => error);
    expect(again).to.deep.include({ code: 44 });
    const none = await nodes.store.call('node.cancelWindow', { id: 99, by: 'root' }).catch((error: unknown) => error);
    expect(none).to.deep.include({ code: 4 });
  });

  it('refuse a window that begins in the past or ends before it begins', async () => {
    const refused = async (more: object) =>
      (await window(more).catch((error: unknown) => error)) as { problem: object };
    expect((await refused({ from: START - 60_001 })).problem).to.include({ code: 9, field: 'from' });
    expect((await refused({ until: START })).problem).to.include({ code: 9, field: 'until' });
    expect((await refused({ from: START + 9, until: START + 9 })).problem).to.include({ code: 9, field: 'until' });
    expect(await nodes.store.query('SELECT id FROM node_window')).to.deep.equal([]);
    // What somebody's clock, or the way of his call, puts a little into the past begins now.
    await window({ from: START - 60_000, until: START + 1 });
    expect(await nodes.store.query('SELECT phase, begin_at FROM node_window')).to.deep.equal([
      { phase: 'open', begin_at: START },
    ]);
  });

  it('of a deleted node are gone but for their history; it comes back DISCOVERED', async () => {
    await window({ from: START + 60_000 });
    const gone = { nodes: ['n1', 'n9'], by: 'root' };
    expect(await nodes.store.call('node.remove', gone)).to.deep.equal({
      deleted: 1,
      failed: [{ nodes: 'n9', code: 46, text: 'not known' }],
    });
    expect(await nodes.states()).to.deep.equal({ n2: 'IN_SERVICE', n3: 'DISCOVERED' });
    for (const table of ['daemon', 'node_contact', 'node_window_node'])
      expect(await nodes.store.query(`SELECT node_name FROM ${table} WHERE node_name = 'n1'`), table).to.deep.equal([]);
    await nodes.meet(['n1']);
    expect(await nodes.told('n1')).to.deep.equal([
      '- → DISCOVERED inventory',
      'DISCOVERED → IN_SERVICE user',
      'IN_SERVICE → - user',
      '- → DISCOVERED inventory',
    ]);
  });

  describe('and reboots', () => {
    const boot = (bootId: string, first: number) =>
      nodes.store.call('store.commitReports', {
        batches: [
          {
            daemon: 'compute/n1',
            incarnation: 'i',
            first,
            items: [
              { kind: 'node.inventory', time: nodes.now, body: { hash: `h${first}`, document: { boot_id: bootId } } },
            ],
          },
        ],
      });
    const reboots = async () =>
      (await nodes.store.changes.since(0, 1000, { kinds: ['node'] }))
        .map(({ body }) => body as { event?: string; expected?: boolean })
        .filter(({ event }) => event === 'rebooted')
        .map(({ expected }) => expected);

    it('are told as expected within their announcement, once, and else as not', async () => {
      await boot('a', 1);
      expect(await reboots()).to.deep.equal([]);
      await nodes.store.call('node.expectReboot', { nodes: ['n1'], within: 60_000, reason: 'kernel', by: 'root' });
      await boot('b', 2);
      await boot('c', 3);
      await nodes.store.call('node.expectReboot', { nodes: ['n1'], within: 60_000, reason: 'kernel', by: 'root' });
      nodes.pass(61);
      await boot('d', 4);
      expect(await reboots()).to.deep.equal([true, false, false]);
      expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
    });

    it('make a failure where the settings say so, which contact does not heal', async () => {
      await nodes.store.call('node.rules', { unexpected_reboot: 'soft_failure' });
      await boot('a', 1);
      await boot('b', 2);
      expect((await nodes.told('n1')).at(-1)).to.equal('IN_SERVICE → SOFT_FAILURE event');
      await nodes.tell('down', ['n1']);
      await nodes.tell('up', ['n1']);
      nodes.pass(999);
      await nodes.judge();
      expect(await nodes.stateOf('n1')).to.equal('SOFT_FAILURE');
    });

    it('put off the judgement of lost contact until they are expected no longer', async () => {
      await nodes.store.call('node.expectReboot', { nodes: ['n1'], within: 600_000, reason: null, by: 'root' });
      await nodes.tell('down', ['n1']);
      nodes.pass(100);
      await nodes.judge();
      nodes.pass(499);
      await nodes.judge();
      expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
      nodes.pass(1);
      await nodes.judge();
      expect(await nodes.stateOf('n1')).to.equal('SOFT_FAILURE');
    });
  });

  it('are pruned by age, but for the newest row of a node that is known', async () => {
    nodes.pass(100);
    await nodes.move(['n1'], 'MAINTENANCE');
    await nodes.store.call('node.remove', { nodes: ['n2'], by: 'root' });
    const { window: id } = await window({ nodes: ['n3'] });
    await nodes.store.call('node.cancelWindow', { id, by: 'root' });
    nodes.pass(100);
    while ((await nodes.store.call<{ more: boolean }>('node.prune', { olderThan: 0, states: nodes.now })).more);
    expect((await nodes.history()).map(({ node_name, to_state }) => [node_name, to_state])).to.deep.equal([
      ['n1', 'MAINTENANCE'],
      ['n3', 'DISCOVERED'],
    ]);
    expect(await nodes.store.query('SELECT id FROM node_window')).to.deep.equal([]);
    expect(await nodes.store.query('SELECT window_id FROM node_window_node')).to.deep.equal([]);
  });
});
