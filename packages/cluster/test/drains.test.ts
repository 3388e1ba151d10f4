import type { MasterPorts } from '@csm/feature';
import { wall } from '@csm/model';
import type { ResultPart } from '@csm/protocol';
import { openMemoryStore, type Store } from '@csm/store';
import type { Order } from '@csm/tree';
import { expect } from 'chai';
import { Drains } from '../src/drains.ts';
import * as clusterStore from '../src/store.ts';

/** For what hangs. */
const DEADLINE_MS = 20_000;

describe('aggregators that are drained', () => {
  let store: Store;
  let drains: Drains;
  /** Linked aggregators and their sessions. */
  let sessions: Map<string, string>;
  let answer: ResultPart | undefined;
  const orders: string[] = [];
  const faults: string[] = [];

  beforeEach(async () => {
    store = await openMemoryStore({ modules: [clusterStore], clock: () => wall(1_800_000_000_000) });
    sessions = new Map([
      ['agg-A', 's1'],
      ['agg-B', 's1'],
    ]);
    answer = { nodes: 'agg-A', code: 0, text: 'drained' };
    orders.length = 0;
    faults.length = 0;
    const fault = (text: string) => faults.push(text);
    const view = (hub: string) => {
      const session = sessions.get(hub);
      return { hub, session, link: session === undefined ? undefined : 1 };
    };
    const roster = {
      hub: (hub: string) => view(hub),
      hubs: () => ['m1', 'agg-A', 'agg-B'].map(view),
      daemon: (id: string) => (/^aggregator\/agg-[AB]$/.test(id) ? {} : undefined),
      daemons: () => ['agg-A', 'agg-B'].map((node) => ({ role: 'aggregator', node })),
    };
    const order = async ({ nodes, command, input, role }: Order, parts: (more: readonly ResultPart[]) => void) => {
      orders.push(`${role}/${nodes.toString()} ${command} ${JSON.stringify(input)}`);
      if (answer !== undefined) parts([answer]);
    };
    const ports = { store, tree: () => ({ core: { roster }, order }), log: { warn: fault, error: fault } };
    drains = new Drains(ports as unknown as MasterPorts);
  });
  afterEach(async () => {
    await drains.stop();
    await store.close();
    expect(faults).to.deep.equal([]);
  });

  const drain = (hub: string, perSecond: number | null) =>
    store.call<{ changed: boolean }>('cluster.drain', { hub, perSecond, reason: 'r', by: 'root' });
  const refused = (checked: Promise<void>) =>
    checked.then(
      () => undefined,
      (error: { code: number }) => error.code,
    );

  it('are told once a session, and again when they link anew', async () => {
    expect((await drain('agg-A', 50)).changed).to.equal(true);
    await drains.tell();
    await drains.tell();
    expect(orders).to.deep.equal(['aggregator/agg-A drain {"per_second":50}']);
    sessions.set('agg-A', 's2');
    await drains.tell();
    expect(orders).to.have.length(2);
    expect((await drain('agg-A', 50)).changed).to.equal(false);
  });

  it('are told by themselves after a commit, and by the next master', async () => {
    await drain('agg-A', 50);
    const end = performance.now() + DEADLINE_MS;
    while (orders.length === 0) {
      expect(performance.now(), 'it is told').to.be.below(end);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  });

  it('that are away are told when they are back', async () => {
    sessions.delete('agg-A');
    await drain('agg-A', 50);
    await drains.tell();
    expect(orders).to.deep.equal([]);
    sessions.set('agg-A', 's2');
    await drains.tell();
    expect(orders).to.deep.equal(['aggregator/agg-A drain {"per_second":50}']);
  });

  it('are told again until they answer; what is wrong is told', async () => {
    await drain('agg-A', 50);
    answer = undefined;
    await drains.tell();
    expect(drains.failure('agg-A')).to.equal('it gave no answer');
    answer = { nodes: 'agg-A', code: 44, text: 'compute/agg-A is no aggregator' };
    await drains.tell();
    expect(drains.failure('agg-A')).to.equal('compute/agg-A is no aggregator');
    answer = { nodes: 'agg-A', code: 0, text: 'drained' };
    await drains.tell();
    expect([orders.length, drains.failure('agg-A')]).to.deep.equal([3, undefined]);
  });

  it('are forgotten when they know that they are drained no longer', async () => {
    await drain('agg-A', 50);
    await drains.tell();
    expect((await drain('agg-A', null)).changed).to.equal(true);
    expect(await drains.rows()).to.have.length(1);
    await drains.tell();
    expect(orders.at(-1)).to.equal('aggregator/agg-A drain {}');
    expect(await drains.rows()).to.deep.equal([]);
    expect((await drain('agg-A', null)).changed).to.equal(false);
    const told = await store.changes.since(0, 10, { kinds: ['link'] });
    expect(told.map(({ subject, body }) => [subject, (body as { event: string }).event])).to.deep.equal([
      ['agg-A', 'drained'],
      ['agg-A', 'undrained'],
    ]);
  });

  it('must be known, and not the last', async () => {
    expect(await refused(drains.checkKnown('agg-X'))).to.equal(46);
    expect(await refused(drains.checkOther('agg-A', 'm1'))).to.equal(undefined);
    await drain('agg-A', 50);
    expect(await refused(drains.checkOther('agg-B', 'm1'))).to.equal(44);
    expect(await refused(drains.checkOther('agg-A', 'm1')), 'asked again').to.equal(undefined);
    await drain('agg-A', null);
    sessions.delete('agg-A');
    expect(await refused(drains.checkOther('agg-B', 'm1'))).to.equal(44);
  });
});
