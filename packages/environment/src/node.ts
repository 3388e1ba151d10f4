/**
 * The environment feature on a node: reads the buckets' items when they are due and offers what they gave as reports.
 *
 * A round asks all its items at once; they stand in two lanes, files and programs, and answer one after another. A bucket
 * sends its report when the last of them has answered. One that takes longer than half the interval is not waited for:
 * what is there is sent, and the late item has a report of its own, of the same time. It misses the rounds that begin
 * meanwhile.
 */
import type { NodePart, NodePorts, Ports, Probe } from '@csm/feature';
import type { Host } from '@csm/host';
import { isObject, type Json, toProblem, type Wall } from '@csm/model';
import { Attempts, clipped, type Outcome } from './collect/attempts.ts';
import { BodyMaker } from './collect/body.ts';
import { type Before, BY_PROGRAM, inWords, toValues } from './collect/index.ts';
import { OpenRound } from './collect/open-round.ts';
import { probeItems } from './collect/probe.ts';
import { Troubles, type Went } from './collect/troubles.ts';
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
/** Of the interval: how long a bucket waits for items before it sends its report; two that hang are passed by then. */
const PATIENCE = 0.5;

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

function failed(item: Item, why: string, maker: BodyMaker): Went {
  const reason = clipped(why);
  maker.fail(item, reason);
  return { kind: 'failed', reason };
}

const inRounds = (count: number): string => `${count} ${count === 1 ? 'round' : 'rounds'}`;

/** Of two buckets' views of one item. */
function worseOf(a: Went, b: Went): Went {
  const rank = (went: Went): number =>
    went.kind === 'failed' ? Number.POSITIVE_INFINITY : went.kind === 'read' ? went.faults.size : -1;
  return rank(b) > rank(a) ? b : a;
}

class Sampler {
  readonly #ports: NodePorts;
  readonly #buckets: readonly Bucket[];
  readonly #rounds: RoundsState;
  readonly #attempts: Attempts;
  readonly #troubles = new Troubles();
  /** By bucket and item: what the next rates are reckoned from. */
  readonly #before: readonly Map<Item, Before>[];
  /** By bucket: items that have not answered yet → rounds they have missed. */
  readonly #late: readonly Map<Item, number>[];
  readonly #openRounds = new Set<OpenRound>();
  /** Items the reports have said to be absent, and nothing else since. */
  readonly #toldAbsent = new Set<Item>();
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  #isRefused = false;

  constructor(ports: NodePorts, { buckets, aligned, item_timeout }: Collection) {
    this.#ports = ports;
    this.#buckets = buckets;
    this.#rounds = initialRounds({ buckets, aligned, node: ports.self.node });
    this.#attempts = new Attempts(ports.host, ports.clock, item_timeout);
    this.#before = buckets.map(() => new Map());
    this.#late = buckets.map(() => new Map());
  }

  start(): void {
    this.#step({ kind: 'start' });
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    for (const round of this.#openRounds) round.drop();
    await this.#attempts.stop();
  }

  problems(): readonly string[] {
    const skipping = this.#rounds.buckets.filter(({ skipped }) => skipped > 0);
    return [
      ...this.#troubles.sentences(),
      ...skipping.map(
        ({ interval, skipped }) =>
          `the bucket of every ${interval / 1000} s has skipped ${inRounds(skipped)}, because the one before still runs`,
      ),
      ...this.#buckets.flatMap(({ execution_interval: interval }, i) =>
        [...(this.#late[i] ?? [])]
          .filter(([, missed]) => missed > 0)
          .map(
            ([item, missed]) =>
              `the item ${item} has missed ${inRounds(missed)} of the bucket of every ${interval / 1000} s, because it has not answered yet`,
          ),
      ),
    ];
  }

  #step(event: RoundsEvent): void {
    if (this.#isStopped) return;
    const now = this.#ports.clock.now();
    const { effects, wakeAt } = stepRounds(this.#rounds, event, now);
    clearTimeout(this.#timer);
    if (wakeAt !== undefined) {
      // The wall clock is told in whole ms, rounded down: a moment later, an aligned round does not seem to be early.
      this.#timer = setTimeout(() => this.#step({ kind: 'tick' }), Math.ceil(wakeAt - now.mono) + 1).unref();
    }
    for (const effect of effects) this.#launch(effect);
  }

  #launch({ buckets }: RoundEffect): void {
    const { wall } = this.#ports.clock.now();
    const rounds = buckets.map((bucket) => this.#open(bucket, wall));
    for (const item of ORDER) {
      const holders = rounds.filter(({ left }) => left.has(item));
      if (holders.length === 0) continue;
      this.#ask(item, holders).catch((e: unknown) =>
        this.#ports.log.error('an item of a round was lost', { item, error: toProblem(e).detail }),
      );
    }
    for (const round of rounds) if (round.left.size === 0) round.close();
  }

  #open(bucket: number, wall: Wall): OpenRound {
    const { item_list: list = [], execution_interval: interval = 0 } = this.#buckets[bucket] ?? {};
    const late = this.#late[bucket];
    for (const [item, missed] of late ?? []) late?.set(item, missed + 1);
    const items = list.filter((item) => late?.has(item) !== true);
    const round = new OpenRound(bucket, wall, items, interval * PATIENCE, () => {
      this.#openRounds.delete(round);
      void this.#send(round.maker, wall).then(() => this.#step({ kind: 'ended', buckets: [bucket] }));
    });
    this.#openRounds.add(round);
    return round;
  }

  /** Asks an item for the rounds of all buckets that hold it; each of them waits for it as long as it likes. */
  async #ask(item: Item, rounds: readonly OpenRound[]): Promise<void> {
    for (const { bucket } of rounds) this.#late[bucket]?.set(item, 0);
    const interval = Math.min(...rounds.map(({ bucket }) => this.#buckets[bucket]?.execution_interval ?? 0));
    const outcome = await this.#attempts.run(item, interval);
    if (this.#isStopped) return;
    let worst: Went = { kind: 'absent' };
    for (const round of rounds) {
      this.#late[round.bucket]?.delete(item);
      const maker = round.isClosed ? new BodyMaker() : round.maker;
      worst = worseOf(worst, this.#take(item, outcome, round.bucket, maker));
      round.left.delete(item);
      if (round.isClosed) void this.#send(maker, round.wall);
      else if (round.left.size === 0) round.close();
    }
    this.#note(item, worst, rounds[0]?.wall ?? this.#ports.clock.now().wall);
  }

  /** Never rejects. */
  async #send(maker: BodyMaker, wall: Wall): Promise<void> {
    for (const body of maker.bodies()) await this.#offer(body, wall);
  }

  /** Puts an outcome into a bucket's report. */
  #take(item: Item, outcome: Outcome, bucket: number, maker: BodyMaker): Went {
    if (outcome.kind === 'absent') {
      if (!this.#toldAbsent.has(item)) maker.miss(item);
      this.#toldAbsent.add(item);
      return outcome;
    }
    this.#toldAbsent.delete(item);
    if (outcome.kind === 'failed') return failed(item, outcome.reason, maker);
    const { reading, mono } = outcome;
    const before = this.#before[bucket]?.get(item);
    // The newest reading is the next one's measure even when it is not believed: a jump fails one round, not all.
    if (reading.counters.size > 0) this.#before[bucket]?.set(item, { counters: reading.counters, mono });
    const { values, faults } = toValues(reading, mono, before);
    if (faults.size > 0 && Object.keys(values).length === 0) return failed(item, inWords(faults), maker);
    try {
      maker.add(item, values);
    } catch (e) {
      return failed(item, (e as Error).message, maker);
    }
    const all = new Map([...reading.faults, ...faults]);
    if (all.size > 0) maker.lack(item, clipped(inWords(all)));
    return { kind: 'read', faults: all };
  }

  #note(item: Item, went: Went, wall: Wall): void {
    const turn = this.#troubles.note(item, went, wall);
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
      // Said in vain.
      for (const item of body.absent ?? []) this.#toldAbsent.delete(item);
    }
  }
}
