/**
 * The whole service over HTTP on a clock that a test moves: real store, real door, real requests; only time is the
 * test's. The wall clock may be set apart from the monotonic one, and the process may be put to sleep.
 */
import { memoryLog } from '@csm/kit';
import { mono, type Now, wall } from '@csm/model';
import type { Bench } from '@csm/sim';
import type { Store } from '@csm/store';
import { type Assembled, assemble } from '../src/assemble.ts';
import type { CutOff } from '../src/cut-off.ts';
import { type OpenDoor, openDoor } from '../src/door.ts';
import type { ServiceConfig } from '../src/settings.ts';
import { setupOf } from '../src/setup.ts';
import * as module from '../src/store.ts';
import type { TimePort } from '../src/types.ts';
import { until } from './hand-time.ts';

const STORE_URL = new URL('../src/store.js', import.meta.url).href;
export const BEGAN = Date.parse('2026-01-31T08:00:00Z');
/** Turns of the loop in which what a timer began has gone as far as it goes without the world outside. */
const TURNS = 6;

/** The monotonic clock then. */
export const MONO_BEGAN = 1_000;

export class StepTime implements TimePort {
  /** Timers fire so much too early, ms: as real ones do by a little, whose clock stands still while a turn lasts. */
  earlyMs = 0;
  #mono = MONO_BEGAN;
  #wall = BEGAN;
  readonly #timers = new Set<{ readonly at: number; readonly run: () => void }>();

  now(): Now {
    return { mono: mono(this.#mono), wall: wall(this.#wall) };
  }

  after(ms: number, run: () => void): () => void {
    const timer = { at: this.#mono + (ms > this.earlyMs ? ms - this.earlyMs : ms), run };
    this.#timers.add(timer);
    return () => this.#timers.delete(timer);
  }

  /** Time passes: what comes due runs when it is due. */
  async advance(ms: number): Promise<void> {
    const target = this.#mono + ms;
    await turns();
    for (let due = this.#next(target); due !== undefined; due = this.#next(target)) {
      this.#move(due.at);
      await this.#fire(due);
    }
    this.#move(target);
    await turns();
  }

  /** The process sleeps: time passes, and nothing runs until it wakes. */
  async sleep(ms: number): Promise<void> {
    await turns();
    this.#move(this.#mono + ms);
    const missed = [...this.#timers].filter(({ at }) => at <= this.#mono);
    for (const due of missed) if (this.#timers.has(due)) await this.#fire(due);
  }

  /** Somebody sets the clock on the wall. */
  step(ms: number): void {
    this.#wall += ms;
  }

  #next(until: number) {
    let first: { readonly at: number; readonly run: () => void } | undefined;
    for (const timer of this.#timers)
      if (timer.at <= until && (first === undefined || timer.at < first.at)) first = timer;
    return first;
  }

  #move(to: number): void {
    if (to <= this.#mono) return;
    this.#wall += to - this.#mono;
    this.#mono = to;
  }

  async #fire(timer: { readonly at: number; readonly run: () => void }): Promise<void> {
    this.#timers.delete(timer);
    timer.run();
    await turns();
  }
}

async function turns(): Promise<void> {
  for (let n = 0; n < TURNS; n++) await new Promise((resolve) => setImmediate(resolve));
}

/** What a test may set; all else has its default. Port 0: a free one. */
export type Wanted = Partial<Omit<ServiceConfig, 'manager'>> & { readonly manager?: Partial<ServiceConfig['manager']> };

export function configOf(wanted: Wanted = {}): ServiceConfig {
  return {
    listen: { host: '127.0.0.1', port: 0 },
    tls: { cert_file: undefined, key_file: undefined, ca_file: undefined, identity: 'none' },
    warntime: 10,
    errtime: 30,
    interval: 5,
    thresholds: [],
    bus: { url: undefined },
    max_components: 200_000,
    history_keep: 90 * 86_400_000,
    flush_interval: 2_000,
    limits: { body: 64 * 1024, connections: 8192 },
    ...wanted,
    manager: { kind: 'builtin', sm_url: undefined, sm_timeout: 10, sm_retries: 3, discover: true, ...wanted.manager },
  };
}

export interface Answered {
  readonly status: number;
  readonly type: string | null;
  readonly text: string;
  // biome-ignore lint/suspicious/noExplicitAny: the body of an answer, which tests look into
  readonly json: any;
}

export class ServiceWorld {
  readonly time: StepTime;
  readonly store: Store;
  readonly log = memoryLog();
  /** Why this machine hears nobody; a test may set it. */
  cutOffWords: string | undefined;
  readonly #wanted: Wanted;
  #assembled: Assembled | undefined;
  #door: OpenDoor | undefined;

  private constructor(time: StepTime, store: Store, wanted: Wanted) {
    this.time = time;
    this.store = store;
    this.#wanted = wanted;
  }

  /** On a database of its own. */
  static async open(bench: Bench, wanted: Wanted = {}, time: StepTime = new StepTime()): Promise<ServiceWorld> {
    const store = await bench.open(module, STORE_URL, { clock: () => time.now().wall });
    const world = new ServiceWorld(time, store, wanted);
    await world.start();
    return world;
  }

  get service(): Assembled['service'] {
    if (this.#assembled === undefined) throw new Error('the service does not run');
    return this.#assembled.service;
  }

  get url(): string {
    if (this.#door === undefined) throw new Error('the service does not run');
    return this.#door.url;
  }

  /** `wanted`: what the configuration says otherwise from now on. */
  async start(wanted: Wanted = {}): Promise<void> {
    const { time, log, store } = this;
    const cutOff: CutOff = async () => this.cutOffWords;
    const setup = setupOf(configOf({ ...this.#wanted, ...wanted }), 'mem:');
    this.#assembled = await assemble({ store, setup, time, log, cutOff });
    this.#door = openDoor({ setup, time, log });
    this.#door.lead(this.#assembled);
    await this.#door.listen();
  }

  async stop(): Promise<void> {
    await this.#door?.close();
    await this.#assembled?.service.stop();
    this.#door = undefined;
    this.#assembled = undefined;
  }

  /** As a process that dies: nothing more is written. */
  async kill(): Promise<void> {
    await this.settled();
    const written = this.store.call.bind(this.store);
    Object.assign(this.store, { call: () => new Promise(() => undefined) });
    await this.stop();
    Object.assign(this.store, { call: written });
  }

  async ask(method: string, path: string, body?: unknown): Promise<Answered> {
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await fetch(`${this.url}${path}`, { method, ...(body === undefined ? {} : { body: text }) });
    const read = await answer.text();
    const type = answer.headers.get('content-type');
    return { status: answer.status, type, text: read, json: type?.includes('json') === true ? JSON.parse(read) : null };
  }

  get = (path: string): Promise<Answered> => this.ask('GET', path);

  /** A heartbeat; rejects unless it counts. */
  async beat(name: string, status = 'OK'): Promise<void> {
    const body = { Component: name, Hostname: name, NID: '1', Status: status, Timestamp: 'Jan 1, 0000' };
    const answer = await this.ask('POST', '/hmi/v1/heartbeat', body);
    if (answer.status !== 200) throw new Error(`${name}: ${answer.status} ${answer.text}`);
  }

  async beats(names: readonly string[], status = 'OK'): Promise<void> {
    const list = names.map((name) => ({
      Component: name,
      Hostname: name,
      NID: '1',
      Status: status,
      Timestamp: 'Jan 1, 0000',
    }));
    const { json, status: code } = await this.ask('POST', '/hmi/v1/heartbeats', list);
    if (code !== 200 || json.Accepted !== names.length) throw new Error(`${code} ${JSON.stringify(json)}`);
  }

  /** All that has happened is in the database. */
  settled(): Promise<void> {
    return until('all is written', () => {
      const { waiting } = this.service.tracker;
      return waiting.changes === 0 && waiting.incidents === 0 && this.service.health().waiting.store === 0;
    });
  }

  /** What became of a component, oldest first: `started@0`, in seconds since the world began. */
  async story(name: string): Promise<string[]> {
    await this.settled();
    const { json } = await this.get(`/hmi/v1/components/${name}/history`);
    const rows = json.History as { Time: string; Change: string; Gap: boolean }[];
    return [...rows].reverse().map(({ Time, Change, Gap }) => {
      const seconds = Math.round((Date.parse(Time) - BEGAN) / 100) / 10;
      return `${Change}${Gap ? '(gap)' : ''}@${seconds}`;
    });
  }

  /** The same without times. */
  async kinds(name: string): Promise<string[]> {
    return (await this.story(name)).map((one) => one.replace(/@.*$/, ''));
  }
}
