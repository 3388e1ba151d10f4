/**
 * So many simulated nodes on a tree, and a bare tree with as many links beside it, both beating at one interval: what
 * the figures about beats have in common.
 */
import { setTimeout as pause } from 'node:timers/promises';
import { fold } from '@csm/nodeset';
import type { SimProcess } from '../site/sim-process.ts';
import type { Tree } from '../site/tree.ts';
import type { BareTree } from './bare/bare-tree.ts';
import { readCpuMs, readWakeUps } from './process-cost.ts';
import { Disturbed } from './rounds.ts';

export interface Beats {
  /** Milliseconds of CPU: both aggregators and the master; both bare servers. */
  readonly treeMs: number;
  readonly bareMs: number;
  /** Of the aggregators and of the servers, each by itself. */
  readonly hubsMs: readonly number[];
  readonly serversMs: readonly number[];
  /** Beats of the nodes on both links; frames that the bare servers have read. */
  readonly beats: number;
  readonly frames: number;
  /** How often the aggregators, and the bare servers, were woken for them. */
  readonly hubsWoken: number;
  readonly serversWoken: number;
  readonly seconds: number;
}

/** Linking of ten thousand nodes on two cores, with room. */
const LINKED_MS = 300_000;
const ENDED_MS = 120_000;
const LOOK_MS = 250;
/** Of the beats that are due, so many must be made for a measurement to count. */
const BEATS_LEAST = 0.9;
/** Moving beats apart takes three intervals, and half of one goes by before they are counted. */
const SPREAD_INTERVALS = 3.5;
/** Intervals up to this are moved apart again before each round: what is late by some ms is late by a large part of them, ms. */
const BUNCHING_MS = 5000;
/** The sim's journals: the same directory for every stage, so that a node stays itself. */
const STATE = 'nodes';

export class TreeStage {
  readonly nodes: readonly string[];
  readonly intervalMs: number;
  readonly sim: SimProcess;
  readonly bare: BareTree;
  readonly #tree: Tree;

  /** Resolves when all nodes have both links and nothing to report any more, and the bare links beat too. */
  static async start(tree: Tree, bare: BareTree, nodes: readonly string[], intervalMs: number): Promise<TreeStage> {
    const { site } = tree;
    const count = nodes.length;
    const where = ['--aggregators', tree.aggregators, '--state', site.stateDir(STATE)];
    const how = ['--interval', String(intervalMs / 1000), '--sample', '0', '--processes', '2'];
    const sim = await site.sim(`nodes-${count}-${intervalMs}`, ['--nodes', fold(nodes), ...where, ...how]);
    const stage = new TreeStage(tree, sim, bare, nodes, intervalMs);
    await stage.#whole();
    await bare.beat(intervalMs);
    // Whoever is asked for the first time compiles for it, and anew what it shares with the reading of beats.
    await stage.#look();
    return stage;
  }

  #isSpread = false;

  private constructor(tree: Tree, sim: SimProcess, bare: BareTree, nodes: readonly string[], intervalMs: number) {
    this.#tree = tree;
    this.sim = sim;
    this.bare = bare;
    this.nodes = nodes;
    this.intervalMs = intervalMs;
  }

  /** Waits until all nodes have both links and nothing to report any more. */
  async #whole(): Promise<void> {
    const count = this.nodes.length;
    await this.#tree.site.until(
      `${count} nodes have both links`,
      async () => {
        await pause(LOOK_MS);
        const { confirmed, redundant, waiting, unacknowledged } = await this.sim.stats();
        if (confirmed === count && redundant === count && waiting + unacknowledged === 0) return true;
        throw new Error(
          `${confirmed} confirmed, ${redundant} with both, ${waiting + unacknowledged} reports under way`,
        );
      },
      LINKED_MS,
    );
  }

  /** What beats cost over `span` seconds. Throws `Disturbed` when too few were made. */
  async measure(span: number): Promise<Beats> {
    const { site } = this.#tree;
    await this.#whole();
    await this.#spread();
    const began = performance.now();
    const begin = await this.#look();
    await pause(span * 1000, undefined, { signal: site.signal });
    const end = await this.#look();
    site.checkAlive();
    const difference = (of: readonly number[], from: readonly number[]): number[] =>
      of.map((ms, i) => ms - (from[i] ?? 0));
    const hubsMs = difference(end.hubs, begin.hubs);
    const serversMs = difference(end.servers, begin.servers);
    const sum = (list: readonly number[]): number => list.reduce((all, one) => all + one, 0);
    const seconds = (performance.now() - began) / 1000;
    const [beats, frames] = [end.beats - begin.beats, end.frames - begin.frames];
    // Where the machine stands still for long, beats are missing and links end, and making new ones costs much more.
    const due = (2 * this.nodes.length * seconds * 1000) / this.intervalMs;
    if (Math.min(beats, frames) < BEATS_LEAST * due)
      throw new Disturbed(`of ${Math.round(due)} beats that were due ${beats} were made, and ${frames} bare ones`);
    return {
      treeMs: sum(hubsMs) + end.master - begin.master,
      bareMs: sum(serversMs),
      hubsMs,
      serversMs,
      beats,
      frames,
      hubsWoken: sum(end.hubsWoken) - sum(begin.hubsWoken),
      serversWoken: sum(end.serversWoken) - sum(begin.serversWoken),
      seconds,
    };
  }

  /** How long ago the node was last heard of that the master has not heard of for longest, ms. */
  async oldestSeen(): Promise<number> {
    const listed = await this.#tree.site.client('login').call('node.list', { type: 'compute' }, { timeoutSeconds: 30 });
    const now = Date.now();
    const ours = new Set(this.nodes);
    const seen = listed.filter(({ name }) => ours.has(name)).map((node) => Date.parse(node.last_seen ?? ''));
    if (seen.length !== ours.size) throw new Error(`the master knows ${seen.length} of ${ours.size} nodes`);
    return now - Math.min(...seen);
  }

  /** Ends the nodes; the bare links stay and fall silent. */
  async end(): Promise<void> {
    await this.bare.beat(0);
    const { process } = this.sim;
    // Thousands of goodbyes may take longer than a daemon is given to end; one that is gone before it answers is fine too.
    void process.expectEnd();
    await this.sim.order({ do: 'stop' }).catch(() => undefined);
    await this.#tree.site.until('the nodes have ended', () => !process.running, ENDED_MS);
  }

  /**
   * Beats come evenly from here on, at the tree and at the bare servers: each alone, but for what chance brings together.
   * Simulated nodes share two processes, whose linking, garbage and turns of the CPU leave hundreds of them beating at
   * the same moments, and how many come in one wake-up of a server decides what each of them costs it.
   */
  async #spread(): Promise<void> {
    if (this.#isSpread && this.intervalMs > BUNCHING_MS) return;
    this.#isSpread = true;
    await Promise.all([this.sim.order({ do: 'spread' }), this.bare.beat(this.intervalMs)]);
    await pause(SPREAD_INTERVALS * this.intervalMs, undefined, { signal: this.#tree.site.signal });
  }

  async #look() {
    const { master, a, b } = this.#tree;
    const { servers: bare } = this.bare;
    const [hubs, hubsWoken, servers, serversWoken, { beats }, frames] = await Promise.all([
      Promise.all([a, b].map(({ pid }) => readCpuMs(pid))),
      Promise.all([a, b].map(({ pid }) => readWakeUps(pid))),
      Promise.all(bare.map(({ pid }) => readCpuMs(pid))),
      Promise.all(bare.map(({ pid }) => readWakeUps(pid))),
      this.sim.stats(),
      this.bare.frames(),
    ]);
    return { hubs, hubsWoken, servers, serversWoken, beats, frames, master: await readCpuMs(master.pid) };
  }
}
