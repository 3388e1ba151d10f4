/**
 * What a heartbeat costs the service that takes it: one process of it, alone, with its SQLite file, and the last beats
 * of all components written every two seconds. Beside it: a bare server of Node that only parses the body. wrk posts to
 * both over 32 connections that stay open. And how long a post takes while tens of thousands of other components die.
 */
import { writeFileSync } from 'node:fs';
import { get } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { DaemonProcess } from '../site/daemon-process.ts';
import { CSMD, freePorts, Site } from '../site/site.ts';
import type { Bench, BenchContext } from './figure.ts';
import { Posts } from './heartbeat-rest-posts.ts';
import { runWrk, type WrkOrder, writeScript, wrkFault } from './heartbeat-rest-wrk.ts';
import { percentile } from './percentile.ts';
import { readCpuMs, readRss } from './process-cost.ts';
import { Disturbed, figureOf, measureRounds, type Round } from './rounds.ts';

interface Sizes {
  readonly few: number;
  readonly many: number;
  /** Components that die. */
  readonly dying: number;
  /** Posted before, so that the code is warm, and measured; s. */
  readonly warmUp: number;
  readonly span: number;
}

const FULL: Sizes = { few: 1000, many: 100_000, dying: 50_000, warmUp: 5, span: 15 };
const QUICK: Sizes = { few: 1000, many: 10_000, dying: 2000, warmUp: 1, span: 2 };
/** Heartbeats of one batch. */
const BATCH = 100;
/** Nobody is late while throughput is measured, s. */
const PATIENT = { warntime: 300, errtime: 600 };
/** s; and what those who live post a second meanwhile. */
const HASTY = { warntime: 4, errtime: 8 };
const LIVING = 1000;
const PER_SECOND = 1000;
/** Last beats are written this often, s: what was posted is on disk two of them later. */
const FLUSH_S = 2;
/** Less CPU than this in half a second is none, ms. */
const IDLE_MS = 25;
const IDLE_LOOK_MS = 500;
const IDLE_WAIT_MS = 120_000;
const RSS_LOOK_MS = 250;
const MIB = 1024 ** 2;
const PER = 100_000;
const UNIT = 'CPU s / 100,000';
const BARE = fileURLToPath(new URL('./heartbeat-rest-bare.js', import.meta.url));

const POST = '/hmi/v1/heartbeat';
const POST_BATCH = '/hmi/v1/heartbeats';

export const heartbeatRest: Bench = {
  names: ['heartbeat-rest'],
  about: 'CPU of taking heartbeats over HTTP, beside a bare server; latency while many components die; memory (wrk)',
  async run(context, _wanted, emit) {
    const fault = wrkFault();
    if (fault !== undefined) {
      context.note(`heartbeat-rest: ${fault}; it is left out`);
      return;
    }
    const sizes = context.quick ? QUICK : FULL;
    const site = await Site.open(context.signal);
    const judged = !context.quick;
    try {
      const stage = await Stage.start(site, context, sizes);
      for (const [name, components, batch, most] of [
        [`heartbeat-rest-${sizes.few}`, sizes.few, 1, 1.3],
        ['heartbeat-rest-batch', sizes.few, BATCH, 0.35],
        [`heartbeat-rest-${sizes.many}`, sizes.many, 1, 1.6],
      ] as const) {
        const { rounds, more } = await measureRounds(context, name, () => stage.cost(name, components, batch));
        const figures = { requests_s: median(rounds, (r) => r.perSecond), p99_ms: median(rounds, (r) => r.p99Ms) };
        const head = { name, unit: UNIT, nodes: components, must: { ratio: { most } } };
        emit(figureOf(head, rounds, { ...figures, ...more }, judged));
        if (components !== sizes.many) continue;
        const memory = rounds.map(({ rss, seconds }) => ({ value: rss / MIB, seconds }));
        const must = { value: { most: 250 } };
        const resident = { name: 'heartbeat-rest-memory', unit: 'MiB', nodes: components, must };
        const peak = { most_mib: Math.round(Math.max(...rounds.map(({ rssMost }) => rssMost)) / MIB) };
        emit(figureOf(resident, memory, { ...peak, ...more }, judged));
      }
      await stage.end();
      const { rounds, more } = await measureRounds(context, 'heartbeat-rest-mass-death', () =>
        massDeath(site, context, sizes.dying),
      );
      const head = { name: 'heartbeat-rest-mass-death', unit: 'ms (p99)', nodes: sizes.dying };
      const worst = { max_ms: Math.round(Math.max(...rounds.map(({ max }) => max))), posts_s: PER_SECOND };
      emit(figureOf({ ...head, must: { value: { most: 100 } } }, rounds, { ...worst, ...more }, judged));
    } finally {
      await site.close();
    }
  },
};

const median = <T>(rounds: readonly T[], of: (round: T) => number): number =>
  Math.round(percentile(rounds.map(of), 0.5));

interface Cost extends Round {
  readonly perSecond: number;
  readonly p99Ms: number;
  /** Bytes of the service when all is written, and the most that was seen from the first post on. */
  readonly rss: number;
  readonly rssMost: number;
}

/** The service and the bare server, both running, and wrk's script. */
class Stage {
  readonly #site: Site;
  readonly #context: BenchContext;
  readonly #sizes: Sizes;
  readonly #script: string;
  readonly #service: Server;
  readonly #bare: Server;

  static async start(site: Site, context: BenchContext, sizes: Sizes): Promise<Stage> {
    const script = join(site.root, 'heartbeats.lua');
    writeScript(script);
    const service = await startService(site, 'heartbeat', PATIENT);
    const [port = 0] = await freePorts(1);
    const process = site.process({ name: 'bare-http', kind: 'bare', argv: [BARE, String(port)] });
    const bare = { process, port };
    await answers(site, bare, '/');
    return new Stage(site, context, sizes, script, service, bare);
  }

  private constructor(site: Site, context: BenchContext, sizes: Sizes, script: string, service: Server, bare: Server) {
    this.#site = site;
    this.#context = context;
    this.#sizes = sizes;
    this.#script = script;
    this.#service = service;
    this.#bare = bare;
  }

  /** CPU seconds of 100,000 heartbeats; the bare server is posted one heartbeat a request always. */
  async cost(name: string, components: number, batch: number): Promise<Cost> {
    const bare = await this.#measure(this.#bare, POST, components, 1);
    const ours = await this.#measure(this.#service, batch === 1 ? POST : POST_BATCH, components, batch);
    const [value, baseline] = [ours.cpuS, bare.cpuS];
    this.#context.note(
      `${name}: ${value.toFixed(3)} ${UNIT} at ${Math.round(ours.perSecond)} requests/s, bare ${baseline.toFixed(3)} at ${Math.round(bare.perSecond)}`,
    );
    const { perSecond, p99Ms, rss, rssMost, seconds } = ours;
    return { value, baseline, seconds: seconds + bare.seconds, perSecond, p99Ms, rss, rssMost };
  }

  async end(): Promise<void> {
    await Promise.all([this.#service.process.end(), this.#bare.process.end()]);
  }

  async #measure({ process, port }: Server, path: string, components: number, batch: number) {
    const { signal } = this.#site;
    const { warmUp, span } = this.#sizes;
    const order = { url: `http://127.0.0.1:${port}${path}`, components, batch };
    const memory = new Memory(process);
    try {
      await runWrk(this.#script, { ...order, seconds: warmUp } satisfies WrkOrder, signal);
      await idle(this.#site, process);
      const begin = await readCpuMs(process.pid);
      const ran = await runWrk(this.#script, { ...order, seconds: span }, signal);
      // What is yet to be written is part of the price.
      await pause(2 * FLUSH_S * 1000, undefined, { signal });
      await idle(this.#site, process);
      const cpuMs = (await readCpuMs(process.pid)) - begin;
      const cpuS = (cpuMs / 1000 / (ran.requests * batch)) * PER;
      const rss = await memory.look();
      const { p99Ms, seconds } = ran;
      return { cpuS, perSecond: ran.requests / seconds, p99Ms, seconds, rss, rssMost: memory.most };
    } finally {
      memory.end();
    }
  }
}

interface Server {
  readonly process: DaemonProcess;
  readonly port: number;
}

/** The service as a daemon of its own, with its database in a file; resolves when it is ready. */
async function startService(
  site: Site,
  name: string,
  { warntime, errtime }: { readonly warntime: number; readonly errtime: number },
): Promise<Server> {
  const [port = 0] = await freePorts(1);
  const file = join(site.root, 'etc', `${name}.cfg`);
  const csm = {
    role: 'heartbeat',
    node_name: name,
    state_dir: site.stateDir(name),
    listen: { host: '127.0.0.1', port },
    warntime,
    errtime,
    flush_interval: FLUSH_S,
    net: { local_client_listen: { socket: site.socket(name) } },
  };
  writeFileSync(file, JSON.stringify({ csm }), { mode: 0o600 });
  const process = site.process({ name, kind: 'master', argv: [CSMD, '--role', 'heartbeat', '--file', file] });
  const server = { process, port };
  await answers(site, server, '/hmi/v1/readiness');
  return server;
}

/** Waits until it answers, whatever it says; of the service, that it is ready. */
async function answers(site: Site, { port, process }: Server, path: string): Promise<void> {
  await site.until(`${process.name} answers`, () => {
    return new Promise<boolean>((resolve, reject) => {
      const asked = get({ host: '127.0.0.1', port, path, agent: false }, (res) => {
        res.resume();
        resolve(res.statusCode !== 503);
      });
      asked.once('error', reject);
    });
  });
}

/** Waits until a process has nothing to do any more. */
async function idle(site: Site, process: DaemonProcess): Promise<void> {
  const late = performance.now() + IDLE_WAIT_MS;
  for (let before = await readCpuMs(process.pid); ; ) {
    await pause(IDLE_LOOK_MS, undefined, { signal: site.signal });
    site.checkAlive();
    const now = await readCpuMs(process.pid);
    if (now - before < IDLE_MS) return;
    if (performance.now() > late)
      throw new Error(`${process.name} is busy ${IDLE_WAIT_MS / 1000} s after the last post`);
    before = now;
  }
}

/** Looks at the memory of a process again and again, from now on until the end; bytes. */
class Memory {
  most = 0;
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;

  constructor({ pid }: DaemonProcess) {
    this.#pid = pid;
    // One that has ended is told by whoever waits for it.
    this.#timer = setInterval(() => void this.look().catch(() => undefined), RSS_LOOK_MS);
  }

  async look(): Promise<number> {
    const rss = await readRss(this.#pid);
    this.most = Math.max(this.most, rss);
    return rss;
  }

  end(): void {
    clearInterval(this.#timer);
  }
}

interface Death extends Round {
  readonly max: number;
}

let deaths = 0;

/** Many components beat once and never again, while others go on: how long the posts of these take as those die. */
async function massDeath(site: Site, { note }: BenchContext, dying: number): Promise<Death> {
  const { process, port } = await startService(site, `heartbeat-${++deaths}`, HASTY);
  const posts = new Posts(port);
  const end = new AbortController();
  try {
    // Those who live are numbered first.
    await posts.known(0, LIVING);
    await posts.known(LIVING, dying);
    const silent = performance.now();
    await pause(HASTY.warntime * 1000 - 1000, undefined, { signal: site.signal });
    const posting = posts.paced(LIVING, PER_SECOND, end.signal);
    // Where the measurement is called off nobody asks what became of it.
    posting.catch(() => undefined);
    // They are late, and then dead, within this time; the last of them a moment after the first.
    await pause(HASTY.errtime * 1000 + 2000 - (performance.now() - silent), undefined, { signal: site.signal });
    end.abort();
    const took = await posting;
    const dead = site.until(`${dying} components are dead`, async () => {
      const now = await counted(posts);
      if (now === dying) return true;
      throw new Error(`${now} of ${dying} are`);
    });
    // A service that did not get the CPU says that it slept, and declares nobody dead.
    await dead.catch((error: unknown) => {
      site.signal.throwIfAborted();
      throw new Disturbed(error instanceof Error ? error.message : String(error));
    });
    const [p99, max] = [percentile(took, 0.99), Math.max(0, ...took)];
    note(`heartbeat-rest-mass-death: p99 ${p99.toFixed(1)} ms, at most ${max.toFixed(1)} ms, of ${took.length} posts`);
    return { value: p99, max, seconds: (performance.now() - silent) / 1000 };
  } finally {
    end.abort();
    posts.close();
    await process.end();
  }
}

/** How many components the service says are dead. */
async function counted(posts: Posts): Promise<number> {
  let dead = 0;
  for (let after = ''; ; ) {
    const page = (await posts.get(`/hmi/v1/components?state=dead&limit=10000${after}`)) as {
      readonly Components: readonly unknown[];
      readonly next: string | null;
    };
    dead += page.Components.length;
    if (page.next === null) return dead;
    after = `&after=${encodeURIComponent(page.next)}`;
  }
}
