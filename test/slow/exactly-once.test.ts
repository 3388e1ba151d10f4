/**
 * Lost 0, doubled 0: every daemon of a real cluster offers numbered reports and lists on disk what was accepted, while
 * daemons are killed and stopped and ways are cut. Afterwards the lists are held against the database by SELECT.
 */
import { expect } from 'chai';
import { type Cluster, HUBS, withCluster } from '../support/cluster.ts';
import { type Random, random, seedOr } from '../support/random.ts';
import { pass } from '../support/wait.ts';

/** Numbers a second of each daemon: some are always on their way, and the machine is free for what moves them. */
const RATE = 50;
const INTERVAL = 0.5;
/** Longer than three intervals: whoever waits for the sleeper gives it up. */
const SLEEP_MS = 4 * INTERVAL * 1000;

interface Fault {
  readonly victim: string;
  readonly what: 'kill' | 'sleep';
}

async function carryOut(cluster: Cluster, { victim, what }: Fault, chance: Random): Promise<void> {
  if (what === 'kill') {
    await cluster.kill(victim);
    await pass(chance.below(1500));
    cluster.restart(victim);
  } else {
    cluster.pause(victim);
    await pass(SLEEP_MS + chance.below(500));
    cluster.resume(victim);
  }
}

/** Empties everything, stops everything, and holds the lists against the database. */
async function expectExactlyOnce(cluster: Cluster, atLeast: number): Promise<void> {
  await cluster.healed();
  await cluster.drained();
  const { faults, ...counts } = cluster.judge();
  console.log(`      ${JSON.stringify(counts)}`);
  expect(faults).to.deep.equal([]);
  expect(counts.listed).to.be.above(atLeast);
  expect(counts.stored).to.equal(counts.listed + counts.extra);
  expect(counts.streams).to.equal(cluster.computes.length + HUBS.length + 2);
}

describe('every accepted report is in the database exactly once', function () {
  this.timeout(300_000);
  const options = { computes: 3, interval: INTERVAL, numbered: true };

  it('whoever is killed or stopped, in any order', () =>
    withCluster(options, async (cluster) => {
      const seed = seedOr(1);
      const chance = random(seed);
      const victims = ['agg-A', 'agg-B', 'master', ...cluster.computes];
      const faults = chance.shuffle<Fault>([
        ...victims.map((victim) => ({ victim, what: 'kill' as const })),
        ...victims.map((victim) => ({ victim, what: 'sleep' as const })),
        ...['agg-A', 'agg-B', 'master', 'c1'].map((victim) => ({ victim, what: 'kill' as const })),
      ]);
      console.log(`      seed ${seed}: ${faults.map(({ victim, what }) => `${what} ${victim}`).join(', ')}`);
      cluster.generate(RATE);
      for (const fault of faults) {
        await pass(chance.below(1000));
        await carryOut(cluster, fault, chance);
      }
      await expectExactlyOnce(cluster, faults.length * RATE);
    }));

  it('with faults on top of each other', () =>
    withCluster(options, async (cluster) => {
      const seed = seedOr(2);
      const chance = random(seed);
      cluster.generate(RATE);
      // In each round some daemons have a fault at the same time, each for itself.
      for (let round = 0; round < 6; round++) {
        const victims = chance.shuffle(['agg-A', 'agg-B', 'master', ...cluster.computes]).slice(0, 2 + chance.below(3));
        const faults = victims.map((victim): Fault => ({ victim, what: chance.pick(['kill', 'sleep']) }));
        console.log(`      seed ${seed}: ${faults.map(({ victim, what }) => `${what} ${victim}`).join(' & ')}`);
        await Promise.all(
          faults.map(async (fault, i) => {
            // Chance of its own: which of them draws first must not decide what the next round is.
            const own = random(seed + 100 * round + i);
            await pass(own.below(700));
            await carryOut(cluster, fault, own);
          }),
        );
        await pass(chance.below(1500));
      }
      await expectExactlyOnce(cluster, 6 * RATE);
    }));

  it('both aggregators away at once, and back', () =>
    withCluster(options, async (cluster) => {
      cluster.generate(RATE);
      await pass(1000);
      await Promise.all(HUBS.map((hub) => cluster.kill(hub)));
      await pass(5 * cluster.intervalMs);
      for (const hub of HUBS) cluster.restart(hub);
      await cluster.healed();
      for (const hub of HUBS) cluster.pause(hub);
      await pass(5 * cluster.intervalMs);
      for (const hub of HUBS) cluster.resume(hub);
      await cluster.healed();
      await pass(1000);
      await expectExactlyOnce(cluster, 5 * RATE);
    }));

  it('an aggregator cut off from the master alone: its nodes move', () =>
    withCluster({ ...options, interval: 1, proxied: ['agg-A>master'] }, async (cluster) => {
      const interval = cluster.intervalMs;
      const trunk = cluster.proxy('agg-A>master');
      // Its connections to the nodes stand: without a word of its own nobody would ever move.
      const moved = () =>
        cluster.until(
          () => cluster.servedBy('agg-B').length === cluster.computes.length || cluster.servedBy('agg-A'),
          30_000,
          'every node has moved to agg-B',
        );
      const back = async () => {
        trunk.heal();
        await cluster.healed();
        const parts = cluster.client('utility').stream('tree.rebalance', { nodes: 'c[1-3]', spread: 0 });
        for await (const part of parts) expect(part.code).to.equal(0);
        await cluster.until(() => cluster.servedBy('agg-A').length === 3, 30_000, 'every node is back at agg-A');
      };
      await cluster.gather('agg-A');
      cluster.generate(RATE);
      await pass(500);

      // A sees its end at once and says so in a beat; a node waits two intervals and spreads its move over a third.
      trunk.cut();
      const cut = await moved();
      console.log(`      cut off: moved after ${Math.round(cut)} ms of ${3 * interval}`);
      await back();

      // Half-open, A must first find out by three silent intervals.
      trunk.freeze();
      const frozen = await moved();
      console.log(`      half-open: moved after ${Math.round(frozen)} ms of ${6 * interval}`);
      await back();

      trunk.slow(100);
      await pass(4 * interval);
      expect(cluster.servedBy('agg-A'), 'a slow way is no reason to move').to.have.length(3);
      await expectExactlyOnce(cluster, 5 * RATE);
    }));
});
