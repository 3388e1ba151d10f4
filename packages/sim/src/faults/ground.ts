/**
 * The cluster faults happen to: the usual tree, simulated nodes in several processes so that one of them can be killed,
 * a real compute daemon, and the ways and disks that can be made bad. It lives through all faults of a run.
 *
 * It is long because every kind of fault asks it for something; what is done to one thing stands in files of its own.
 */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { ApiTypes, Client } from '@csm/client';
import { expand, fold } from '@csm/nodeset';
import { revokedFile } from '@csm/pki';
import {
  linksOfPostgres,
  linksOfSqlite,
  type ReadUpTo,
  readPostgres,
  readSqlite,
  type StoredState,
} from '../oracle/rows.ts';
import type { DaemonProcess } from '../site/daemon-process.ts';
import { type DistantProxy, Proxies } from '../site/proxies.ts';
import type { SimProcess } from '../site/sim-process.ts';
import { Site } from '../site/site.ts';
import { type DatabaseEngine, startTree, type Tree } from '../site/tree.ts';
import { Disk } from './disk.ts';
import type { Place } from './fault.ts';
import { residentKib } from './memory.ts';
import { Netspaces } from './netspaces.ts';
import type { Answer } from './witness.ts';

export interface GroundOptions {
  readonly db: DatabaseEngine;
  readonly place: Place;
  /** Simulated nodes, and processes they are in. */
  readonly nodes: number;
  readonly processes: number;
  /** Numbered reports a second, of all nodes together. */
  readonly rate: number;
  /** Whether small disks can be mounted. */
  readonly disks: boolean;
  readonly signal: AbortSignal;
}

/** One process of simulated nodes. */
export interface Crew {
  readonly name: string;
  readonly nodes: readonly string[];
  readonly sim: SimProcess;
}

export const INTERVAL_S = 0.5;
/** The real compute daemon. */
export const REAL = 'c1';
/** A node of no daemon, for peers made by hand. */
export const DEAF = 'deaf';
const HUBS = ['agg-a', 'agg-b'];
const MASTERS = ['master', 'master-2'];
const MEBI = 1024 * 1024;
/** What a daemon says behind a SIGHUP. */
const RELOADED = 'the configuration was read again';
/** Until all is whole again. */
const WHOLE_MS = 60_000;
const KEEP_MS = 100;

type Health = ApiTypes['health']['output'];

export class Ground {
  readonly options: GroundOptions;
  readonly site: Site;
  readonly crews: Crew[] = [];
  readonly proxies = new Map<string, DistantProxy>();
  readonly #proxies = new Proxies();
  readonly disks = new Map<string, Disk>();
  readonly spaces: Netspaces | undefined;
  /** Nodes whose process was killed at any time. */
  readonly killed = new Set<string>();
  /** Reports so far that the database was to refuse. */
  poisoned = 0;
  #tree: Tree | undefined;
  #voice: Client<ApiTypes> | undefined;
  #utility: Client<ApiTypes> | undefined;
  #keeper: NodeJS.Timeout | undefined;
  /** Masters that are down on purpose: nobody starts them again. */
  readonly #held = new Set<string>();

  static async start(options: GroundOptions): Promise<Ground> {
    const site = await Site.open(options.signal);
    const ground = new Ground(options, site);
    try {
      await ground.#start();
    } catch (error) {
      await ground.close();
      throw error;
    }
    return ground;
  }

  private constructor(options: GroundOptions, site: Site) {
    this.options = options;
    this.site = site;
    site.onClose(() => this.#proxies.close());
    if (options.place === 'namespaces') {
      const members = [...MASTERS, ...HUBS, 'login', REAL, ...this.#crewNames()];
      const spaces = Netspaces.make(members);
      this.spaces = spaces;
      this.#atEnd(() => spaces.remove());
    }
  }

  get tree(): Tree {
    if (this.#tree === undefined) throw new Error('the tree has not started');
    return this.#tree;
  }

  /** Simulated nodes. */
  get nodes(): readonly string[] {
    return expand(`n[001-${String(this.options.nodes).padStart(3, '0')}]`);
  }

  get nodeset(): string {
    return fold(this.nodes);
  }

  get lists(): string {
    return join(this.site.root, 'lists');
  }

  /** A client of the utility daemon, where an admin sits. */
  get admin(): Client<ApiTypes> {
    this.#utility ??= this.site.client('login');
    return this.#utility;
  }

  /** All that can be shown to be a process. */
  get processes(): readonly { readonly kind: string; readonly pid: number }[] {
    const own = this.site.processes.filter(({ running }) => running);
    const database = this.#tree?.postgres?.pids ?? [];
    return [
      ...own.map(({ launch, pid }) => ({ kind: launch.kind, pid })),
      ...database.map((pid) => ({ kind: 'postgres', pid })),
    ];
  }

  crew(i: number): Crew {
    const crew = this.crews[i];
    if (crew === undefined) throw new Error(`there is no process ${i} of nodes`);
    return crew;
  }

  /** Whether there is such a daemon: a second master is only with PostgreSQL. */
  has(name: string): boolean {
    return this.site.processes.some((one) => one.name === name);
  }

  /** A node of the tree, or the crew of that name. */
  process(name: string): DaemonProcess {
    return this.site.find(name);
  }

  /** Nodes that a process is, or holds. */
  nodesOf(name: string): readonly string[] {
    return this.crews.find((crew) => crew.name === name)?.nodes ?? [name];
  }

  /** Who leads, by the word of those who are there. */
  async leader(): Promise<string> {
    const { master } = await this.#health();
    if (master.node === null) throw new Error('no master leads');
    return master.node;
  }

  /** Resolves when a master and the utility daemon say the same of who leads. */
  async agreed(master: string): Promise<void> {
    const client = this.site.client(master);
    await this.site.until(`${master} knows who leads`, async () => {
      const { master: own } = await client.call('health', {}, { timeoutSeconds: 5 });
      const leader = await this.leader();
      if (own.node !== leader)
        throw new Error(`${own.node} leads by its word, ${leader} by that of the utility daemon`);
      return true;
    });
  }

  /** Ways that lead through a proxy and fit, such as `agg-a>`. */
  ways(start: string): readonly DistantProxy[] {
    const fitting = [...this.proxies].filter(([route]) => route.startsWith(start)).map(([, proxy]) => proxy);
    if (fitting.length === 0) throw new Error(`no way ${start} leads through a proxy`);
    return fitting;
  }

  disk(who: string): Disk {
    const disk = this.disks.get(who);
    if (disk === undefined) throw new Error(`${who} has no disk of its own`);
    return disk;
  }

  async kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    if (MASTERS.includes(name)) this.#held.add(name);
    for (const node of this.nodesOf(name)) this.killed.add(node);
    await this.process(name).kill(signal);
  }

  /** Starts what has ended; simulated nodes report again. Does not wait. */
  start(name: string): void {
    const crew = this.crews.find((one) => one.name === name);
    if (crew !== undefined) crew.sim.start();
    else this.process(name).start();
    if (!MASTERS.includes(name)) return;
    this.#held.delete(name);
    this.#mayEnd(name);
  }

  residentKib(name: string): number {
    return residentKib(this.process(name).pid);
  }

  /** Starts one that is to kill itself at a failpoint; resolves when it has. */
  async doom(name: string, failpoint: string): Promise<void> {
    const more = { env: { CSM_FAILPOINT: failpoint } };
    const crew = this.crews.find((one) => one.name === name);
    if (crew !== undefined) crew.sim.start(more);
    else this.process(name).start(more);
    await this.process(name).expectEnd();
  }

  /** Lets a daemon read its configuration and certificates again; resolves when it says that it has. */
  async reload(name: string): Promise<void> {
    const one = this.process(name);
    const times = (): number => readFileSync(one.launch.log, 'utf8').split(RELOADED).length;
    const before = times();
    process.kill(one.pid, 'SIGHUP');
    await this.site.until(`${name} has read its configuration again`, () => times() > before);
  }

  /** Reports flow, or none are made any more. */
  async flow(on: boolean): Promise<void> {
    await Promise.all(this.crews.map((crew) => crew.sim.order({ do: 'rate', rate: on ? this.#rateOf(crew) : 0 })));
  }

  /** No reports are made any more, and every outbox of the simulated nodes is empty. */
  async drain(): Promise<void> {
    const until = (what: string, look: () => Promise<boolean>): Promise<number> => this.site.until(what, look);
    await Promise.all(this.crews.map(({ sim }) => sim.drain(until)));
  }

  /** What is not whole, by the word of the utility daemon, or of the masters where it is away; undefined: nothing. */
  async fault(): Promise<string | undefined> {
    return (await this.look()).wrong;
  }

  /** The same, with who leads. */
  async look(): Promise<Answer> {
    const health = await this.#health();
    const wrong = this.#wrongIn(health) ?? (this.options.db === 'postgresql' ? await this.#mastersAway() : undefined);
    const { node, since } = health.master;
    // One that was killed and is back before anybody has missed it is another leader, too.
    return { wrong, leader: node === null ? undefined : `${node} since ${since}` };
  }

  #wrongIn({ master, aggregators, utilities }: Health): string | undefined {
    if (!master.reachable) return 'no master is reachable';
    if (master.settling) return 'the master is settling';
    if (master.database !== 'ok') return `database: ${master.database}`;
    const away = aggregators.filter(({ connected }) => !connected).map(({ node }) => node);
    if (aggregators.length < HUBS.length || away.length > 0) return `aggregators away: ${away.join(', ')}`;
    if (utilities.some(({ connected }) => !connected)) return 'a utility daemon is away';
    const sum = (of: (a: Health['aggregators'][number]) => number): number =>
      aggregators.reduce((n, a) => n + of(a), 0);
    const [primary, secondary] = [sum((a) => a.primary.active), sum((a) => a.secondary.active)];
    const all = this.options.nodes + 1;
    if (primary !== all || secondary !== all)
      return `of ${all} nodes ${primary} have a primary, ${secondary} a secondary`;
    return undefined;
  }

  async untilWhole(what: string): Promise<void> {
    await this.site.until(
      what,
      async () => {
        const why = await this.fault();
        if (why !== undefined) throw new Error(why);
        return true;
      },
      WHOLE_MS,
    );
  }

  /** Changes about links behind a place. */
  async links(after: number): Promise<StoredState['links']> {
    const { postgres, database } = this.tree;
    return postgres === undefined ? linksOfSqlite(database, after) : linksOfPostgres(postgres.at(database), after);
  }

  async stored(from: ReadUpTo): Promise<StoredState> {
    const { postgres, database } = this.tree;
    return postgres === undefined ? readSqlite(database, from) : readPostgres(postgres.at(database), from);
  }

  /** Moves the wall clock of daemons, ms. */
  shiftClock(who: readonly string[], ms: number): void {
    for (const one of who) writeFileSync(this.#clockFile(one), String(ms));
  }

  /** Nodes first, the master last; gives what was wrong with how they ended. PostgreSQL stays until `close`. */
  async stop(): Promise<string[]> {
    clearInterval(this.#keeper);
    return this.site.stop();
  }

  async close(): Promise<void> {
    clearInterval(this.#keeper);
    await this.site.close();
  }

  async #start(): Promise<void> {
    const { db, disks, nodes, processes, signal } = this.options;
    if (disks) this.#mountDisks();
    mkdirSync(join(this.site.root, 'clock'), { mode: 0o700 });
    await this.site.certify('compute', [...this.nodes, REAL, DEAF]);
    const host = (who: string): string => this.spaces?.address(who) ?? '127.0.0.1';
    const command = (who: string): readonly string[] | undefined => this.spaces?.command(who);
    const tree = await startTree(this.site, {
      interval: INTERVAL_S,
      db,
      standby: db === 'postgresql',
      settings: (who) => this.#settings(who),
      env: (who) => ({ CSM_CLOCK_SHIFT: this.#clockFile(who) }),
      host,
      command,
      postgres: ['max_connections=40'],
      postgresBase: this.disks.get('database')?.directory,
      ...(this.spaces === undefined ? { way: (route, port) => this.#way(route, port) } : {}),
    });
    this.#tree = tree;
    if (db === 'postgresql') this.#keepMasters();
    const hubs = this.spaces === undefined ? await this.#proxied(REAL, tree.ports) : tree.ports;
    this.site.daemon(
      'compute',
      REAL,
      {
        net: {
          heartbeat_interval: INTERVAL_S,
          aggregatorA: { host: host('agg-a'), port: hubs.a },
          aggregatorB: { host: host('agg-b'), port: hubs.b },
        },
      },
      { env: { CSM_CLOCK_SHIFT: this.#clockFile(REAL) }, command: command(REAL) },
    );
    const size = Math.ceil(nodes / processes);
    const names = this.#crewNames();
    for (const [i, name] of names.entries()) {
      signal.throwIfAborted();
      const own = this.nodes.slice(i * size, (i + 1) * size);
      // The last but one reaches the aggregators through proxies.
      const proxied = i === names.length - 2 && this.spaces === undefined;
      const ports = proxied ? await this.#proxied(name, tree.ports) : tree.ports;
      const hubs = `${host('agg-a')}:${ports.a},${host('agg-b')}:${ports.b}`;
      const args = ['--nodes', fold(own), '--aggregators', hubs, '--interval', String(INTERVAL_S)];
      const rate = String((this.options.rate * own.length) / nodes);
      const more = ['--sample', '10', '--lists', this.lists, '--seed', String(i + 1), '--rate', rate];
      const sim = await this.site.sim(name, [...args, ...more], { command: command(name) });
      this.crews.push({ name, nodes: own, sim });
    }
    await this.untilWhole('every node has both its links');
  }

  #crewNames(): string[] {
    return Array.from({ length: this.options.processes }, (_, i) => `nodes-${i + 1}`);
  }

  #settings(who: string): { readonly net?: Record<string, unknown> } & Record<string, unknown> {
    if (!HUBS.includes(who)) return {};
    return {
      net: { ssl: { revoked_file: revokedFile(this.site.pki) } },
      // A receiver that is never there: copies wait in the spool.
      bds: { host: '127.0.0.1', port: 1, spool_max: '1MiB' },
    };
  }

  #mountDisks(): void {
    const { db } = this.options;
    const at = (who: string, directory: string, mebi: number): void => {
      const disk = Disk.mount(directory, mebi * MEBI);
      this.disks.set(who, disk);
      this.#atEnd(() => disk.unmount());
    };
    const last = this.#crewNames().at(-1) ?? '';
    at('journal', this.site.stateDir(last), 512);
    at('spool', this.site.stateDir('agg-a'), 128);
    at('database', db === 'sqlite' ? this.site.stateDir('master') : join(this.site.root, 'postgres'), 2048);
  }

  async #way(route: string, port: number): Promise<number> {
    const proxy = await this.#proxies.start('127.0.0.1', { host: '127.0.0.1', port });
    this.proxies.set(route, proxy);
    return proxy.port;
  }

  /** Ports at which proxies stand before the aggregators. */
  async #proxied(who: string, { a, b }: Tree['ports']): Promise<Tree['ports']> {
    return { a: await this.#way(`${who}>agg-a`, a), b: await this.#way(`${who}>agg-b`, b) };
  }

  /** Of masters only those of PostgreSQL end by themselves, when they have lost the lead; systemd starts them again. */
  #keepMasters(): void {
    for (const name of MASTERS) this.#mayEnd(name);
    this.#keeper = setInterval(() => {
      for (const name of MASTERS) {
        if (this.process(name).running || this.#held.has(name)) continue;
        this.process(name).start();
        this.#mayEnd(name);
      }
    }, KEEP_MS);
  }

  #mayEnd(name: string): void {
    if (this.options.db === 'postgresql') void this.process(name).expectEnd();
  }

  #clockFile(who: string): string {
    return join(this.site.root, 'clock', who);
  }

  #rateOf({ nodes }: Crew): number {
    return (this.options.rate * nodes.length) / this.options.nodes;
  }

  /** A master that stands by is a node like others, known to the leader by its own link. */
  async #mastersAway(): Promise<string | undefined> {
    const masters = await this.#asked.call('node.list', { type: 'master' }, { timeoutSeconds: 5 });
    const there = masters.filter(({ connected }) => connected).map(({ name }) => name);
    return there.length === MASTERS.length ? undefined : `of the masters only ${there.join(', ')} are linked`;
  }

  /** The utility daemon's answer; while it is away, the first master's. */
  #health(): Promise<Health> {
    return this.#asked.call('health', {}, { timeoutSeconds: 5 });
  }

  get #asked(): Client<ApiTypes> {
    const { running, paused } = this.process('login');
    if (running && !paused) return this.admin;
    this.#voice ??= this.site.client('master');
    return this.#voice;
  }

  /** Also where an exception ends this process. */
  #atEnd(undo: () => void): void {
    let done = false;
    const once = (): void => {
      if (done) return;
      done = true;
      process.off('exit', once);
      undo();
    };
    // Before the site removes its directory.
    process.prependOnceListener('exit', once);
    this.site.onClose(async () => once());
  }
}
