/**
 * The way of changes to an external state manager: a real tracker on a clock by hand, a real database, the sender, and a
 * state manager that is a real server and fails as it is told.
 */
import type { Now } from '@csm/model';
import type { Bench } from '@csm/sim';
import type { Store } from '@csm/store';
import { outboxOf } from '../src/manager/outbox.ts';
import { ManagerSender } from '../src/manager/sender.ts';
import { countOutbox, readOutbox } from '../src/store/queries.ts';
import * as module from '../src/store.ts';
import { Tracker } from '../src/tracker/index.ts';
import type { Change, Params } from '../src/types.ts';
import { FaultyManager } from './faulty-manager.ts';
import { HandTime, START, until } from './hand-time.ts';
import { nodeName } from './store-world.ts';

const URL_OF = new URL('../src/store.js', import.meta.url).href;
/** Milliseconds between two looks of the tracker. */
const LOOK_MS = 250;

export interface WorldOptions {
  readonly warnMs?: number;
  readonly errMs?: number;
  readonly params?: Partial<Params>;
  /** The state manager does not listen at first. */
  readonly isAway?: boolean;
}

export class ManagerWorld {
  readonly time: HandTime;
  readonly store: Store;
  readonly manager: FaultyManager;
  readonly tracker: Tracker;
  readonly logged: string[] = [];
  params: Pick<Params, 'Nosm' | 'Sm_url' | 'Sm_timeout' | 'Sm_retries'>;
  sender: ManagerSender;

  private constructor(store: Store, time: HandTime, manager: FaultyManager, options: WorldOptions) {
    this.store = store;
    this.time = time;
    this.manager = manager;
    this.params = { Nosm: '0', Sm_url: manager.url, Sm_timeout: '10', Sm_retries: '3', ...options.params };
    this.tracker = new Tracker();
    const { warnMs = 10_000, errMs = 30_000 } = options;
    this.tracker.setThresholds({ global: { warnMs, errMs }, special: [] }, this.now);
    this.tracker.restore([], undefined, this.now);
    this.sender = this.#newSender();
  }

  static async open({ open }: Pick<Bench, 'open'>, options: WorldOptions = {}): Promise<ManagerWorld> {
    const time = new HandTime();
    const store = await open(module, URL_OF, { clock: () => time.now().wall });
    const manager = await FaultyManager.start(time);
    if (options.isAway === true) await manager.close();
    const world = new ManagerWorld(store, time, manager, options);
    world.sender.start();
    await world.settled();
    return world;
  }

  get now(): Now {
    return this.time.now();
  }

  async close(): Promise<void> {
    await this.sender.stop();
    await this.manager.close().catch(() => undefined);
    await this.store.close();
  }

  /** As after a restart of the service: what was in memory is gone. */
  async restart(): Promise<void> {
    await this.sender.stop();
    this.sender = this.#newSender();
    this.sender.start();
    await this.settled();
  }

  beat(...names: readonly string[]): void {
    for (const name of names) this.tracker.beat(name, 'Jan 1, 0000', 'OK', this.now);
  }

  /** Moves to this many seconds since the start: deadlines, timers and answers come in their order. */
  async moveTo(seconds: number): Promise<void> {
    const end = seconds * 1_000;
    while (this.time.ms < end) {
      this.time.moveTo(Math.min(end, this.time.ms + LOOK_MS, Math.max(this.time.ms, this.time.next)));
      await this.tick();
    }
  }

  /** What is due now is done, kept and told, as far as it can be at this moment. */
  async tick(): Promise<void> {
    this.tracker.advance(this.now, Number.MAX_SAFE_INTEGER);
    await this.record(this.tracker.takeChanges(Number.MAX_SAFE_INTEGER));
  }

  async record(changes: readonly Change[]): Promise<void> {
    if (changes.length > 0) {
      await this.store.call('heartbeat.record', {
        changes,
        arrivals: [],
        incidents: [],
        manager: 'external',
        discover: true,
        watchedUntil: this.now.wall,
      });
    }
    await this.settled();
  }

  /** Until nothing can happen before the clock moves: all rows are known, and who is asked holds what is open. */
  async settled(): Promise<void> {
    await until(
      'the sender is at rest',
      () => this.#isSettled(),
      50_000,
      () => JSON.stringify(this.sender.underWay),
    );
  }

  async #isSettled(): Promise<boolean> {
    for (const _ of [1, 2]) {
      const { requests, outbox, readUpTo } = this.sender.underWay;
      if (outbox > 0 || requests > this.manager.held) return false;
      if ((await readOutbox(this.store, 1, readUpTo)).length > 0) return false;
      await new Promise((resolve) => setImmediate(resolve));
    }
    return true;
  }

  waiting(): Promise<number> {
    return countOutbox(this.store);
  }

  /** What the state manager heard, as `12.5 Ready/OK a b`, seconds since the start. */
  get heard(): string[] {
    return this.manager.heard.map(({ at, ids, state, flag }) => {
      const seconds = (at - START) / 1_000;
      return `${seconds} ${state}/${flag} ${[...ids].sort().join(' ')}`;
    });
  }

  #newSender(): ManagerSender {
    return new ManagerSender({
      outbox: outboxOf(this.store),
      params: () => this.params,
      time: this.time,
      log: { info: (text) => this.logged.push(text), warn: (text) => this.logged.push(text) },
      random: () => 0.5,
      userAgent: 'smn01',
    });
  }
}

export const node = nodeName;
export const nodes = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => node(from + i));

/** A change as the tracker tells it; the time is filled in by nobody. */
export const changeOf = (name: string, kind: Change['kind'], now: Now): Change => ({
  name,
  kind,
  source: 'beat',
  at: now.wall,
  lastBeat: now.wall,
  timestamp: 'Jan 1, 0000',
  status: 'OK',
  gap: false,
  incident: null,
});
