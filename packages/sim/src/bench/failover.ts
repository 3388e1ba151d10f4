/**
 * Aggregator A serves all nodes and is killed, or stopped: how long until the master has committed each node's claim
 * through B. Numbered reports run meanwhile, and afterwards the oracle says whether any was lost or doubled.
 */
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expand } from '@csm/nodeset';
import { committedClaims, wallNow } from '../oracle/claims.ts';
import { judge, readLists } from '../oracle/judge.ts';
import { readSqlite } from '../oracle/rows.ts';
import type { SimProcess } from '../site/sim-process.ts';
import { Site } from '../site/site.ts';
import { startTree, type Tree } from '../site/tree.ts';
import type { BareClientsOrder } from './bare-clients.ts';
import type { BareHubOrder } from './bare-hub.ts';
import type { Bench, BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { jsonLines } from './json-lines.ts';
import { percentile } from './percentile.ts';
import { measureRounds } from './rounds.ts';
import { simArgs } from './sim-args.ts';

/** Heartbeat interval of the tree whose aggregator is killed: a closed socket is noticed whatever it is. */
const KILL_INTERVAL = 5;
/** Of the tree whose aggregator falls silent. */
const SILENT_INTERVAL = 1;
/** All nodes move within a second there, which is more than one process of them can do; nothing is compared with it. */
const SILENT_PROCESSES = 2;
/** Numbered reports a second, of all nodes. */
const RATE = 500;
/** What came before the stop is read by then; the first node gives A up a second later at the earliest. */
const HEARD_MS = 900;
const LATE_MS = 60_000;
const RETURN_MS = 120_000;
const P99_MS = 1000;
const RATIO = 3;
const SILENT_MS = 3300;

const program = (name: string): string => fileURLToPath(new URL(`./${name}.js`, import.meta.url));

interface Sizes {
  readonly nodes: number;
}

const FULL: Sizes = { nodes: 2000 };
const QUICK: Sizes = { nodes: 200 };

export const failover: Bench = {
  names: ['failover-kill', 'failover-silent'],
  about: 'from the end of an aggregator until the master has committed each of 2,000 nodes through the other',
  async run(context, wanted, emit) {
    const sizes = context.quick ? QUICK : FULL;
    if (wanted.has('failover-kill')) await killed(context, sizes, emit);
    if (wanted.has('failover-silent')) await silent(context, sizes, emit);
  },
};

interface Times {
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

const timesOf = (ms: readonly number[]): Times => ({
  p50: percentile(ms, 0.5),
  p99: percentile(ms, 0.99),
  max: percentile(ms, 1),
});

const medianTimes = (all: readonly Times[]): Times => ({
  p50: median(all.map(({ p50 }) => p50)),
  p99: median(all.map(({ p99 }) => p99)),
  max: median(all.map(({ max }) => max)),
});

async function killed(context: BenchContext, sizes: Sizes, emit: (figure: Figure) => void): Promise<void> {
  const { nodes } = sizes;
  const rig = await Rig.start(context, sizes, KILL_INTERVAL);
  try {
    const { rounds, more } = await measureRounds(context, 'failover-kill', async () => {
      await rig.allAtA();
      const seen = rig.claimsAtB();
      const at = wallNow();
      await rig.tree.a.kill('SIGKILL');
      const run = timesOf([...(await seen).values()].map((time) => time - at));
      rig.tree.a.start();
      const bare = timesOf(await bareTakeOver(rig.site, rig.names));
      context.note(`failover-kill: ms ${JSON.stringify(run)}, bare ${JSON.stringify(bare)}`);
      return { run, bare };
    });
    const runs = rounds.map(({ run }) => run);
    const baselines = rounds.map(({ bare }) => bare);
    const { lost, doubled } = await rig.verdict();
    const [value, baseline] = [medianTimes(runs), medianTimes(baselines)];
    const seconds = runs.reduce((sum, { max }) => sum + max / 1000, 0);
    for (const which of ['p50', 'p99', 'max'] as const) {
      const ratio = median(runs.map((run, i) => run[which] / (baselines[i]?.[which] ?? Number.NaN)));
      emit({
        name: `failover-kill-${which}`,
        value: value[which],
        unit: 'ms',
        baseline: baseline[which],
        ratio,
        nodes,
        seconds,
        more,
        ...(which === 'p99'
          ? { must: `≤ ${P99_MS} ms, ratio ≤ ${RATIO}`, holds: value.p99 <= P99_MS && ratio <= RATIO }
          : {}),
      });
    }
    for (const [what, count] of [
      ['lost', lost],
      ['doubled', doubled],
    ] as const) {
      const name = `failover-kill-${what}`;
      emit({
        name,
        value: count,
        unit: 'reports',
        baseline: null,
        ratio: null,
        nodes,
        seconds,
        must: '0',
        holds: count === 0,
      });
    }
  } finally {
    await rig.site.close();
  }
}

async function silent(context: BenchContext, sizes: Sizes, emit: (figure: Figure) => void): Promise<void> {
  const rig = await Rig.start(context, sizes, SILENT_INTERVAL, SILENT_PROCESSES);
  try {
    const { rounds: runs, more } = await measureRounds(context, 'failover-silent', async () => {
      await rig.allAtA();
      const seen = rig.claimsAtB();
      rig.tree.a.pause();
      await pause(HEARD_MS, undefined, { signal: context.signal });
      const heard = await rig.sim.heard();
      const run = timesOf([...(await seen)].map(([node, at]) => at - (heard.get(node) ?? Number.NaN)));
      rig.tree.a.resume();
      context.note(`failover-silent: ms ${JSON.stringify(run)}`);
      return run;
    });
    const { lost, doubled } = await rig.verdict();
    const { p50, p99, max } = medianTimes(runs);
    emit({
      name: 'failover-silent',
      value: max,
      unit: 'ms',
      baseline: null,
      ratio: null,
      nodes: sizes.nodes,
      seconds: runs.reduce((sum, run) => sum + run.max / 1000, 0),
      must: `max ≤ ${SILENT_MS} ms since the last beat; 0 lost, 0 doubled`,
      holds: max <= SILENT_MS && lost === 0 && doubled === 0,
      more: { p50, p99, lost, doubled, ...more },
    });
  } finally {
    await rig.site.close();
  }
}

/** A tree with nodes whose first choice is A, and reports on their way. */
class Rig {
  readonly site: Site;
  readonly tree: Tree;
  readonly sim: SimProcess;
  readonly names: readonly string[];

  static async start({ signal, note }: BenchContext, { nodes }: Sizes, interval: number, processes = 1): Promise<Rig> {
    const site = await Site.open(signal);
    try {
      const names = expand(`n[0001-${String(nodes).padStart(4, '0')}]`);
      await site.certify('compute', names);
      const tree = await startTree(site, { interval });
      const sim = await site.sim(
        'sim',
        simArgs({
          nodes: names.join(','),
          aggregators: tree.aggregators,
          'same-first': true,
          'return-after': 2,
          interval,
          processes,
          sample: 0,
          rate: RATE,
          lists: join(site.root, 'lists'),
        }),
      );
      const rig = new Rig(site, tree, sim, names);
      await rig.allAtA();
      note(`failover: ${nodes} nodes are served by A, beats each ${interval} s`);
      return rig;
    } catch (error) {
      await site.close();
      throw error;
    }
  }

  private constructor(site: Site, tree: Tree, sim: SimProcess, names: readonly string[]) {
    this.site = site;
    this.tree = tree;
    this.sim = sim;
    this.names = names;
  }

  /** Waits until every node is back at A and has B beside it. */
  async allAtA(): Promise<void> {
    const [a = ''] = this.tree.aggregators.split(',');
    await this.site.until(
      'all nodes are served by A, with B beside it',
      async () => {
        const { primaries, redundant } = await this.sim.stats();
        if (primaries[a] !== this.names.length || redundant !== this.names.length)
          throw new Error(`${JSON.stringify(primaries)} served, ${redundant} linked twice`);
        return true;
      },
      RETURN_MS,
    );
    await committedClaims(this.tree.database, this.#claims('agg-a'));
  }

  claimsAtB(): Promise<ReadonlyMap<string, number>> {
    return committedClaims(this.tree.database, this.#claims('agg-b'));
  }

  /** Ends everything, and holds the lists of what was accepted against the database. */
  async verdict(): Promise<{ readonly lost: number; readonly doubled: number }> {
    await this.allAtA();
    await this.sim.drain((what, look) => this.site.until(what, look));
    const ends = await this.site.stop();
    if (ends.length > 0) throw new Error(ends.join('; '));
    const { lost, doubled, faults } = judge(readLists(join(this.site.root, 'lists')), readSqlite(this.tree.database), {
      killed: () => false,
      poisoned: 0,
    });
    if (lost + doubled === 0 && faults.length > 0) throw new Error(faults.slice(0, 5).join('; '));
    return { lost, doubled };
  }

  #claims(hub: string) {
    return { hub, count: this.names.length, ms: LATE_MS, signal: this.site.signal };
  }
}

/** The same without CSM: from the end of a bare server until a second one has read a frame of each client, ms. */
async function bareTakeOver(site: Site, names: readonly string[]): Promise<number[]> {
  const { caFile } = site;
  // No two processes of a site have one name.
  const run = site.processes.length;
  const server = async (which: string) => {
    const order: BareHubOrder = { caFile, credFile: site.credFile('aggregator', 'agg-b'), frames: names.length };
    const argv = [program('bare-hub'), JSON.stringify(order)];
    const process = site.process({ name: `bare-${which}-${run}`, kind: 'bare', argv, piped: true });
    const next = jsonLines<{ readonly port: number; readonly times: number[] }>(site, process);
    return { process, next, port: (await next(LATE_MS)).port };
  };
  const [first, second] = [await server('a'), await server('b')];
  const order: BareClientsOrder = {
    ports: [first.port, second.port],
    caFile,
    credFile: site.credFile('compute', names[0] ?? ''),
    clients: names.length,
  };
  const argv = [program('bare-clients'), JSON.stringify(order)];
  const clients = site.process({ name: `bare-clients-${run}`, kind: 'bare', argv, piped: true });
  await jsonLines(site, clients)(RETURN_MS);
  const at = wallNow();
  await first.process.kill('SIGKILL');
  const { times } = await second.next(LATE_MS);
  await clients.end();
  await second.process.end();
  return times.map((time) => time - at);
}
