/** Masters, aggregators and leaves over real TLS in this process, for tests of who leads. */
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Json, mono, type Role, wall } from '@csm/model';
import { initCa, issue, readPem } from '@csm/pki';
import type { MessageOf } from '@csm/protocol';
import {
  type CommitBatch,
  type CommitResult,
  type CoreDatabase,
  CoreShell,
  type CoreShellOptions,
  HubShell,
  type HubShellOptions,
  type LeafOptions,
  LeafShell,
  type Log,
  type Serve,
  StandbyShell,
  type StandbyShellOptions,
} from '../src/index.ts';

export const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };
export const quiet: Log = {
  error: () => undefined,
  warn: () => undefined,
  info: () => undefined,
  debug: () => undefined,
};
/** The longest interval that is common: with it nothing may wait for silence to be noticed. */
export const INTERVAL = 15_000;

/** Waits for what hangs only when it is broken. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const end = performance.now() + 45_000;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`not in time: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Cursors and rows as the database keeps them: one for all masters. */
export class Twin implements CoreDatabase {
  readonly rows: Json[] = [];
  readonly cursors = new Map<string, number>();
  hubs: string[] = [];
  known: Awaited<ReturnType<CoreDatabase['load']>>['known'] = [];

  async load() {
    return { known: this.known, hubs: this.hubs };
  }
  async record(record: Parameters<CoreDatabase['record']>[0]) {
    const claims = record.claims.map(({ daemon, incarnation }) => ({
      daemon,
      incarnation,
      cursor: this.cursors.get(`${daemon} ${incarnation}`) ?? 0,
      inventory: null,
    }));
    return { claims };
  }
  async commit(batches: readonly CommitBatch[]): Promise<readonly CommitResult[]> {
    return batches.map(({ daemon, incarnation, first, items }) => {
      const key = `${daemon} ${incarnation}`;
      const cursor = this.cursors.get(key) ?? 0;
      if (first > cursor + 1) return { daemon, incarnation, cursor, gap: true };
      for (const item of items.slice(cursor + 1 - first)) this.rows.push(item.body as Json);
      this.cursors.set(key, Math.max(cursor, first + items.length - 1));
      return { daemon, incarnation, cursor: this.cursors.get(key) ?? 0, gap: false };
    });
  }
  async touch() {}
}

const HOST = '127.0.0.1';
interface Tls {
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
}

/** Where certificates and journals lie; whatever was started here is stopped with it. */
export class Site {
  readonly dir: string;
  readonly #stops: (() => Promise<void>)[] = [];
  readonly #tls = new Map<string, Promise<Tls>>();

  static async make(): Promise<Site> {
    const dir = await mkdtemp(join(tmpdir(), 'csm-masters-'));
    await initCa(dir, { name: 'test' });
    return new Site(dir);
  }

  private constructor(dir: string) {
    this.dir = dir;
  }

  /** What was started last is stopped first. */
  async end(): Promise<void> {
    for (const stop of this.#stops.reverse()) await stop();
    await rm(this.dir, { recursive: true });
  }

  onEnd(stop: () => Promise<void>): void {
    this.#stops.push(stop);
  }

  /** The certificate of a daemon, made when it is first asked for. */
  tls(role: Role, node: string): Promise<Tls> {
    const made = this.#tls.get(`${role}/${node}`) ?? this.#issue(role, node);
    this.#tls.set(`${role}/${node}`, made);
    return made;
  }

  async #issue(role: Role, node: string): Promise<Tls> {
    const { file } = await issue(this.dir, { role, node, names: [HOST] });
    return { ca: await readFile(join(this.dir, 'ca.pem'), 'utf8'), ...(await readPem(file)) };
  }

  async core(node: string, term: number, database: CoreDatabase, more: Partial<CoreShellOptions> = {}) {
    const core = await CoreShell.start({
      ...(await this.#common('master', node)),
      aggregatorListen: { host: HOST, port: 0 },
      utilityListen: { host: HOST, port: 0 },
      database,
      serve: answerAs(node),
      term,
      ...more,
    });
    this.onEnd(() => core.stop('done'));
    return core;
  }

  async standby(node: string, more: Partial<StandbyShellOptions> = {}) {
    const standby = await StandbyShell.start({
      ...(await this.#common('master', node)),
      aggregatorListen: { host: HOST, port: 0 },
      utilityListen: { host: HOST, port: 0 },
      ...more,
    });
    this.onEnd(() => standby.stop('done'));
    return standby;
  }

  /** The master `standby` was takes over, on its ports. */
  takeOver(
    standby: StandbyShell,
    node: string,
    term: number,
    database: CoreDatabase,
    more: Partial<CoreShellOptions> = {},
  ) {
    const { aggregators, utilities } = standby.ports;
    return this.core(node, term, database, {
      ...more,
      standby,
      aggregatorListen: { host: HOST, port: aggregators },
      utilityListen: { host: HOST, port: utilities },
    });
  }

  async hub(node: string, masters: readonly number[], more: Partial<HubShellOptions> = {}) {
    const hub = new HubShell({
      ...(await this.#common('aggregator', node)),
      listen: { host: HOST, port: 0 },
      masters: masters.map((port) => ({ host: HOST, port })),
      drainMs: 0,
      ...more,
    });
    await hub.start();
    this.onEnd(() => hub.stop('done'));
    return hub;
  }

  async leaf(role: Role, node: string, ports: readonly number[], more: Partial<LeafOptions> = {}) {
    const leaf = await LeafShell.start({
      ...(await this.#common(role, node)),
      role,
      candidates: ports.map((port) => ({ name: `${HOST}:${port}`, host: HOST, port })),
      journal: join(this.dir, `${role}-${node}.journal`),
      returnAfterMs: 300_000,
      outboxBytes: 1024 * 1024,
      commands: {},
      ...more,
    });
    this.onEnd(() => leaf.stop('done'));
    return leaf;
  }

  async #common(role: Role, node: string) {
    const tls = await this.tls(role, node);
    const none: ReadonlySet<string> = new Set();
    return { node, tls: () => tls, revoked: () => none, intervalMs: INTERVAL, clock, log: quiet };
  }
}

/** A call is answered with the name of the master that serves it. */
export const answerAs =
  (node: string): Serve =>
  async () => ({ by: node });

let calls = 0;

/** Asks through a leaf, as often as its way is lost; resolves with what `answerAs` says. */
export function ask(leaf: LeafShell, vouchedBy: string): Promise<unknown> {
  const caller: MessageOf<'call'>['caller'] = { user: 'op', uid: 1000, gid: 1000, groups: [], pid: 1, vouchedBy };
  const order = {
    id: `q-${++calls}`,
    call: 'who',
    input: {},
    caller,
    trace: 't',
    within: 20_000,
    repeatable: true,
  };
  return new Promise((resolve, reject) => {
    leaf.call(order, {
      items: async () => undefined,
      piece: () => reject(new Error('the answer is not long')),
      ended: ({ answer, problem }) => (problem === undefined ? resolve(answer) : reject(new Error(problem.detail))),
    });
  });
}

export const report = (n: number) => ({
  kind: 'test',
  urgency: 'normal' as const,
  time: Date.now(),
  body: { n },
});
