/** A master that is gone, and daemons that sleep: sockets stay open and speak the truth, nobody is declared dead falsely. */
import { statSync } from 'node:fs';
import { CsmError, code } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { expect } from 'chai';
import { type Cluster, HUBS, type LinkRow, sharedCluster } from '../support/cluster.ts';
import { pass } from '../support/wait.ts';

/** An interval long enough that a daemon which other work keeps from its processor for a second or two is not dead. */
const OPTIONS = { computes: 4, interval: 1 };
/** What a call may take, s: far longer than an entry daemon waits for a leader before it says that there is none. */
const TIMEOUT_S = 60;
const BEFORE_MS = (TIMEOUT_S * 1000) / 2;
const ASKED = { timeoutSeconds: TIMEOUT_S };
const SLEEP_INTERVALS = 6;

const named = (rows: readonly LinkRow[], event: string): LinkRow[] => rows.filter(({ body }) => body.event === event);
const nodesOf = (rows: readonly LinkRow[]): string[] => rows.flatMap(({ body }) => NodeSet.parse(body.nodes).names());

/** What a call rejects with, and after how many ms. */
async function refusal(asked: Promise<unknown>): Promise<{ readonly error: CsmError; readonly took: number }> {
  const began = performance.now();
  const error = await asked.then(
    (answer) => new Error(`it was answered: ${JSON.stringify(answer).slice(0, 200)}`),
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof CsmError)) throw error;
  return { error, took: performance.now() - began };
}

async function sleep(cluster: Cluster, name: string): Promise<LinkRow[]> {
  const since = cluster.head();
  cluster.pause(name);
  await pass(SLEEP_INTERVALS * cluster.intervalMs);
  cluster.resume(name);
  await cluster.healed();
  // What would be told falsely would be told within three intervals.
  await pass(4 * cluster.intervalMs);
  await cluster.healed();
  return cluster.links(since);
}

describe('the master is away', function () {
  this.timeout(180_000);
  const inCluster = sharedCluster(OPTIONS);

  it('local sockets stay open and say degraded; who died meanwhile is told down once, nobody else', () =>
    inCluster(async (cluster) => {
      const entries = ['utility', ...HUBS, 'c1'];
      const clients = entries.map((name) => ({ name, client: cluster.client(name), inode: inodeOf(cluster, name) }));
      for (const { client } of clients) expect((await client.call('health', {})).degraded).to.equal(false);
      const since = cluster.head();
      const seenAlive = Date.now();
      await cluster.kill('master');

      for (const { name, client, inode } of clients) {
        const began = performance.now();
        const health = await client.call('health', {}, ASKED);
        const took = performance.now() - began;
        expect(took, `health at ${name}`).to.be.below(BEFORE_MS);
        expect(health, name).to.deep.include({ degraded: true, aggregators: [] });
        expect(health.master, name).to.include({ reachable: false, node: null });
        expect(health.problems.join('\n'), name).to.match(/no master is reachable/);
        const list = await refusal(client.call('node.list', {}, ASKED));
        expect(list.error.problem.code, name).to.equal(code.BAD_ADDRESS);
        expect(list.error.problem.detail, name).to.match(/degraded: no leading master is reachable/);
        expect(list.took, `node.list at ${name}`).to.be.below(BEFORE_MS);
        expect(inodeOf(cluster, name), `the socket of ${name}`).to.equal(inode);
      }
      const order = { nodes: 'c1', argv: ['true'] };
      const run = await refusal(drain(cluster.client('utility').stream('run', order, ASKED)));
      expect(run.error.problem.code).to.equal(code.BAD_ADDRESS);
      expect(run.took).to.be.below(BEFORE_MS);

      await cluster.kill('c3');
      await cluster.kill('c4');
      await pass(4 * cluster.intervalMs);
      cluster.restart('master');
      const client = cluster.client('utility');
      await cluster.until(
        async () => {
          const { master, aggregators } = await client.call('health', {});
          return (master.reachable && !master.settling && aggregators.length === 2) || master;
        },
        30_000,
        'the master is back and has settled',
      );
      await cluster.until(() => nodesOf(named(cluster.links(since), 'down')).length >= 2, 30_000, 'the dead are told');
      await pass(6 * cluster.intervalMs);

      const rows = cluster.links(since);
      const down = named(rows, 'down');
      expect(nodesOf(down).sort()).to.deep.equal(['c3', 'c4']);
      for (const { body } of down) {
        for (const node of NodeSet.parse(body.nodes)) {
          const lastSeen = body.last_seen?.[node] ?? 0;
          // While they live it is written at most once a minute; they were first seen when the cluster began.
          expect(lastSeen, `last seen of ${node}`).to.be.within(seenAlive - 60_000, seenAlive + 1000);
        }
      }
      expect(named(rows, 'up'), 'nobody was away, so nobody is told up').to.deep.equal([]);
      for (const name of ['c1', 'c2', 'c3', 'c4']) {
        const record = await client.call('node.show', { name });
        expect(record.connected, name).to.equal(name < 'c3');
        if (name >= 'c3') expect(Date.parse(record.last_seen ?? '')).to.be.below(seenAlive + 1000);
      }
      cluster.restart('c3');
      cluster.restart('c4');
      await cluster.healed();
      expect(nodesOf(named(cluster.links(since), 'down')).sort(), 'told once').to.deep.equal(['c3', 'c4']);
      expect(nodesOf(named(cluster.links(since), 'up')).sort()).to.deep.equal(['c3', 'c4']);
    }));

  it('a master that slept declares nobody dead', () =>
    inCluster(async (cluster) => {
      const rows = await sleep(cluster, 'master');
      expect(named(rows, 'down')).to.deep.equal([]);
    }));

  it('an aggregator that slept: its nodes move, one incident, nobody is down', () =>
    inCluster(async (cluster) => {
      await cluster.gather('agg-A');
      const rows = await sleep(cluster, 'agg-A');
      // The sleeper's own node was silent indeed; none of those it served was.
      expect(nodesOf(named(rows, 'down')).filter((node) => node !== 'agg-A')).to.deep.equal([]);
      expect(named(rows, 'aggregator_lost')).to.have.length(1);
      expect(cluster.servedBy('agg-B')).to.deep.equal([...cluster.nodes]);
    }));

  it('a compute daemon that slept is told down, once, and it alone', () =>
    inCluster(async (cluster) => {
      const rows = await sleep(cluster, 'c2');
      expect(nodesOf(named(rows, 'down'))).to.deep.equal(['c2']);
      expect(nodesOf(named(rows, 'up'))).to.deep.equal(['c2']);
      expect([...new Set(nodesOf(rows))]).to.deep.equal(['c2']);
    }));

  it('all sleep at once, as on a machine that was suspended: nobody is declared dead', () =>
    inCluster(async (cluster) => {
      const since = cluster.head();
      const names = ['master', ...HUBS, 'utility', ...cluster.computes];
      for (const name of names) cluster.pause(name);
      await pass(SLEEP_INTERVALS * cluster.intervalMs);
      for (const name of names) cluster.resume(name);
      await cluster.healed();
      await pass(4 * cluster.intervalMs);
      await cluster.healed();
      expect(cluster.links(since)).to.deep.equal([]);
    }));
});

const inodeOf = (cluster: Cluster, name: string): number => statSync(cluster.socket(name)).ino;

async function drain(items: AsyncIterable<unknown>): Promise<unknown[]> {
  const out: unknown[] = [];
  for await (const item of items) out.push(item);
  return out;
}
