/**
 * How many reports a second go from the outboxes of 1,000 nodes through two aggregators and the master into the
 * database and are acknowledged, beside the database alone; and at half that rate, how long that takes.
 *
 * Each run is followed by its baseline in the same set-up: while the tree is idle, the engine alone commits what the
 * master asked it to commit in that run, in the same batches, with the same tables and on the same disk.
 */
import { mkdirSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { expand } from '@csm/nodeset';
import { openPostgresStore, openStore, type Store } from '@csm/store';
import { RECORD_ENV, readRecorded } from '../numbered/record.ts';
import { readCounts } from '../oracle/rows.ts';
import { postgresPrograms } from '../site/postgres.ts';
import type { SimProcess } from '../site/sim-process.ts';
import { Site } from '../site/site.ts';
import { type DatabaseEngine, startTree, type Tree } from '../site/tree.ts';
import type { Bench, BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { percentile } from './percentile.ts';
import { readCost } from './process-cost.ts';
import { replay } from './replay.ts';
import { Disturbed, measureRounds } from './rounds.ts';
import { simArgs } from './sim-args.ts';

const STORE_MODULE = new URL('../numbered/store.js', import.meta.url).href;
const MEMORY = '/dev/shm';
const TMPFS = 0x01021994;
/** Bytes of a body. */
const SIZE = 300;
/** A node makes a second's reports at once, as a round of collectors does. */
const BURST = 20;
/** More than one commit's worth waits at all times, and no outbox grows for ever. */
const WINDOW = 40;
/** More than any tree here can do: the windows decide. */
const ALL = 400_000;
const WARM_MS = 2000;

const MUST: Readonly<Record<DatabaseEngine, { readonly ratio: number; readonly rate: number }>> = {
  sqlite: { ratio: 0.6, rate: 40_000 },
  postgresql: { ratio: 0.5, rate: 20_000 },
};
const P99_MS = 250;

interface Sizes {
  readonly nodes: number;
  readonly ms: number;
}

const FULL: Sizes = { nodes: 1000, ms: 6000 };
const QUICK: Sizes = { nodes: 200, ms: 3000 };

interface Run {
  readonly rate: number;
  readonly baseline: number;
  /** Microseconds of CPU a report, by process. */
  readonly cost: Readonly<Record<string, number>>;
}

export const reportThroughput: Bench = {
  names: ['report-throughput'],
  about: 'acknowledged, committed reports a second of 1,000 nodes, beside the database alone; and how long one takes',
  async run(context, _wanted, emit) {
    for (const db of ['sqlite', 'postgresql'] as const) {
      if (db === 'postgresql' && postgresPrograms() === undefined)
        context.note('report-throughput: PostgreSQL is not installed; only SQLite is measured');
      else await measure(db, context, emit);
    }
  },
};

async function measure(db: DatabaseEngine, context: BenchContext, emit: (figure: Figure) => void): Promise<void> {
  const { signal, note, quick } = context;
  const sizes = quick ? QUICK : FULL;
  const site = await Site.open(signal);
  try {
    const memory = memoryFor(site);
    const recording = join(memory, 'recorded');
    const names = expand(`n[0001-${String(sizes.nodes).padStart(4, '0')}]`);
    await site.certify('compute', names);
    const env = (who: string): Record<string, string> => (who === 'master' ? { [RECORD_ENV]: recording } : {});
    const tree = await startTree(site, { interval: 5, db, env });
    const sim = await startNodes(site, tree, names, memory);
    note(`report-throughput: ${sizes.nodes} nodes on ${db}`);
    const { rounds: runs, more } = await measureRounds(
      context,
      `report-throughput on ${db}`,
      async (): Promise<Run> => {
        const { from, ...run } = await loaded(site, tree, sim, sizes.ms);
        const baseline = await alone(tree, recording, from, signal);
        note(
          `report-throughput: ${Math.round(run.rate)}/s of ${Math.round(baseline)}/s; µs ${JSON.stringify(run.cost)}`,
        );
        return { ...run, baseline };
      },
    );
    const rate = median(runs.map((run) => run.rate));
    const late = await measureRounds(context, `report-throughput-p99 on ${db}`, () =>
      atRate(site, sim, rate / 2, sizes.ms),
    );
    const counts = await readCounts(tree.database, tree.postgres?.at('csm'));
    const { acknowledged } = await sim.stats();
    // Numbers of its own, read behind the tree's back: what was acknowledged is there, once.
    if (counts.rows !== counts.numbered)
      throw new Error(`${counts.rows} reports are in the database, ${counts.numbered} different ones`);
    if (counts.cursors !== acknowledged)
      throw new Error(`${acknowledged} reports were acknowledged, the database stands at ${counts.cursors}`);
    const must = MUST[db];
    const ratio = median(runs.map((run) => run.rate / run.baseline));
    emit({
      name: `report-throughput-${db}`,
      value: rate,
      unit: 'reports/s',
      baseline: median(runs.map((run) => run.baseline)),
      ratio,
      nodes: sizes.nodes,
      seconds: (runs.length * sizes.ms) / 1000,
      must: `ratio ≥ ${must.ratio} and ≥ ${must.rate}/s`,
      holds: ratio >= must.ratio && rate >= must.rate,
      more: { ...medians(runs.map((run) => run.cost)), disk: onDisk(site), ...more },
    });
    const p99 = median(late.rounds.map((latencies) => percentile(latencies, 0.99)));
    emit({
      name: `report-throughput-${db}-p99`,
      value: p99,
      unit: 'ms',
      baseline: null,
      ratio: null,
      nodes: sizes.nodes,
      seconds: (late.rounds.length * sizes.ms) / 1000,
      must: `p99 ≤ ${P99_MS} ms`,
      holds: p99 <= P99_MS,
      more: {
        rate: rate / 2,
        p50: median(late.rounds.map((latencies) => percentile(latencies, 0.5))),
        ...late.more,
      },
    });
  } finally {
    await site.close();
  }
}

/** Where the nodes' journals are: in memory, as those of diskless nodes, so that the disk is the database's alone. */
function memoryFor(site: Site): string {
  let memory = join(site.root, 'memory');
  try {
    memory = mkdtempSync(join(MEMORY, 'csm-b-'));
    site.onClose(async () => rmSync(memory, { recursive: true, force: true }));
  } catch {
    mkdirSync(memory);
  }
  return memory;
}

async function startNodes(site: Site, tree: Tree, names: readonly string[], memory: string): Promise<SimProcess> {
  const sim = await site.sim(
    'sim',
    simArgs({
      nodes: names.join(','),
      aggregators: tree.aggregators,
      state: join(memory, 'journals'),
      interval: 5,
      sample: 0,
      size: SIZE,
      burst: BURST,
      window: WINDOW,
    }),
  );
  await site.until('all nodes are linked twice', async () => {
    const { redundant, confirmed } = await sim.stats();
    if (redundant < names.length || confirmed < names.length) throw new Error(`${confirmed} once, ${redundant} twice`);
    return true;
  });
  // Each node begins with its inventory, which costs a database hundreds of times what a report here does.
  await site.until('all inventories are stored', async () => {
    const { waiting, unacknowledged } = await sim.stats();
    if (waiting + unacknowledged > 0) throw new Error(`${waiting + unacknowledged} are not`);
    return true;
  });
  return sim;
}

/** As many reports as the tree takes, for `ms` behind a while of warming up; then all outboxes are emptied. */
async function loaded(
  site: Site,
  tree: Tree,
  sim: SimProcess,
  ms: number,
): Promise<Omit<Run, 'baseline'> & { from: number }> {
  await sim.order({ do: 'rate', rate: ALL });
  await pause(WARM_MS, undefined, { signal: site.signal });
  const pids = {
    nodes: [sim.pid],
    aggregators: [tree.a.pid, tree.b.pid],
    master: [tree.master.pid],
    ...(tree.postgres === undefined ? {} : { postgres: tree.postgres.pids }),
  };
  const cpu = async (): Promise<ReadonlyMap<number, number>> => {
    const costs = Object.values(pids)
      .flat()
      // A process of the database's own, such as an autovacuum, may have ended.
      .map(async (pid) =>
        readCost(pid).then(
          ({ cpuMs }): [number, number] => [pid, cpuMs],
          () => undefined,
        ),
      );
    return new Map((await Promise.all(costs)).filter((cost) => cost !== undefined));
  };
  const from = Date.now();
  const cpuBefore = await cpu();
  const before = await sim.stats();
  const began = performance.now();
  await pause(ms, undefined, { signal: site.signal });
  const after = await sim.stats();
  const seconds = (performance.now() - began) / 1000;
  const cpuAfter = await cpu();
  const reports = after.acknowledged - before.acknowledged;
  await sim.drain((what, look) => site.until(what, look));
  if (reports <= 0) throw new Disturbed(`nothing was acknowledged within ${ms} ms`);
  const spent = (pid: number): number => (cpuAfter.get(pid) ?? 0) - (cpuBefore.get(pid) ?? 0);
  const cost = Object.entries(pids).map(([who, all]) => {
    const ms = all.filter((pid) => cpuAfter.has(pid)).reduce((sum, pid) => sum + spent(pid), 0);
    return [who, Math.round((ms * 10_000) / reports) / 10];
  });
  return { from, rate: reports / seconds, cost: Object.fromEntries(cost) };
}

/** The engine alone with what was recorded since `from`, in reports a second. */
async function alone(tree: Tree, recording: string, from: number, signal: AbortSignal): Promise<number> {
  const commits = readRecorded(recording).filter(({ at }) => at >= from - WARM_MS);
  const directory = join(tree.site.root, 'alone');
  mkdirSync(directory);
  let store: Store | undefined;
  try {
    if (tree.postgres === undefined)
      store = await openStore({ file: join(directory, 'csm.db'), modules: [STORE_MODULE] });
    else {
      await tree.postgres.create('alone');
      store = await openPostgresStore({ server: tree.postgres.at('alone'), modules: [STORE_MODULE] });
    }
    const { reports, ms } = await replay(store, commits, { from, size: SIZE, signal });
    return (reports * 1000) / ms;
  } finally {
    await store?.close();
    await tree.postgres?.admin('DROP DATABASE IF EXISTS alone');
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Times from acceptance to acknowledgement at a given rate, ms. */
async function atRate(site: Site, sim: SimProcess, rate: number, ms: number): Promise<readonly number[]> {
  await sim.order({ do: 'rate', rate });
  await pause(WARM_MS, undefined, { signal: site.signal });
  await sim.stats(); // forgets the times so far
  await pause(ms, undefined, { signal: site.signal });
  const { latencies } = await sim.stats();
  await sim.drain((what, look) => site.until(what, look));
  return latencies;
}

function medians(costs: readonly Run['cost'][]): Record<string, number> {
  const names = Object.keys(costs[0] ?? {});
  return Object.fromEntries(names.map((name) => [`cpu_us_${name}`, median(costs.map((cost) => cost[name] ?? 0))]));
}

const onDisk = (site: Site): string =>
  statfsSync(site.root).type === TMPFS ? 'in memory: syncs cost nothing' : 'disk';
