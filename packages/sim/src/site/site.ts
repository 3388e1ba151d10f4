/**
 * A site: daemons of CSM, each its own process, with real certificates, configurations and state in a directory of
 * their own, for benchmarks and for faults. However it ends, no process and no file stays behind.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { type ApiTypes, Client } from '@csm/client';
import type { Role } from '@csm/model';
import { initCa, issue } from '@csm/pki';
import { DaemonProcess, type Launch } from './daemon-process.ts';
import { SimProcess } from './sim-process.ts';

const PACKAGES = fileURLToPath(new URL('../../../../', import.meta.url));
export const CSMD = join(PACKAGES, 'daemon/bin/csmd.mjs');
export const CSM = join(PACKAGES, 'cli/bin/csm.cjs');
const SIM = join(PACKAGES, 'sim/bin/csm-sim.mjs');
/** The feature that stores numbered reports. */
export const NUMBERED = fileURLToPath(new URL('../numbered/index.js', import.meta.url));

/** Nodes first, the master last: nobody is lost. */
const STOP_ORDER: readonly string[] = ['bare', 'sim', 'compute', 'utility', 'aggregator', 'master'];
const CERTIFIED_AT_ONCE = 256;
const TAIL_LINES = 15;
const POLL_MS = 50;
const WAIT_MS = 60_000;

/** What is under `csm` of a configuration; sections may be given in part. */
export type Settings = Readonly<Record<string, unknown>> & { readonly net?: Readonly<Record<string, unknown>> };

export interface StartOptions {
  /** More arguments of csmd. */
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** What runs it, such as `ip netns exec x`. */
  readonly command?: readonly string[] | undefined;
  /** False: only configured; `process.start()` starts it. */
  readonly start?: boolean;
}

export class Site {
  readonly root: string;
  readonly signal: AbortSignal;
  readonly #processes = new Map<string, DaemonProcess>();
  readonly #sims: SimProcess[] = [];
  readonly #clients: Client[] = [];
  readonly #closers: (() => Promise<unknown>)[] = [];
  readonly #atExit: () => void;

  /** Makes the directory and the CA. `base`: where the directory is made, such as /dev/shm. */
  static async open(signal: AbortSignal, base = tmpdir()): Promise<Site> {
    const site = new Site(signal, base);
    await initCa(site.pki, { name: 'CSM site CA' });
    return site;
  }

  private constructor(signal: AbortSignal, base: string) {
    this.signal = signal;
    this.root = mkdtempSync(join(base, 'csm-s-'));
    // A database server of the site's own runs as another user and needs to get through.
    chmodSync(this.root, 0o711);
    for (const name of ['etc', 'log', 'run', 'state']) mkdirSync(join(this.root, name), { mode: 0o700 });
    // Also where an exception ends this process: what it started must not outlive it.
    this.#atExit = () => {
      for (const one of this.#processes.values()) one.destroy();
      rmSync(this.root, { recursive: true, force: true });
    };
    process.once('exit', this.#atExit);
  }

  get pki(): string {
    return join(this.root, 'pki');
  }

  get caFile(): string {
    return join(this.pki, 'ca.pem');
  }

  credFile(role: Role, node: string): string {
    return join(this.pki, `${role}-${node}.pem`);
  }

  /** The local socket of a daemon. */
  socket(node: string): string {
    return join(this.root, 'run', `${node}.sock`);
  }

  stateDir(node: string): string {
    return join(this.root, 'state', node);
  }

  /** A certificate for each. About 5 ms of CPU each. */
  async certify(role: Role, nodes: readonly string[], hosts: readonly string[] = []): Promise<void> {
    const names = ['localhost', '127.0.0.1', ...hosts];
    // Those that are asked for together are registered together.
    for (let i = 0; i < nodes.length; i += CERTIFIED_AT_ONCE) {
      this.signal.throwIfAborted();
      const some = nodes.slice(i, i + CERTIFIED_AT_ONCE);
      await Promise.all(some.map((node) => issue(this.pki, { role, node, names, days: 30 })));
    }
  }

  /** Configures a daemon and starts it; `settings` go over what every daemon of the site has. */
  daemon(role: Role, node: string, settings: Settings, options: StartOptions = {}): DaemonProcess {
    const { net = {}, ...rest } = settings;
    // Several masters run on one machine, and hbtd's port is one: whoever is about heartbeats says so.
    const quiet = role === 'master' ? { heartbeat: { enabled: false } } : {};
    const csm = {
      ...quiet,
      ...rest,
      role,
      node_name: node,
      state_dir: this.stateDir(node),
      net: {
        ...net,
        local_client_listen: { socket: this.socket(node) },
        ssl: {
          ca_file: this.caFile,
          cred_pem: this.credFile(role, node),
          ...(net['ssl'] as object | undefined),
        },
      },
    };
    const file = join(this.root, 'etc', `${node}.cfg`);
    writeFileSync(file, JSON.stringify({ csm }), { mode: 0o600 });
    const { args = [], env = {}, command = [], start = true } = options;
    const argv = [CSMD, '--role', role, '--file', file, ...args];
    return this.process({ name: node, kind: role, argv, env, command }, start);
  }

  /** Starts simulated nodes as one process or more (`csm-sim`); they need certificates of role compute. */
  async sim(name: string, args: readonly string[], options: Omit<StartOptions, 'args'> = {}): Promise<SimProcess> {
    const state = this.stateDir(name);
    const argv = [SIM, '--pki', this.pki, '--state', state, '--control', ...args];
    const { env = {}, command = [] } = options;
    const process = this.process({ name, kind: 'sim', argv, env, command, piped: true });
    const sim = new SimProcess(process);
    this.#sims.push(sim);
    await sim.ready(this.signal);
    return sim;
  }

  /** Any other Node program. */
  process(launch: Omit<Launch, 'log'>, start = true): DaemonProcess {
    if (this.#processes.has(launch.name)) throw new Error(`two processes are named ${launch.name}`);
    const one = new DaemonProcess({ ...launch, log: join(this.root, 'log', launch.name) });
    this.#processes.set(launch.name, one);
    if (start) one.start();
    return one;
  }

  get processes(): readonly DaemonProcess[] {
    return [...this.#processes.values()];
  }

  find(name: string): DaemonProcess {
    const found = this.#processes.get(name);
    if (found === undefined) throw new Error(`no process is named ${name}: ${[...this.#processes.keys()].join(', ')}`);
    return found;
  }

  /** A client of a daemon's local socket; closed with the site. */
  client(node: string): Client<ApiTypes> {
    const client = new Client({ socket: this.socket(node) });
    this.#clients.push(client);
    return client;
  }

  /** Something else that is to be closed with the site, behind all daemons; the last first. */
  onClose(close: () => Promise<unknown>): void {
    this.#closers.unshift(close);
  }

  /** Throws with the last words of a process that ended by itself. */
  checkAlive(): void {
    for (const one of this.#processes.values()) {
      if (one.fault !== undefined) throw new Error(`${one.fault}: ${one.tail(TAIL_LINES)}`);
    }
  }

  /** Waits for a condition, which may throw until it holds; gives the ms it took. A process that ends ends the waiting. */
  async until(what: string, look: () => boolean | Promise<boolean>, ms = WAIT_MS): Promise<number> {
    const began = performance.now();
    let why = '';
    for (;;) {
      this.signal.throwIfAborted();
      this.checkAlive();
      try {
        if (await look()) return performance.now() - began;
      } catch (error) {
        why = `: ${error instanceof Error ? error.message : String(error)}`;
      }
      if (performance.now() - began > ms) throw new Error(`not within ${ms / 1000} s: ${what}${why}\n${this.tails()}`);
      await pause(POLL_MS, undefined, { signal: this.signal });
    }
  }

  /** The end of every log. */
  tails(): string {
    return this.processes
      .map((one) => `--- ${one.name} (${one.running ? 'runs' : 'ended'})\n${one.tail(TAIL_LINES)}`)
      .join('\n');
  }

  /** Ends all daemons in order; gives what was wrong with how they ended. */
  async stop(): Promise<string[]> {
    for (const client of this.#clients) client.close();
    const faults: string[] = [];
    for (const kind of STOP_ORDER) {
      const group = this.processes.filter((one) => one.launch.kind === kind);
      faults.push(...(await Promise.all(group.map((one) => one.end()))).filter((fault) => fault !== undefined));
    }
    return faults;
  }

  /** Ends everything and removes the directory. */
  async close(): Promise<void> {
    await this.stop();
    for (const close of this.#closers) await close();
    process.off('exit', this.#atExit);
    this.#atExit();
  }
}

/** Ports nobody uses at this moment. */
export async function freePorts(count: number, host = '127.0.0.1'): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, host, resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { readonly port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
