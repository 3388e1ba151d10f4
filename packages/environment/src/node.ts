/**
 * The environment feature on a node: reads the buckets' items when they are due and offers what they gave as reports.
 *
 * All that waits here is one timer for the next due moment. Items of a round are read one after another, files before
 * programs, so that a program that hangs holds up nothing but other programs.
 */
import type { NodePart, NodePorts, Ports, Probe } from '@csm/feature';
import type { Host } from '@csm/host';
import { isObject, type Json, toProblem, type Wall } from '@csm/model';
import { Attempts, clipped, type Outcome } from './collect/attempts.ts';
import { BodyMaker } from './collect/body.ts';
import { type Before, BY_PROGRAM, toValues } from './collect/index.ts';
import { probeItems } from './collect/probe.ts';
import { Troubles } from './collect/troubles.ts';
import { ITEMS, type Item } from './items.ts';
import { SAMPLE_KIND, type SampleBody } from './report.ts';
import {
  type Bucket,
  initialRounds,
  type RoundEffect,
  type RoundsEvent,
  type RoundsState,
  stepRounds,
} from './rounds.ts';
import type { CollectionConfig } from './settings.ts';

type Collection = CollectionConfig['data_collection'];

/** Of a role that has no setting for it. */
const ITEM_TIMEOUT_MS = 10_000;
const PROBE_INTERVAL_MS = 600_000;
/** Node's timers hold 31 bits. */
const TIMER_MAX_MS = 2 ** 31 - 1;

/** In the order they are read. */
const ORDER: readonly Item[] = [...ITEMS].sort((a, b) => Number(BY_PROGRAM.has(a)) - Number(BY_PROGRAM.has(b)));

export function nodePart(ports: NodePorts): NodePart {
  const collection = collectionOf(ports.config);
  if (collection === undefined || collection.buckets.length === 0) return {};
  const sampler = new Sampler(ports, collection);
  sampler.start();
  return { problems: () => sampler.problems(), stop: () => sampler.stop() };
}

/** Reads every item once. */
export async function* probe(ports: Ports & { readonly host: Host }): AsyncIterable<Probe> {
  const collection = collectionOf(ports.config);
  const holding = (item: Item) => collection?.buckets.filter((b) => b.item_list.includes(item)) ?? [];
  const interval = Math.min(...holding('power').map((b) => b.execution_interval), PROBE_INTERVAL_MS);
  yield* probeItems(ports, collection?.item_timeout ?? ITEM_TIMEOUT_MS, interval);
}

function collectionOf(config: unknown): Collection | undefined {
  // The daemon has read its settings by this feature's schema; a role without them has no such key.
  if (!isObject(config) || !isObject(config['data_collection'])) return undefined;
  return config['data_collection'] as Collection;
}

/** A bucket in its round. */
interface OpenBucket {
  readonly maker: BodyMaker;
  /** Items still to be read. */
  readonly left: Set<Item>;
}

class Sampler {
  readonly #ports: NodePorts;
  readonly #buckets: readonly Bucket[];
  readonly #rounds: RoundsState;
  readonly #attempts: Attempts;
  readonly #troubles = new Troubles();
  /** By bucket and item: what the next rates are reckoned from. */
  readonly #before: readonly Map<Item, Before>[];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isRefused = false;

  constructor(ports: NodePorts, { buckets, aligned, item_timeout }: Collection) {
    this.#ports = ports;
    this.#buckets = buckets;
    this.#rounds = initialRounds({ buckets, aligned, node: ports.self.node });
    this.#attempts = new Attempts(ports.host, ports.clock, item_timeout);
    this.#before = buckets.map(() => new Map());
  }

  start(): void {
    this.#step({ kind: 'start' });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    await this.#attempts.stop();
  }

  problems(): readonly string[] {
    const skipping = this.#rounds.buckets.filter(({ skipped }) => skipped > 0);
    return [
      ...this.#troubles.sentences(),
      ...skipping.map(
        ({ interval, skipped }) =>
          `the bucket of every ${interval / 1000} s has skipped ${skipped} rounds, because the one before still runs`,
      ),
    ];
  }

  #step(event: RoundsEvent): void {
    if (this.#isStopped) return;
    const now = this.#ports.clock.now();
    const { effects, wakeAt } = stepRounds(this.#rounds, event, now);
    clearTimeout(this.#timer);
    if (wakeAt !== undefined) {
      const wait = Math.min(Math.ceil(wakeAt - now.mono), TIMER_MAX_MS);
      this.#timer = setTimeout(() => this.#step({ kind: 'tick' }), wait).unref();
    }
    for (const effect of effects) this.#launch(effect);
  }

  #launch({ buckets }: RoundEffect): void {
    const open = new Map(buckets.map((i) => [i, { maker: new BodyMaker(), left: new Set(this.#itemsOf(i)) }]));
    this.#round(open)
      .catch((e: unknown) => this.#ports.log.error('a round of samples failed', { error: toProblem(e).detail }))
      .finally(() => this.#step({ kind: 'ended', buckets: [...open.keys()] }));
  }

  /** Reads the items of all buckets of a round; each bucket leaves it with its own last item, and waits for no other's. */
  async #round(open: Map<number, OpenBucket>): Promise<void> {
    const { wall } = this.#ports.clock.now();
    for (const item of ORDER) {
      const holders = [...open.keys()].filter((i) => open.get(i)?.left.delete(item));
      if (holders.length === 0) continue;
      const interval = Math.min(...holders.map((i) => this.#buckets[i]?.execution_interval ?? 0));
      const outcome = await this.#attempts.run(item, interval);
      if (this.#isStopped) return;
      let worst = outcome;
      for (const i of holders) {
        const bucket = open.get(i);
        if (bucket === undefined) continue;
        worst = this.#take(item, outcome, i, bucket.maker) ?? worst;
        if (bucket.left.size > 0) continue;
        open.delete(i);
        void this.#finish(i, bucket.maker, wall);
      }
      this.#note(item, worst, wall);
    }
  }

  async #finish(bucket: number, maker: BodyMaker, wall: Wall): Promise<void> {
    for (const body of maker.bodies()) await this.#offer(body, wall);
    this.#step({ kind: 'ended', buckets: [bucket] });
  }

  #itemsOf(bucket: number): readonly Item[] {
    return this.#buckets[bucket]?.item_list ?? [];
  }

  /** Puts an outcome into a bucket's report; gives the failure when the item failed there. */
  #take(item: Item, outcome: Outcome, bucket: number, maker: BodyMaker): Outcome | undefined {
    if (outcome.kind === 'absent') return undefined;
    if (outcome.kind === 'failed') {
      maker.fail(item, outcome.reason);
      return outcome;
    }
    const { reading, mono } = outcome;
    const before = this.#before[bucket]?.get(item);
    // The newest reading is the next one's measure even when it is not believed: a jump fails one round, not all.
    if (reading.counters.size > 0) this.#before[bucket]?.set(item, { counters: reading.counters, mono });
    try {
      maker.add(item, toValues(reading, mono, before));
      return undefined;
    } catch (e) {
      const reason = clipped((e as Error).message);
      maker.fail(item, reason);
      return { kind: 'failed', reason };
    }
  }

  #note(item: Item, outcome: Outcome, wall: Wall): void {
    const turn = this.#troubles.note(item, outcome, wall);
    if (turn?.now === 'failing') this.#ports.log.warn('an item gives nothing', { item, reason: turn.reason });
    else if (turn !== undefined) this.#ports.log.info('an item no longer fails', { item });
  }

  async #offer(body: SampleBody, wall: Wall): Promise<void> {
    const { log } = this.#ports;
    try {
      // The types of a body say more than JSON's can.
      await this.#ports.offer({ kind: SAMPLE_KIND, urgency: 'sample', time: wall, body: body as unknown as Json });
      if (this.#isRefused) log.info('samples are taken again');
      this.#isRefused = false;
    } catch (e) {
      if (!this.#isRefused && !this.#isStopped) log.warn('samples are refused', { error: toProblem(e).detail });
      this.#isRefused = true;
    }
  }
}
