/** The heap of deadlines at work: a real database and timers, a roster that tests set. */
import type { MasterPorts } from '@csm/feature';
import { mono, wall } from '@csm/model';
import { expect } from 'chai';
import { Deadlines } from '../../src/deadlines.ts';
import { SPANS, States } from './cluster.ts';

/** For what hangs. */
const DEADLINE_MS = 20_000;
const OPTIONS = { ...SPANS, heal: true, unexpectedReboot: 'soft_failure', interval: 60_000 };

describe('deadlines of nodes', () => {
  let nodes: States;
  let deadlines: Deadlines | undefined;
  let settling: boolean;
  let linked: Set<string>;
  let ahead: number;
  const faults: string[] = [];

  beforeEach(async () => {
    nodes = await States.open();
    settling = false;
    ahead = 0;
    linked = new Set(['n1', 'n2']);
    faults.length = 0;
    await nodes.meet(['n1', 'n2']);
    await nodes.move(['n1', 'n2'], 'IN_SERVICE', null);
  });
  afterEach(async () => {
    await deadlines?.stop();
    deadlines = undefined;
    await nodes.store.close();
    expect(faults).to.deep.equal([]);
  });

  function begin(more: Partial<typeof OPTIONS> = {}): void {
    const fault = (text: string) => faults.push(text);
    const daemon = (id: string) => ({ links: { size: linked.has(id.split('/')[1] ?? '') ? 1 : 0 } });
    const ports = {
      store: nodes.store,
      clock: { now: () => ({ mono: mono(performance.now() + ahead), wall: wall(nodes.now) }) },
      log: { error: fault, warn: fault, info: () => undefined, debug: () => undefined },
      tree: () => ({ core: { roster: { settling, daemon } } }),
    } as unknown as MasterPorts;
    deadlines = new Deadlines(ports, { ...OPTIONS, ...more });
  }

  async function until(node: string, state: string): Promise<void> {
    const end = performance.now() + DEADLINE_MS;
    for (;;) {
      const seen = await nodes.stateOf(node);
      if (seen === state) return;
      expect(performance.now(), `${node} is ${seen}, not ${state}`).to.be.below(end);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  const lose = async (...names: string[]) => {
    for (const name of names) linked.delete(name);
    await nodes.tell('down', names);
  };

  it('are kept without anybody asking: lost, back, and windows', async () => {
    begin();
    await lose('n1');
    nodes.pass(60);
    // What makes a deadline nearer wakes the heap; time alone is the test's own here.
    await nodes.store.call('node.openWindow', {
      nodes: ['n2'],
      state: 'MAINTENANCE',
      reason: 'w',
      by: 'root',
      until: nodes.now + 10_000,
    });
    await until('n1', 'SOFT_FAILURE');
    expect(await nodes.stateOf('n2')).to.equal('MAINTENANCE');
    linked.add('n1');
    await nodes.tell('up', ['n1']);
    nodes.pass(30);
    await nodes.tell('lost_redundancy', ['n2']);
    await until('n1', 'IN_SERVICE');
    await until('n2', 'IN_SERVICE');
  });

  it('that passed while nobody led are carried out at the start', async () => {
    await lose('n1');
    await nodes.store.call('node.openWindow', {
      nodes: ['n2'],
      state: 'MAINTENANCE',
      reason: 'w',
      by: 'root',
      until: nodes.now + 10_000,
    });
    nodes.pass(999);
    begin();
    await until('n1', 'SOFT_FAILURE');
    await until('n2', 'IN_SERVICE');
  });

  it('are there for nodes whose aggregator stays away', async () => {
    linked.delete('n1');
    await nodes.tell('down', ['n1'], { within: { 'agg-A': ['compute/n1'] } });
    begin();
    await lose('n2');
    nodes.pass(899);
    await nodes.tell('lost_redundancy', ['n2']);
    await until('n2', 'SOFT_FAILURE');
    expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
    nodes.pass(1);
    await nodes.tell('lost_redundancy', ['n2']);
    await until('n1', 'SOFT_FAILURE');
    expect(await nodes.store.query("SELECT what, hub FROM node_contact WHERE node_name = 'n1'")).to.deep.equal([
      { what: 'absent', hub: null },
    ]);
  });

  it('judge nobody while the master is settling, nor whom the roster has', async () => {
    await lose('n1', 'n2');
    nodes.pass(999);
    settling = true;
    begin();
    await nodes.store.call('node.openWindow', {
      nodes: ['n1'],
      state: 'MAINTENANCE',
      reason: 'w',
      by: 'r',
      until: nodes.now + 1,
    });
    nodes.pass(1);
    // The window shows that a turn has been made.
    await until('n1', 'IN_SERVICE');
    expect(await nodes.states()).to.deep.equal({ n1: 'IN_SERVICE', n2: 'IN_SERVICE' });
    linked.add('n1');
    nodes.pass(999);
    settling = false;
    await until('n2', 'SOFT_FAILURE');
    expect(await nodes.stateOf('n1')).to.equal('IN_SERVICE');
    expect(await nodes.store.query("SELECT node_name FROM node_contact WHERE what = 'lost'")).to.deep.equal([]);
  });

  it('heal nobody where that is off', async () => {
    await lose('n1');
    nodes.pass(60);
    await nodes.judge();
    linked.add('n1');
    await nodes.tell('up', ['n1']);
    await lose('n2');
    nodes.pass(999);
    begin({ heal: false });
    await until('n2', 'SOFT_FAILURE');
    expect(await nodes.stateOf('n1')).to.equal('SOFT_FAILURE');
  });

  it('wait a while when this process was asleep itself', async () => {
    begin({ interval: 500 });
    await until('n1', 'IN_SERVICE');
    await lose('n1');
    // The timer that is set now fires ten seconds late, by the clock.
    await new Promise((resolve) => setTimeout(resolve, 1));
    ahead = 10_000;
    nodes.pass(60);
    const began = performance.now();
    await until('n1', 'SOFT_FAILURE');
    expect(performance.now() - began).to.be.above(500);
  });

  it('bring the setting about reboots to the procedures', async () => {
    begin();
    await lose('n1');
    nodes.pass(60);
    await until('n1', 'SOFT_FAILURE');
    expect(await nodes.store.query('SELECT name, value FROM node_rule')).to.deep.equal([
      { name: 'unexpected_reboot', value: 'soft_failure' },
    ]);
  });
});
