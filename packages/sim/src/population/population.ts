/** The simulated nodes of one process: starts them, makes them report, ends them, and tells how they are. */
import { mkdirSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { mono, wall } from '@csm/model';
import type { LeafShell, Log, PassFailpoint } from '@csm/tree';
import { type SimulatedNodeOptions, simulateNode } from '../simulated-node.ts';
import { AcceptedList } from './accepted-list.ts';
import { DialTurns } from './dial-turns.ts';
import { Generator, type Source } from './generator.ts';
import { LatencyWatch } from './latency.ts';
import type { PopulationOptions } from './options.ts';
import { randomOf } from './random.ts';

/** What is asked of every node's outbox and links, summed. */
export interface PopulationStats {
  readonly nodes: number;
  /** Nodes whose claim the leader has confirmed; nodes with both links. */
  readonly confirmed: number;
  readonly redundant: number;
  /** Nodes by the name of their confirmed primary. */
  readonly primaries: Readonly<Record<string, number>>;
  readonly offered: number;
  readonly accepted: number;
  readonly refused: number;
  readonly held: number;
  readonly acknowledged: number;
  /** In outboxes: without a number, and sent but not acknowledged. */
  readonly waiting: number;
  readonly unacknowledged: number;
  readonly resent: number;
  /** Sent on either link because an interval had passed. */
  readonly beats: number;
  /** From acceptance to acknowledgement, ms, of a few nodes, since the last time it was asked. */
  readonly latencies: readonly number[];
  readonly rss: number;
}

/** Nodes that start at once: more would only wait for each other's handshakes. */
const STARTING = 64;
/** Nodes whose acknowledgements are timed. */
const TIMED = 50;

export class Population {
  readonly #options: PopulationOptions;
  readonly #log: Log;
  readonly #failpoint: PassFailpoint | undefined;
  readonly #sources: Source[];
  readonly #list: AcceptedList | undefined;
  readonly #generator: Generator;
  readonly #latency: LatencyWatch;
  readonly #turns = new DialTurns();
  readonly #floods = new Map<string, NodeJS.Timeout>();
  #churning: NodeJS.Timeout | undefined;
  #shift = 0;
  #stopping = false;

  /** `failpoint` is passed by every node. */
  static async start(options: PopulationOptions, log: Log, failpoint?: PassFailpoint): Promise<Population> {
    mkdirSync(options.state, { recursive: true, mode: 0o700 });
    const { lists, nodes } = options;
    const list = lists === undefined ? undefined : await AcceptedList.open(lists, `nodes-${nodes[0]}`);
    const population = new Population(options, log, list, failpoint);
    try {
      await population.#startAll();
    } catch (error) {
      await population.stop('a node could not start');
      throw error;
    }
    return population;
  }

  private constructor(
    options: PopulationOptions,
    log: Log,
    list: AcceptedList | undefined,
    failpoint: PassFailpoint | undefined,
  ) {
    this.#options = options;
    this.#failpoint = failpoint;
    this.#log = log;
    this.#list = list;
    this.#sources = options.nodes.map((node) => ({ node, leaf: undefined, k: 0 }));
    this.#generator = new Generator(this.#sources, list, options, () => this.#clock.now().wall);
    const every = Math.max(1, Math.floor(this.#sources.length / TIMED));
    const timed = this.#sources.filter((_, i) => i % every === 0).slice(0, TIMED);
    this.#latency = new LatencyWatch(timed.map((source) => () => source.leaf));
  }

  /** Reports a second from here on. */
  setRate(rate: number): void {
    if (rate > 0) this.#latency.start();
    else this.#latency.stop();
    this.#generator.rate = rate;
  }

  /** Moves the wall clock of all nodes, ms. */
  shiftClock(ms: number): void {
    this.#shift = ms;
  }

  /** A report whose content no database takes: its number is negative. */
  async poison(node: string): Promise<void> {
    await this.#generator.offer(this.#source(node), { n: -1, pad: 'poison' });
  }

  /** Makes a node offer as fast as its outbox takes, or ends that. */
  flood(node: string, on: boolean): void {
    clearInterval(this.#floods.get(node));
    this.#floods.delete(node);
    if (!on) return;
    const source = this.#source(node);
    const offers = (): void => {
      for (let i = 0; i < 100; i++) void this.#generator.offer(source);
    };
    this.#floods.set(node, setInterval(offers, 10));
  }

  stats(): PopulationStats {
    const sum = { confirmed: 0, redundant: 0, acknowledged: 0, waiting: 0, unacknowledged: 0, resent: 0, beats: 0 };
    const primaries: Record<string, number> = {};
    for (const { leaf } of this.#sources) {
      if (leaf === undefined) continue;
      const { failover, outbox } = leaf.leaf;
      const { claim, primary, candidates } = failover;
      if (claim === 'confirmed') {
        sum.confirmed++;
        const name = primary === undefined ? '' : (candidates[primary]?.name ?? '');
        primaries[name] = (primaries[name] ?? 0) + 1;
      }
      if (candidates.filter(({ phase }) => phase === 'up').length > 1) sum.redundant++;
      sum.acknowledged += outbox.counters.acknowledged;
      sum.resent += outbox.counters.resent;
      sum.beats += leaf.links.table.counters.beats;
      sum.unacknowledged += outbox.numbered.size;
      sum.waiting += outbox.waiting.urgent.size + outbox.waiting.normal.size + outbox.waiting.sample.size;
    }
    return {
      nodes: this.#sources.length,
      primaries,
      ...sum,
      ...this.#generator.counts,
      latencies: this.#latency.take(),
      rss: process.memoryUsage.rss(),
    };
  }

  /** When each node that has a primary last heard anything from it, wall ms. */
  heard(): Record<string, number> {
    const heard: Record<string, number> = {};
    for (const { node, leaf } of this.#sources) {
      const { primary, candidates } = leaf?.leaf.failover ?? { candidates: [] };
      const link = primary === undefined ? undefined : candidates[primary]?.link;
      const at = link === undefined ? undefined : leaf?.links.table.get(link)?.heardAt;
      if (at !== undefined) heard[node] = performance.timeOrigin + at;
    }
    return heard;
  }

  /**
   * Moves the beats of each link by a part of its interval, drawn anew: nodes that linked together, or were all late at once,
   * would beat together for good, as machines with clocks of their own do not. After the next beat follow two at half to
   * all of the interval, since one that comes sooner is not answered, and its listener beats by its own clock then. It is over
   * after three intervals.
   */
  spread(): void {
    const now = performance.now();
    for (const { leaf } of this.#sources) {
      for (const { id, phase, interval, sentAt } of leaf?.links.table.links() ?? []) {
        if (phase !== 'up') continue;
        const gap = interval * (0.5 + Math.random() / 2);
        for (const after of [gap, 2 * gap])
          setTimeout(() => leaf?.links.send(id, { kind: 'beat' }), sentAt + interval + after - now).unref();
      }
    }
  }

  /** Resolves when all offers made so far are accepted or refused, and listed. */
  async settled(): Promise<void> {
    while (!this.#generator.idle) await pause(5);
    await this.#list?.flush();
  }

  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    this.setRate(0);
    clearInterval(this.#churning);
    for (const timer of this.#floods.values()) clearInterval(timer);
    this.#floods.clear();
    await Promise.all(this.#sources.map(async ({ leaf }) => leaf?.stop(reason)));
    await this.settled();
    await this.#list?.close();
  }

  async #startAll(): Promise<void> {
    const waiting = this.#sources.entries();
    const one = async (): Promise<void> => {
      for (const [i, source] of waiting) source.leaf = await simulateNode(this.#nodeOptions(source.node, i));
    };
    await Promise.all(Array.from({ length: STARTING }, one));
    this.setRate(this.#options.rate);
    if (this.#options.churn > 0) this.#churn(this.#options.churn);
  }

  /** So many nodes a second, drawn by the seed, stop and start again. */
  #churn(rate: number): void {
    const random = randomOf(this.#options.seed);
    this.#churning = setInterval(() => {
      const i = Math.floor(random() * this.#sources.length);
      const source = this.#sources[i];
      const { leaf } = source ?? {};
      if (source === undefined || leaf === undefined) return;
      source.leaf = undefined;
      this.#again(source, leaf, i).catch((error: unknown) => {
        this.#log.error('a node could not start again', { node: source.node, error });
      });
    }, 1000 / rate);
  }

  async #again(source: Source, leaf: LeafShell, i: number): Promise<void> {
    await leaf.stop('churn');
    const next = await simulateNode(this.#nodeOptions(source.node, i));
    if (this.#stopping) await next.stop('stopping');
    else source.leaf = next;
  }

  get #clock(): SimulatedNodeOptions['clock'] {
    return { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now() + this.#shift) }) };
  }

  #source(node: string): Source {
    const source = this.#sources.find((one) => one.node === node);
    if (source === undefined) throw new Error(`node is ${node}; allowed is a node of this population`);
    return source;
  }

  #nodeOptions(node: string, i: number): SimulatedNodeOptions {
    const { hubs, sameFirst, pki, speak } = this.#options;
    return {
      node,
      candidates: sameFirst || i % 2 === 0 ? hubs : hubs.toReversed(),
      caFile: `${pki}/ca.pem`,
      credFile: `${pki}/compute-${node}.pem`,
      stateDir: this.#options.state,
      intervalMs: this.#options.intervalMs,
      sampleMs: this.#options.sampleMs,
      returnAfterMs: this.#options.returnAfterMs,
      latencyMs: this.#options.latencyMs,
      clock: this.#clock,
      log: this.#log,
      failpoint: this.#failpoint,
      dialTurn: (hub, dial, waits, signal) => this.#turns.take(hub, dial, waits, signal),
      ...(speak === undefined ? {} : { speak }),
    };
  }
}
