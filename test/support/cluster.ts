/**
 * A whole cluster for a test, or for all of a file: real daemons, each its own process, real certificates, a real database, on a loopback
 * address of its own. (Connections go out from 127.0.0.1, so that none can take a port a killed daemon comes back to.)
 *
 *   await withCluster({ computes: 2 }, async (cluster) => { … });
 *
 * However the body ends, no process and no file stays behind; when it fails, the error bears the end of every log.
 */
import { randomInt } from 'node:crypto';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ApiTypes, Client } from '@csm/client';
import type { DaemonId } from '@csm/model';
import { DaemonProcess } from '@csm/sim';
import Database from 'better-sqlite3';
import {
  type ClusterOptions,
  computesOf,
  HUBS,
  listsOf,
  makePlan,
  type Route,
  simulatedOf,
  socketOf,
} from './cluster-plan.ts';
import { judge, type Verdict } from './numbered/oracle.ts';
import type { TcpProxy } from './proxy.ts';
import { type Condition, Hopeless, waitFor } from './wait.ts';

const READY_MS = 60_000;
const HEAL_MS = 60_000;
const TAIL_LINES = 25;

export { type ClusterOptions, HUBS, type Route };

/** A row of the `change` table about links. */
export interface LinkRow {
  readonly seq: number;
  readonly time: number;
  readonly subject: string;
  readonly body: {
    readonly event: string;
    readonly nodes: string;
    readonly count: number;
    readonly cause: string;
    readonly planned: boolean;
    readonly at: number;
    readonly last_seen?: Readonly<Record<string, number>>;
  };
}

export class Cluster {
  readonly options: ClusterOptions;
  readonly directory: string;
  /** Names of the real compute daemons. */
  readonly computes: readonly string[];
  /** Names of the simulated nodes. */
  readonly simulated: readonly string[];
  readonly #host = `127.${randomInt(1, 255)}.${randomInt(0, 256)}.${randomInt(1, 255)}`;
  readonly #processes = new Map<string, DaemonProcess>();
  readonly #ids = new Map<string, DaemonId>();
  readonly #proxies = new Map<Route, TcpProxy>();
  readonly #clients: Client[] = [];
  readonly #kills = new Map<string, number>();
  #reader: Database.Database | undefined;
  #generating = false;
  readonly #atExit = () => {
    for (const process of this.#processes.values()) process.destroy();
    rmSync(this.directory, { recursive: true, force: true });
  };

  private constructor(options: ClusterOptions) {
    this.options = options;
    this.directory = mkdtempSync(join(tmpdir(), 'csm-'));
    this.computes = computesOf(options);
    this.simulated = simulatedOf(options);
    process.on('exit', this.#atExit);
  }

  /** Starts everything and resolves when every node is linked twice and known. */
  static async start(options: ClusterOptions): Promise<Cluster> {
    const cluster = new Cluster(options);
    try {
      for (const { id, ...launch } of await makePlan(options, cluster.directory, cluster.#host, cluster.#proxies)) {
        cluster.#ids.set(launch.name, id);
        cluster.#processes.set(launch.name, new DaemonProcess(launch));
      }
      for (const process of cluster.#processes.values()) process.start();
      await cluster.healed(READY_MS);
    } catch (error) {
      const told = cluster.explain(error);
      await cluster.close().catch(() => undefined);
      throw told;
    }
    return cluster;
  }

  get intervalMs(): number {
    return this.options.interval * 1000;
  }

  /** All nodes below aggregators. */
  get nodes(): readonly string[] {
    return [...this.computes, ...this.simulated];
  }

  get database(): string {
    return join(this.directory, 'state/master/csm.db');
  }

  /** A daemon by its name: master, agg-A, agg-B, utility, c1 …, sim. */
  process(name: string): DaemonProcess {
    const process = this.#processes.get(name);
    if (process === undefined)
      throw new Error(`no daemon is named '${name}': ${[...this.#processes.keys()].join(', ')}`);
    return process;
  }

  socket(name: string): string {
    return socketOf(this.directory, name);
  }

  /** A client of a daemon's local socket; closed with the cluster. */
  client(name: string): Client<ApiTypes> {
    const client = new Client({ socket: this.socket(name), timeout: 10 });
    this.#clients.push(client);
    return client;
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    const id = this.#ids.get(name) ?? '?';
    if (signal === 'SIGKILL') this.#kills.set(id, (this.#kills.get(id) ?? 0) + 1);
    await this.process(name).kill(signal);
  }

  /** SIGSTOP. */
  pause(name: string): void {
    this.process(name).pause();
  }

  /** SIGCONT. */
  resume(name: string): void {
    this.process(name).resume();
  }

  /** Starts a daemon that has ended, as systemd would; `more`: arguments besides those it always has. */
  restart(name: string, more: readonly string[] = []): void {
    this.process(name).start({ args: more });
  }

  proxy(route: Route): TcpProxy {
    const proxy = this.#proxies.get(route);
    if (proxy === undefined) throw new Error(`the way ${route} leads through no proxy`);
    return proxy;
  }

  /** As `waitFor`, but a daemon that ends by itself ends the waiting. */
  async until(condition: Condition, deadline: number, what: string): Promise<number> {
    return waitFor(
      async () => {
        this.#checkAlive(what);
        return condition();
      },
      deadline,
      what,
    );
  }

  /** Waits until master and aggregators stand and every node has both its links, by the master's own word. */
  async healed(deadline = HEAL_MS): Promise<number> {
    const client = this.client('utility');
    const took = await this.until(
      async () => {
        const health = await client.call('health', {});
        if (health.master.settling) return 'the master is settling';
        const hubs = health.aggregators.filter((a) => a.connected).length;
        if (hubs < HUBS.length) return health.problems;
        const records = new Map((await client.call('node.list', {})).map((node) => [node.name, node]));
        const missing = this.nodes.filter((name) => records.get(name)?.links !== 2);
        if (missing.length > 0) return `without two links: ${missing.join(', ')}`;
        const unknown = [...this.nodes, ...HUBS, 'master', 'utility'].filter(
          (name) => records.get(name)?.kernel_release == null || records.get(name)?.connected !== true,
        );
        return unknown.length === 0 || `not linked or without inventory: ${unknown.join(', ')}`;
      },
      deadline,
      'every node has two links and an inventory',
    );
    client.close();
    return took;
  }

  /** Starts what has ended, wakes what sleeps, and waits until it is healed. */
  async mended(): Promise<void> {
    for (const process of this.#processes.values()) {
      if (!process.running) process.start();
      else if (process.paused) process.resume();
    }
    await this.healed();
  }

  /** Makes `hub` the primary of every node: the other one stops for as long as that takes. Nodes stay (return_after). */
  async gather(hub: (typeof HUBS)[number]): Promise<void> {
    const other = hub === 'agg-A' ? 'agg-B' : 'agg-A';
    await this.kill(other, 'SIGTERM');
    await this.until(() => this.servedBy(hub).length === this.nodes.length, HEAL_MS, `every node is served by ${hub}`);
    this.restart(other);
    await this.healed();
  }

  /** Nodes whose primary, in the database of the running master, is `hub`. */
  servedBy(hub: string): string[] {
    const sql = `SELECT node_name FROM daemon WHERE role = 'compute' AND primary_agg = ? ORDER BY node_name`;
    return (this.#read(sql, hub) as { node_name: string }[]).map((row) => row.node_name);
  }

  /** Rows about links in the `change` table behind `after`. */
  links(after = 0): LinkRow[] {
    const sql = `SELECT seq, time, subject, body FROM change WHERE kind = 'link' AND seq > ? ORDER BY seq`;
    const rows = this.#read(sql, after) as { seq: number; time: number; subject: string; body: string }[];
    return rows.map((row) => ({ ...row, body: JSON.parse(row.body) as LinkRow['body'] }));
  }

  /** The newest row of the `change` table. */
  head(): number {
    return (this.#read('SELECT coalesce(max(seq), 0) AS head FROM change') as { head: number }[])[0]?.head ?? 0;
  }

  /** Starts the generators of all daemons, or with 0 stops them; numbers a second for each daemon. */
  generate(rate: number): void {
    const file = join(this.#lists, 'running');
    this.#generating = rate > 0;
    if (rate > 0) writeFileSync(file, String(rate));
    else rmSync(file, { force: true });
  }

  /** Stops the generators, waits until every outbox is empty, and stops all daemons, the master last. */
  async drained(deadline = HEAL_MS): Promise<void> {
    this.generate(0);
    for (const name of this.#processes.keys()) {
      if (name === 'sim') continue;
      const client = this.client(name);
      await this.until(
        async () => {
          const { local } = await client.call('health', {});
          return (local.outbox.waiting === 0 && local.outbox.unacknowledged === 0) || local;
        },
        deadline,
        `the outbox of ${name} is empty`,
      );
      client.close();
    }
    const fault = await this.#stopAll();
    if (fault !== undefined) throw new Error(fault);
  }

  /** Holds the lists against the database. Only after `drained`. */
  judge(): Verdict {
    if (this.#generating || this.process('master').running) throw new Error('the cluster is still at work');
    return judge(this.database, this.#lists, this.#kills);
  }

  /** The error with the end of every log. */
  explain(error: unknown): Error {
    const tails = [...this.#processes.values()].map(
      (p) => `--- ${p.name} (${p.running ? 'runs' : 'ended'})\n${p.tail(TAIL_LINES)}`,
    );
    const cause = error instanceof Error ? error : new Error(String(error));
    const keep = process.env['CSM_TEST_KEEP'];
    if (keep !== undefined && keep !== '')
      cpSync(this.directory, join(keep, `csm-failed-${Date.now()}`), {
        recursive: true,
        filter: (f) => !f.endsWith('.sock'),
      });
    cause.message += `\n${tails.join('\n')}`;
    return cause;
  }

  /** Ends everything and removes it. Rejects when a daemon did not end as it should. */
  async close(): Promise<void> {
    for (const client of this.#clients) client.close();
    const fault = await this.#stopAll();
    for (const proxy of this.#proxies.values()) await proxy.close();
    rmSync(this.directory, { recursive: true, force: true });
    process.off('exit', this.#atExit);
    if (fault !== undefined) throw new Error(fault);
  }

  get #lists(): string {
    return listsOf(this.directory);
  }

  #checkAlive(what: string): void {
    for (const { fault } of this.#processes.values()) {
      if (fault !== undefined) throw new Hopeless(`${fault}, while waiting until ${what}`);
    }
  }

  /** Nodes first, the master last: nobody is lost, everybody says goodbye. */
  async #stopAll(): Promise<string | undefined> {
    this.#reader?.close();
    this.#reader = undefined;
    const faults: string[] = [];
    const groups = [[...this.computes, 'sim', 'utility'], [...HUBS], ['master']];
    for (const group of groups) {
      const ends = await Promise.all(group.map(async (name) => this.#processes.get(name)?.end()));
      faults.push(...ends.filter((fault) => fault !== undefined));
    }
    return faults.length === 0 ? undefined : faults.join('; ');
  }

  #read(sql: string, ...params: unknown[]): unknown[] {
    this.#reader ??= new Database(this.database, { readonly: true, fileMustExist: true });
    return this.#reader.prepare(sql).all(...params);
  }
}

type Body = (cluster: Cluster) => Promise<void>;

/** Runs `body` with a cluster of its own, which is gone afterwards. */
export async function withCluster(options: ClusterOptions, body: Body): Promise<void> {
  const cluster = await Cluster.start(options);
  await running(cluster, body);
  await cluster.close();
}

/**
 * One cluster for all tests of a describe, started by the first: each finds it healed, whatever the one before it left
 * behind. A test that fails takes it along, and the next has a new one.
 */
export function sharedCluster(options: ClusterOptions): (body: Body) => Promise<void> {
  let shared: Cluster | undefined;
  after(() => shared?.close());
  return async (body) => {
    const cluster = shared ?? (await Cluster.start(options));
    // Until it has stood this test; what fails in `running` has closed it.
    shared = undefined;
    await running(cluster, async () => {
      await cluster.mended();
      await body(cluster);
    });
    shared = cluster;
  };
}

/** When `body` fails, the cluster is closed and the error bears its logs. */
async function running(cluster: Cluster, body: Body): Promise<void> {
  try {
    await body(cluster);
  } catch (error) {
    const told = cluster.explain(error);
    await cluster.close().catch(() => undefined);
    throw told;
  }
}
