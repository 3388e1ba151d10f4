/**
 * How fast nodes have another primary, by the database of the master: 16 simulated nodes and two real ones, all served
 * by one aggregator when it is killed, stopped or told to end. Then they are all at the other, which is the next.
 */
import { expect } from 'chai';
import { type Cluster, HUBS, sharedCluster } from '../support/cluster.ts';
import { pass } from '../support/wait.ts';

const INTERVAL = 1;
/** Far more than a failover takes on any machine; how long it does take, `npm run bench -- failover-kill` says. */
const DEADLINE_MS = 20_000;
/** How long an aggregator that is told to end would wait for nodes that do not leave, s: longer than the deadline. */
const DRAIN_TIMEOUT = 60;
const OPTIONS = { computes: 2, simulated: 'n[01-16]', interval: INTERVAL, drainTimeout: DRAIN_TIMEOUT };

type Hub = (typeof HUBS)[number];

/** The aggregator that serves every node, and the one that none: all are gathered at agg-A when they are not at one. */
async function gathered(cluster: Cluster): Promise<{ readonly hub: Hub; readonly other: Hub }> {
  const one = HUBS.find((hub) => cluster.servedBy(hub).length === cluster.nodes.length);
  if (one === undefined) await cluster.gather('agg-A');
  return one === 'agg-B' ? { hub: 'agg-B', other: 'agg-A' } : { hub: 'agg-A', other: 'agg-B' };
}

/** Resolves with the ms until `hub` is the primary of every node, and of any. */
async function moved(
  cluster: Cluster,
  hub: Hub,
  deadline: number,
): Promise<{ readonly all: number; readonly first: number }> {
  const began = performance.now();
  let first: number | undefined;
  const all = await cluster.until(
    () => {
      const there = cluster.servedBy(hub);
      if (there.length > 0) first ??= performance.now() - began;
      return there.length === cluster.nodes.length || `${there.length} of ${cluster.nodes.length} have moved`;
    },
    deadline,
    `${hub} is the primary of every node`,
  );
  return { all, first: first ?? all };
}

/** What the API says agrees with the database. */
async function expectServedBy(cluster: Cluster, hub: string): Promise<void> {
  const records = await cluster.client('utility').call('node.list', { type: 'compute' });
  expect(records.map(({ name }) => name)).to.have.members(cluster.nodes);
  for (const { name, primary_aggregator, connected } of records)
    expect([primary_aggregator, connected], name).to.deep.equal([hub, true]);
}

const eventsOf = (cluster: Cluster, since: number) => cluster.links(since).map(({ body }) => body);

describe('failover of 16 simulated and two real nodes', function () {
  this.timeout(180_000);
  const inCluster = sharedCluster(OPTIONS);

  it('a killed primary is replaced, and that is one incident', () =>
    inCluster(async (cluster) => {
      for (let round = 1; round <= 3; round++) {
        const { hub, other } = await gathered(cluster);
        const since = cluster.head();
        const [{ all }] = await Promise.all([moved(cluster, other, DEADLINE_MS), cluster.kill(hub)]);
        console.log(`      round ${round}: ${Math.round(all)} ms`);
        await expectServedBy(cluster, other);
        const events = eventsOf(cluster, since);
        expect(events.filter(({ event }) => event === 'down')).to.deep.equal([]);
        // One incident, however many nodes it had.
        expect(events.map(({ event }) => event).filter((event) => event === 'aggregator_lost')).to.have.length(1);
        expect(events.find(({ event }) => event === 'aggregator_lost')).to.include({ count: 19, planned: false });
        cluster.restart(hub);
        await cluster.healed();
      }
    }));

  it('a stopped primary is replaced, and not before anybody could know', () =>
    inCluster(async (cluster) => {
      const { hub, other } = await gathered(cluster);
      const since = cluster.head();
      // A node gives up three intervals after the last frame it read. That frame left before the stop, at most one
      // interval before it: so nodes move two intervals after the stop at the earliest. One of the two is left to a
      // machine that was late with the last frame.
      cluster.pause(hub);
      const { all, first } = await moved(cluster, other, DEADLINE_MS);
      console.log(`      first ${Math.round(first)} ms, all ${Math.round(all)} ms of ${3 * cluster.intervalMs}`);
      expect(first).to.be.above(cluster.intervalMs);
      await expectServedBy(cluster, other);
      cluster.resume(hub);
      await cluster.healed();
      const events = eventsOf(cluster, since);
      expect(events.filter(({ event }) => event === 'down')).to.deep.equal([]);
      // The master gives it up after three intervals as well; it may have been back before.
      expect(events.filter(({ event }) => event === 'aggregator_lost')).to.have.length.at.most(1);
    }));

  it('nodes leave a primary that is told to end before it closes', () =>
    inCluster(async (cluster) => {
      const { hub, other } = await gathered(cluster);
      const since = cluster.head();
      const began = performance.now();
      await cluster.kill(hub, 'SIGTERM');
      const ended = performance.now() - began;
      console.log(`      ended after ${Math.round(ended)} ms`);
      expect(cluster.servedBy(other), 'moved before it closed').to.have.length(cluster.nodes.length);
      expect(ended, 'it waits for nobody in vain').to.be.below(DEADLINE_MS);
      await cluster.until(
        () => eventsOf(cluster, since).some(({ event }) => event === 'aggregator_lost'),
        DEADLINE_MS,
        `the end of ${hub} is told`,
      );
      await pass(cluster.intervalMs); // nothing more may be told
      const events = eventsOf(cluster, since);
      // That links of the test before stand again is told a moment after they do.
      expect(events.filter(({ event, planned }) => !planned && event !== 'full_redundancy')).to.deep.equal([]);
      // Nobody is down but the aggregator's own node.
      expect(events.filter(({ event, nodes }) => event === 'down' && nodes !== hub)).to.deep.equal([]);
      await expectServedBy(cluster, other);
    }));
});
