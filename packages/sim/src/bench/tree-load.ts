/**
 * What standing nodes cost: beats, links, and a question about all of them. One site for all of it; first a few nodes,
 * then more, at last the ten thousand that several figures share.
 */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { expand } from '@csm/nodeset';
import { Site } from '../site/site.ts';
import { startTree, type Tree } from '../site/tree.ts';
import { BareTree } from './bare/bare-tree.ts';
import { COLLECTED } from './collect-feature.ts';
import type { Bench, BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { readRss } from './process-cost.ts';
import { measureQuery } from './query.ts';
import { type Bounds, figureOf, measureRounds, type Round } from './rounds.ts';
import { type Beats, TreeStage } from './tree-stage.ts';

interface Stage {
  readonly nodes: number;
  readonly intervalMs: number;
  readonly seconds: number;
}

interface Plan {
  readonly heartbeat: Stage;
  /** The same beats a second in each; the last is also that of links and the question. */
  readonly growth: readonly [Stage, Stage, Stage];
  readonly idle: Stage;
}

const FULL: Plan = {
  heartbeat: { nodes: 2000, intervalMs: 1000, seconds: 20 },
  growth: [
    { nodes: 100, intervalMs: 200, seconds: 15 },
    { nodes: 1000, intervalMs: 2000, seconds: 16 },
    { nodes: 10_000, intervalMs: 20_000, seconds: 20 },
  ],
  idle: { nodes: 10_000, intervalMs: 15_000, seconds: 30 },
};

const QUICK: Plan = {
  heartbeat: { nodes: 400, intervalMs: 1000, seconds: 5 },
  growth: [
    { nodes: 50, intervalMs: 200, seconds: 5 },
    { nodes: 200, intervalMs: 800, seconds: 5 },
    { nodes: 500, intervalMs: 2000, seconds: 6 },
  ],
  idle: { nodes: 500, intervalMs: 1500, seconds: 6 },
};

/** What each must reach. */
const MUST = {
  heartbeat: { ratio: { most: 1.5 } },
  growth: { value: { most: 25 } },
  memory: { ratio: { most: 1.3 } },
  idle: { value: { most: 8 }, ratio: { most: 1.5 } },
  query: { ratio: { most: 2.5 } },
} as const satisfies Record<string, Bounds>;

/** The master may know this much less than its nodes' last beat, ms. */
const SEEN_MOST_MS = 1500;
const SEEN_LOOKS = 5;
/** From the last link until the measurement, ms. */
const SETTLE_MS = 12_000;
/** What has run for seconds only is not compiled yet, and costs half as much again; so long at a thousand beats a second, ms. */
const WARM_MS = 45_000;
const BEATS = 100_000;
const KIB = 1024;
const COLLECT_FEATURE = fileURLToPath(new URL('./collect-feature.js', import.meta.url));

export const treeLoad: Bench = {
  names: ['heartbeat-cost', 'growth', 'connection-memory', 'idle-cost', 'query'],
  about: 'what standing nodes cost: beats, links, and a question about all of them',
  async run(context, wanted, emit) {
    const site = await Site.open(context.signal, existsSync('/dev/shm') ? '/dev/shm' : undefined);
    try {
      await new Load(site, context, emit).run(wanted);
    } finally {
      await site.close();
    }
  },
};

class Load {
  readonly #site: Site;
  readonly #context: BenchContext;
  readonly #emit: (figure: Figure) => void;
  readonly #plan: Plan;

  constructor(site: Site, context: BenchContext, emit: (figure: Figure) => void) {
    this.#site = site;
    this.#context = context;
    this.#emit = emit;
    this.#plan = context.quick ? QUICK : FULL;
  }

  async run(wanted: ReadonlySet<string>): Promise<void> {
    const { heartbeat, growth, idle } = this.#plan;
    const [few, some, many] = growth;
    const ofMany = ['connection-memory', 'idle-cost', 'query', 'growth'].some((name) => wanted.has(name));
    const most = ofMany ? many.nodes : heartbeat.nodes;
    this.#context.note(`certificates of ${most} nodes`);
    const nodes = nodesUpTo(most);
    await this.#site.certify('compute', nodes);
    const tree = await startTree(this.#site, {
      // The nodes say how often; a pair of daemons uses the shorter interval.
      interval: 60,
      args: (who) => (who.startsWith('agg') ? ['--feature', COLLECT_FEATURE] : []),
    });
    const grown: Figure[] = [];
    // Aggregators and bare servers serve one stage after the other, so that both are as warm, and the smaller first: a
    // large population that has left leaves thousands of holes in malloc's heap, which each beat after it then searches.
    // That is a cost of the past, not of the size, and differs between aggregators and bare servers.
    let bare = new BareTree(this.#site, 'bare', nodes[0] ?? '');
    if (wanted.has('growth')) {
      grown.push(await this.#growth(tree, bare, nodes, few, WARM_MS));
      grown.push(await this.#growth(tree, bare, nodes, some));
    }
    if (wanted.has('heartbeat-cost')) await this.#heartbeat(tree, bare, nodes, heartbeat);
    if (!ofMany) return;
    if (wanted.has('connection-memory')) {
      await bare.end();
      bare = new BareTree(this.#site, 'bare-anew', nodes[0] ?? '');
    }
    const before = wanted.has('connection-memory') ? await this.#emptyHubs(tree, bare) : undefined;
    await bare.connect(many.nodes);
    if (before !== undefined || wanted.has('idle-cost') || wanted.has('query')) {
      const standing = await this.#start(tree, bare, nodes, idle);
      if (before !== undefined) await this.#memory(tree, standing, before);
      if (wanted.has('idle-cost')) await this.#idle(standing, idle);
      if (wanted.has('query')) await this.#query(standing);
      await standing.end();
    }
    if (!wanted.has('growth')) return;
    const standing = await this.#start(tree, bare, nodes, many);
    grown.push(await this.#growthOf(standing, many));
    await standing.end();
    this.#compare(grown);
  }

  /** How far the ratios at different sizes are apart. */
  #compare(grown: readonly Figure[]): void {
    const ratios = grown.map(({ ratio }) => ratio ?? Number.NaN);
    const value = 100 * (Math.max(...ratios) / Math.min(...ratios) - 1);
    const seconds = grown.reduce((sum, figure) => sum + figure.seconds, 0);
    const nodes = Math.max(...grown.map((figure) => figure.nodes));
    const more = Object.fromEntries(
      grown.map((figure, i) => [`ratio-${figure.nodes}`, short(ratios[i] ?? Number.NaN)]),
    );
    this.#tell({ name: 'growth', unit: '%', nodes, must: MUST.growth }, [{ value, seconds }], more);
  }

  async #start(tree: Tree, bare: BareTree, all: readonly string[], stage: Stage): Promise<TreeStage> {
    const { nodes, intervalMs } = stage;
    this.#context.note(`${nodes} nodes with a beat every ${intervalMs / 1000} s on each of two links`);
    const standing = await TreeStage.start(tree, bare, all.slice(0, nodes), intervalMs);
    // What linking and the first inventories left to do is done, the first beats are under way, and the code is warm.
    await pause(this.#context.quick ? 1000 : SETTLE_MS, undefined, { signal: this.#context.signal });
    return standing;
  }

  async #heartbeat(tree: Tree, bare: BareTree, all: readonly string[], stage: Stage): Promise<void> {
    await bare.connect(stage.nodes);
    const standing = await this.#start(tree, bare, all, stage);
    const { rounds, more } = await this.#beats('heartbeat-cost', standing, stage);
    let oldest = 0;
    for (let i = 0; i < SEEN_LOOKS; i++) {
      await pause(stage.intervalMs / SEEN_LOOKS, undefined, { signal: this.#context.signal });
      oldest = Math.max(oldest, await standing.oldestSeen());
    }
    this.#tell(
      { name: 'heartbeat-cost', unit: `CPU s per ${BEATS} beats`, nodes: stage.nodes, must: MUST.heartbeat },
      rounds,
      more,
    );
    this.#tell(
      { name: 'heartbeat-last-seen', unit: 'ms', nodes: stage.nodes, must: { value: { most: SEEN_MOST_MS } } },
      [{ value: oldest, seconds: stage.intervalMs / 1000 }],
    );
    await standing.end();
    await bare.hangUp();
  }

  /** `warmMs`: beats nobody measures come before. */
  async #growth(tree: Tree, bare: BareTree, all: readonly string[], stage: Stage, warmMs = 0): Promise<Figure> {
    await bare.connect(stage.nodes);
    const standing = await this.#start(tree, bare, all, stage);
    await pause(this.#context.quick ? 0 : warmMs, undefined, { signal: this.#context.signal });
    const figure = await this.#growthOf(standing, stage);
    await standing.end();
    await bare.hangUp();
    return figure;
  }

  async #growthOf(standing: TreeStage, stage: Stage): Promise<Figure> {
    const name = `growth-${stage.nodes}`;
    const { rounds, more } = await this.#beats(name, standing, stage);
    return this.#tell({ name, unit: `CPU s per ${BEATS} beats`, nodes: stage.nodes }, rounds, more);
  }

  /** With how many beats came in a wake-up of an aggregator and of a bare server: what a ratio says only where both are alike. */
  async #beats(
    name: string,
    standing: TreeStage,
    { seconds }: Stage,
  ): Promise<{ rounds: Round[]; more: Figure['more'] }> {
    const { rounds, more } = await measureRounds(this.#context, name, () => standing.measure(seconds));
    const aWakeUp = (of: (one: Beats) => number): number => short(median(rounds.map(of)));
    return {
      rounds: rounds.map(costOf),
      more: {
        ...more,
        'beats-a-wake-up': aWakeUp(({ beats, hubsWoken }) => beats / hubsWoken),
        'bare-beats-a-wake-up': aWakeUp(({ frames, serversWoken }) => frames / serversWoken),
      },
    };
  }

  async #idle(standing: TreeStage, { nodes, seconds }: Stage): Promise<void> {
    const { rounds, more } = await measureRounds(this.#context, 'idle-cost', async () => {
      const { hubsMs, serversMs, seconds: took } = await standing.measure(seconds);
      const percent = (list: readonly number[]): number => mean(list) / took / 10;
      return { value: percent(hubsMs), baseline: percent(serversMs), seconds: took };
    });
    this.#tell({ name: 'idle-cost', unit: '% of a core', nodes, must: MUST.idle }, rounds, more);
  }

  async #query(standing: TreeStage): Promise<void> {
    const nodes = standing.nodes.length;
    const { rounds, more } = await measureRounds(this.#context, 'query', await measureQuery(this.#site, nodes));
    this.#tell({ name: 'query', unit: 'ms', nodes, must: MUST.query }, rounds, more);
  }

  /** Aggregators and bare servers that have just begun: resident bytes of each after a collection. */
  async #emptyHubs(tree: Tree, bare: BareTree): Promise<Sizes> {
    for (const hub of [tree.a, tree.b]) {
      const fault = await hub.end();
      if (fault !== undefined) throw new Error(fault);
      hub.start();
    }
    const client = this.#site.client('login');
    await this.#site.until('both aggregators are linked again', async () => {
      const { aggregators } = await client.call('health', {}, { timeoutSeconds: 5 });
      return aggregators.filter(({ connected }) => connected).length === 2;
    });
    return this.#sizes(tree, bare);
  }

  async #memory(tree: Tree, standing: TreeStage, before: Sizes): Promise<void> {
    const after = await this.#sizes(tree, standing.bare);
    const links = standing.nodes.length;
    const each = (of: keyof Sizes): number[] =>
      after[of].map((bytes, i) => (bytes - (before[of][i] ?? 0)) / links / KIB);
    const [hubs, servers] = [each('hubs'), each('servers')];
    // Each aggregator is a run of its own.
    const rounds = hubs.map((value, i) => ({ value, baseline: servers[i] ?? Number.NaN, seconds: 0 }));
    this.#tell({ name: 'connection-memory', unit: 'KiB a link', nodes: links, must: MUST.memory }, rounds, {
      'aggregator-MiB': short(mean(after.hubs) / KIB / KIB),
    });
  }

  async #sizes(tree: Tree, bare: BareTree): Promise<Sizes> {
    for (const hub of [tree.a, tree.b]) {
      const file = join(this.#site.stateDir(hub.name), COLLECTED);
      const times = (): string => (existsSync(file) ? readFileSync(file, 'utf8') : '');
      const before = times();
      hub.signal('SIGUSR2');
      await this.#site.until(`${hub.name} has collected`, () => times() !== before);
    }
    await bare.collect();
    return {
      hubs: await Promise.all([tree.a, tree.b].map(({ pid }) => readRss(pid))),
      servers: await Promise.all(bare.servers.map(({ pid }) => readRss(pid))),
    };
  }

  #tell(head: Parameters<typeof figureOf>[0], rounds: readonly Round[], more?: Figure['more']): Figure {
    const figure = figureOf(head, rounds, more, !this.#context.quick);
    this.#emit(figure);
    return figure;
  }
}

/** Resident bytes, by aggregator and by bare server. */
interface Sizes {
  readonly hubs: readonly number[];
  readonly servers: readonly number[];
}

type CostOfBeats = Pick<Beats, 'treeMs' | 'bareMs' | 'beats' | 'frames' | 'seconds'>;

/** CPU seconds of 100,000 beats. */
export function costOf({ treeMs, bareMs, beats, frames, seconds }: CostOfBeats): Round {
  if (beats === 0 || frames === 0) throw new Error(`${beats} beats and ${frames} bare frames were counted`);
  const cost = (ms: number, count: number): number => (ms / 1000 / count) * BEATS;
  return { value: cost(treeMs, beats), baseline: cost(bareMs, frames), seconds };
}

const mean = (list: readonly number[]): number => list.reduce((sum, one) => sum + one, 0) / list.length;
const short = (value: number): number => Number(value.toPrecision(4));

function nodesUpTo(count: number): string[] {
  const digits = String(count).length;
  return expand(`n[${'1'.padStart(digits, '0')}-${count}]`);
}
