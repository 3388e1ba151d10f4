/** Real daemons for tests, one process each, with certificates, configurations and state in a directory of their own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from '@csm/client';
import type { Role } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import { caCertFile, initCa, issue } from '@csm/pki';
import { FIRST_PAUSE_MS, longer } from './wait.ts';

export const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
export const CSMD = join(ROOT, 'packages/daemon/bin/csmd.mjs');
const STOP_MS = 10_000;

/** How long what must happen may take, ms: for what hangs, on a machine with other work. */
const PATIENCE_MS = 40_000;

/** Waits for a condition, which may throw until it holds; fails with what it saw last. */
export async function until<T>(what: string, look: () => T | Promise<T>, ms = PATIENCE_MS): Promise<NonNullable<T>> {
  const end = performance.now() + ms;
  let seen: unknown = 'nothing';
  for (let pause = FIRST_PAUSE_MS; ; pause = longer(pause)) {
    try {
      const value = await look();
      if (value !== undefined && value !== null && value !== false) return value as NonNullable<T>;
      seen = value;
    } catch (error) {
      seen = error instanceof Error ? error.message : error;
    }
    if (performance.now() >= end) throw new Error(`not within ${ms} ms: ${what}; last: ${JSON.stringify(seen)}`);
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/**
 * Below the ports that connections go out from, so that none of them can take the port of a daemon that is away for a
 * moment. Groups of tests that run at the same time have a range each.
 */
const PORT_FIRST = 10_000;
const PORTS_A_LANE = 2_000;

/** Ports nobody uses at this moment. */
export async function freePorts(count: number): Promise<number[]> {
  const lane = Number(process.env['CSM_TEST_LANE'] ?? 0);
  const found = new Map<number, Server>();
  while (found.size < count) {
    const port = PORT_FIRST + PORTS_A_LANE * lane + randomInt(PORTS_A_LANE);
    const server = await listening(port);
    if (server !== undefined) found.set(port, server);
  }
  await Promise.all([...found.values()].map((server) => new Promise((resolve) => server.close(resolve))));
  return [...found.keys()];
}

function listening(port: number): Promise<Server | undefined> {
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(undefined));
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** A system program that a test cannot do without. */
export function needs(context: Mocha.Context, program: string, there: boolean, debian = program): void {
  if (there) return;
  const words = `skipped: needs ${program} (apt-get install ${debian})`;
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
  console.log(`      ${words}`);
  context.skip();
}

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  /** Everything it wrote to either. */
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs csmd to its end, for `--check` and for starts that must fail. */
export function csmd(args: readonly string[], env: NodeJS.ProcessEnv = {}): Promise<Ended> {
  return launch(args, env).ended;
}

function launch(args: readonly string[], env: NodeJS.ProcessEnv, program?: string) {
  const [file, first] = program === undefined ? [process.execPath, [CSMD]] : [program, []];
  const child = spawn(file, [...first, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const out = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8');
    child[name].on('data', (text: string) => {
      out[name] += text;
    });
  }
  const ended = new Promise<Ended>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, ...out }));
  });
  return { child, out, ended };
}

/** One running daemon. */
export class Daemon {
  readonly role: Role;
  readonly node: string;
  readonly file: string;
  readonly socket: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #out: { stdout: string; stderr: string };
  #client: Client | undefined;

  constructor(role: Role, node: string, file: string, socket: string, { args = [], env = {}, program }: StartOptions) {
    this.role = role;
    this.node = node;
    this.file = file;
    this.socket = socket;
    const { child, out, ended } = launch(['--role', role, '--file', file, ...args], env, program);
    this.child = child;
    this.#out = out;
    this.ended = ended;
  }

  get client(): Client {
    this.#client ??= new Client({ socket: this.socket });
    return this.#client;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  get log(): string {
    return this.#out.stdout + this.#out.stderr;
  }

  /** Lines of the log that match. */
  lines(pattern: RegExp): string[] {
    return this.log.split('\n').filter((line) => pattern.test(line));
  }

  /** Waits for a line that matches, behind the first `from` of them. */
  says(pattern: RegExp, { from = 0, ms = PATIENCE_MS }: { readonly from?: number; readonly ms?: number } = {}) {
    return until(
      `${this.role}/${this.node} says ${pattern}`,
      () => {
        const line = this.lines(pattern)[from];
        if (line === undefined && !this.isRunning) throw new Error(`it has ended: ${this.log.slice(-2000)}`);
        if (line === undefined) throw new Error(`it said: ${this.log.slice(-1500)}`);
        return line;
      },
      ms,
    );
  }

  /** Waits until the local socket answers: everything of the daemon runs. */
  started(): Promise<string> {
    return this.says(/API listens/);
  }

  signal(name: NodeJS.Signals): void {
    this.child.kill(name);
  }

  /** Ends it in order; kills it when it does not. */
  async stop(): Promise<Ended> {
    this.#client?.close();
    this.#client = undefined;
    if (this.isRunning) {
      this.child.kill('SIGCONT');
      this.child.kill('SIGTERM');
    }
    const late = setTimeout(() => this.child.kill('SIGKILL'), STOP_MS);
    const ended = await this.ended;
    clearTimeout(late);
    return ended;
  }

  /** Resident memory, bytes. */
  async rss(): Promise<number> {
    const { readFile } = await import('node:fs/promises');
    const status = await readFile(`/proc/${this.child.pid}/status`, 'utf8');
    return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1]) * 1024;
  }
}

export interface StartOptions {
  /** Below `csm.net`, over what every daemon of a test has. */
  readonly net?: object;
  /** Below `csm`. */
  readonly more?: object;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
  /** Another csmd than that of this clone. */
  readonly program?: string;
  /** Another certificate file than the one issued for it. */
  readonly cred?: string;
  readonly ca?: string;
}

/** A directory with a CA, in which daemons are configured and started. */
export class Site {
  readonly root: string;
  readonly pki: string;
  readonly daemons: Daemon[] = [];
  #sockets = 0;

  private constructor(root: string) {
    this.root = root;
    this.pki = join(root, 'pki');
  }

  static async open(): Promise<Site> {
    const site = new Site(mkdtempSync(join(tmpdir(), 'csm-d-')));
    mkdirSync(join(site.root, 'run'));
    await initCa(site.pki, { name: 'CSM test CA' });
    return site;
  }

  get ca(): string {
    return caCertFile(this.pki);
  }

  /** Certificate and key for a daemon, in one file; made at the first call. */
  async cred(role: Role, node: string): Promise<string> {
    const file = join(this.pki, `${role}-${node}.pem`);
    await issue(this.pki, { role, node, names: ['localhost', '127.0.0.1', '::1'] }).catch(() => undefined);
    return file;
  }

  /** A configuration file, without starting anything. */
  async config(role: Role, node: string, options: StartOptions = {}): Promise<{ file: string; socket: string }> {
    const file = join(this.root, `${role}-${node}.cfg`);
    const socket = join(this.root, 'run', `${role[0]}${this.#sockets++}`);
    const ssl = {
      ca_file: options.ca ?? this.ca,
      cred_pem: options.cred ?? (await this.cred(role, node)),
    };
    const { ssl: moreSsl = {}, ...net } = (options.net ?? {}) as { readonly ssl?: object };
    const csm = {
      role,
      node_name: node,
      state_dir: join(this.root, 'state', `${role}-${node}`),
      net: { heartbeat_interval: 0.5, local_client_listen: { socket }, ssl: { ...ssl, ...moreSsl }, ...net },
      // Several masters run on one machine, and hbtd's port is one: a test about heartbeats says so.
      ...(role === 'master' ? { heartbeat: { enabled: false } } : {}),
      ...options.more,
    };
    writeFileSync(file, JSON.stringify({ csm }, null, 2));
    return { file, socket };
  }

  async start(role: Role, node: string, options: StartOptions = {}): Promise<Daemon> {
    const { file, socket } = await this.config(role, node, options);
    return this.startFile(role, node, file, socket, options);
  }

  /** Starts a daemon on a configuration that is there, such as that of one that was stopped. */
  startFile(role: Role, node: string, file: string, socket: string, options: StartOptions = {}): Daemon {
    const daemon = new Daemon(role, node, file, socket, options);
    this.daemons.push(daemon);
    return daemon;
  }

  async close(): Promise<void> {
    // Nodes first, the master last.
    const order: readonly Role[] = ['compute', 'utility', 'aggregator', 'master'];
    for (const role of order) {
      await Promise.all(this.daemons.filter((daemon) => daemon.role === role).map((daemon) => daemon.stop()));
    }
    rmSync(this.root, { recursive: true, force: true });
  }
}

/**
 * The parts of a ping or a run, folded: what answers alike is one, also where it came in two parts because some nodes
 * were slower.
 */
export async function folded(parts: AsyncIterable<{ readonly nodes: string }>): Promise<object[]> {
  const sets = new Map<string, NodeSet>();
  for await (const { nodes, ...rest } of parts) {
    const key = JSON.stringify(rest);
    sets.set(key, (sets.get(key) ?? NodeSet.parse('')).union(NodeSet.parse(nodes)));
  }
  return [...sets].map(([key, nodes]) => ({ nodes: nodes.toString(), ...(JSON.parse(key) as object) }));
}

export const at = (port: number) => ({ host: '127.0.0.1', port });

export interface SmallCluster {
  readonly site: Site;
  readonly ports: { readonly aggregators: number; readonly utilities: number; readonly a: number; readonly b: number };
  readonly master: Daemon;
  readonly a: Daemon;
  readonly b: Daemon;
  readonly utility: Daemon;
  readonly computes: readonly Daemon[];
}

/** `master`, `agg-a`, `agg-b`, utility `login` and compute daemons; resolves when all nodes are linked twice. */
export async function smallCluster(
  nodes: readonly string[],
  options: (who: string) => StartOptions = () => ({}),
): Promise<SmallCluster> {
  const site = await Site.open();
  try {
    const [aggregators = 0, utilities = 0, a = 0, b = 0] = await freePorts(4);
    const start = (role: Role, who: string, net: object) => {
      const given = options(who);
      return site.start(role, who, { ...given, net: { ...net, ...given.net } });
    };
    const cluster = {
      site,
      ports: { aggregators, utilities, a, b },
      master: await start('master', 'master', { aggregator_listen: at(aggregators), utility_listen: at(utilities) }),
      a: await start('aggregator', 'agg-a', { compute_listen: at(a), master: at(aggregators) }),
      b: await start('aggregator', 'agg-b', { compute_listen: at(b), master: at(aggregators) }),
      utility: await start('utility', 'login', { master: at(utilities) }),
      computes: await Promise.all(
        nodes.map((node) => start('compute', node, { aggregatorA: at(a), aggregatorB: at(b) })),
      ),
    };
    await whole(cluster);
    return cluster;
  } catch (error) {
    await site.close();
    throw error;
  }
}

/** Waits until every compute node has both links and its inventory. */
export async function whole({ master, computes, utility, a, b }: SmallCluster, ms = 60_000): Promise<void> {
  await Promise.all([master, utility, a, b, ...computes].map((daemon) => daemon.started()));
  await until(
    'every node is linked twice and known',
    async () => {
      const nodes = await utility.client.call('node.list', {}, { timeoutSeconds: 5 });
      const there = nodes.filter((n) => n.connected && n.kernel_release !== null);
      const twice = there.filter((n) => n.type === 'compute' && n.links === 2);
      if (there.length === computes.length + 4 && twice.length === computes.length) return true;
      throw new Error(nodes.map((n) => `${n.name} ${n.type} ${n.connected} ${n.links} ${n.kernel_release}`).join('; '));
    },
    ms,
  );
}
