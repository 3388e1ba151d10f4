/** Nodes of the cluster by what their links say: the rows of `change` that the tree writes, and the roster behind them. */
import { memoryLog } from '@csm/kit';
import type { DaemonId } from '@csm/model';
import { openMemoryStore, type Store, type Tx } from '@csm/store';
import { expect } from 'chai';
import { CsmNodes, type LinkedDaemon } from '../src/csm-nodes.ts';
import { Tracker } from '../src/tracker/index.ts';
import { until } from './hand-time.ts';
import { StepTime } from './service-world.ts';

/** Writes rows as the tree does. */
const tree = {
  name: 'tree',
  migrations: [],
  procedures: {
    tell: async (tx: Tx, { kind, subject, body }: { kind: string; subject: string; body: object }) =>
      tx.change(kind, subject, body),
  },
};

describe('nodes of the cluster', () => {
  let store: Store;
  let time: StepTime;
  let tracker: Tracker;
  let nodes: CsmNodes;
  let forgotten: string[];
  let daemons: Map<string, LinkedDaemon>;
  let isSettled = false;

  beforeEach(async () => {
    store = await openMemoryStore({ modules: [tree] });
    time = new StepTime();
    tracker = new Tracker();
    forgotten = [];
    daemons = new Map();
    isSettled = false;
  });
  afterEach(async () => {
    await nodes.stop();
    await store.close();
  });

  function begin(): void {
    nodes = new CsmNodes({
      store,
      tracker,
      time,
      log: memoryLog(),
      roster: () =>
        isSettled ? { daemon: (id: DaemonId) => daemons.get(id), daemons: () => daemons.values() } : undefined,
      nudge: () => undefined,
      forget: async (name) => {
        forgotten.push(name);
        tracker.forget(name, time.now());
      },
    });
  }
  const set = (id: DaemonId, told: number) => daemons.set(id, { node: id.slice(id.indexOf('/') + 1), told });
  const link = (event: string, names: string, planned = false) =>
    store.call('tree.tell', { kind: 'link', subject: '*', body: { event, nodes: names, planned, count: 1 } });
  const lives = (...names: string[]) => names.map((name) => tracker.find(name)?.life);
  const become = (name: string, life: string) =>
    until(
      `${name} is ${life}`,
      () => tracker.find(name)?.life === life,
      20_000,
      () => String(lives(name)),
    );
  const kinds = (name: string) =>
    tracker
      .takeChanges(1_000)
      .filter((change) => change.name === name)
      .map(({ kind }) => kind);

  /** Rows begin to count when somebody follows them. */
  async function follows(): Promise<void> {
    await until('it follows', () => store.changes.followStats().followers === 1);
  }

  it('are taken from the roster when the tree has settled', async () => {
    set('compute/n1', 2);
    set('compute/n2', 0);
    begin();
    await time.advance(2_000);
    expect(tracker.size).to.equal(0);
    isSettled = true;
    await time.advance(1_000);
    expect(lives('n1', 'n2')).to.deep.equal(['beating', undefined]);
  });

  it('are up, lost, and gone in peace, as their links say', async () => {
    isSettled = true;
    for (const node of ['n1', 'n2', 'n3']) set(`compute/${node}`, 2);
    begin();
    await follows();
    expect(lives('n1', 'n2', 'n3')).to.deep.equal(['beating', 'beating', 'beating']);
    set('compute/n1', 0);
    await link('down', 'n1');
    set('compute/n2', 0);
    await link('down', 'n2', true);
    await link('lost_redundancy', 'n3');
    await become('n1', 'dead');
    await become('n2', 'left');
    expect(lives('n3')).to.deep.equal(['beating']);
    set('compute/n1', 1);
    set('compute/n2', 1);
    await link('up', 'n[1-2]');
    await become('n1', 'beating');
    await become('n2', 'beating');
    expect(kinds('n1')).to.deep.equal(['started', 'dead', 'started']);
  });

  it('have no deadlines', async () => {
    isSettled = true;
    set('compute/n1', 1);
    begin();
    await time.advance(1_000);
    await time.advance(86_400_000);
    tracker.advance(time.now(), 1_000);
    expect(lives('n1')).to.deep.equal(['beating']);
  });

  it('are judged by the daemon that stands for them', async () => {
    isSettled = true;
    set('compute/n1', 1);
    set('utility/n1', 1);
    begin();
    await follows();
    set('utility/n1', 0);
    await link('down', 'n1');
    set('compute/n2', 1);
    await link('up', 'n2');
    await become('n2', 'beating');
    expect(lives('n1')).to.deep.equal(['beating']);
  });

  it('are told to have restarted when they booted, and forgotten when they were deleted', async () => {
    isSettled = true;
    set('compute/n1', 1);
    set('compute/n2', 1);
    begin();
    await follows();
    await store.call('tree.tell', { kind: 'node', subject: 'n1', body: { event: 'rebooted', expected: true } });
    await store.call('tree.tell', { kind: 'node', subject: 'n2', body: { from: 'IN_SERVICE', to: null } });
    await until('n2 is forgotten', () => tracker.find('n2') === undefined);
    expect(forgotten).to.deep.equal(['n2']);
    expect(kinds('n1')).to.deep.equal(['started', 'restarted']);
  });

  it('that were deleted while nobody led are forgotten', async () => {
    tracker.verdict('gone', 'up', time.now());
    tracker.beat('x0c0s0b0n0', 'now', 'OK', time.now());
    set('compute/n1', 1);
    isSettled = true;
    begin();
    await until('it is forgotten', () => forgotten.length > 0);
    expect(forgotten).to.deep.equal(['gone']);
    expect(tracker.size).to.equal(2);
  });

  it('are believed by their rows while the roster cannot be asked', async () => {
    begin();
    await follows();
    await link('up', 'n[1-3]');
    await become('n3', 'beating');
    await link('down', 'n3');
    await become('n3', 'dead');
    expect(lives('n1', 'n2')).to.deep.equal(['beating', 'beating']);
  });
});
