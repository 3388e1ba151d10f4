/**
 * `npm start`: a whole cluster on this machine, each daemon its own process: a master, two aggregators, a utility
 * daemon, a real compute daemon, and simulated nodes. Certificates are thrown away at the next start; the database stays.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { createWriteStream, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Client } from '@csm/client';
import { isNodeName } from '@csm/model';
import { expand, fold } from '@csm/nodeset';

const packages = fileURLToPath(new URL('../../../', import.meta.url));
const CSMD = join(packages, 'daemon/bin/csmd.mjs');
const CSM = join(packages, 'cli/bin/csm.cjs');
const SIM = join(packages, 'sim/bin/csm-sim.mjs');

/** The kernel cuts longer socket paths silently; some room is left for the daemon's name. */
const SOCKET_PATH_MAX = 100;
const READY_MS = 60_000;
const STOP_MS = 15_000;
const RESTART_MS = 1000;
/** Whoever tries it out wants to see something soon. */
const SAMPLE_S = 10;
const BUCKETS = [
  {
    execution_interval: SAMPLE_S,
    item_list: ['cpu', 'memory', 'network', 'disk', 'gpu', 'temperature', 'power', 'infiniband', 'filesystem'],
  },
  { execution_interval: 600, item_list: ['ssd'] },
];
/** A heartbeat as a node of another system sends it. */
const BEAT = JSON.stringify({ Component: 'x0c0s0b0n0', Hostname: 'n', NID: '1', Status: 'OK', Timestamp: 'now' });
/** A daemon that ends so would end so again. */
const EXIT_CONFIG = 78;

export interface DemoOptions {
  /** Where `.csm` is made. */
  readonly directory: string;
  readonly nodes: number;
  /** Seconds. */
  readonly interval: number;
  readonly print: (line: string) => void;
  /** Ends the cluster, at any moment of its start too; what died of the same Ctrl-C is not started again. */
  readonly signal?: AbortSignal;
}

export interface Demo {
  /** The simulated nodes, folded; this machine where there are none. */
  readonly nodes: string;
  readonly sockets: Readonly<Record<string, string>>;
  /** Where anything that can POST sends its heartbeats. */
  readonly heartbeats: string;
  readonly processes: ReadonlyMap<string, ChildProcess>;
  stop(): Promise<void>;
  /** Resolves when a daemon refused its configuration. A daemon that dies otherwise is started again. */
  readonly failed: Promise<string>;
}

interface Place {
  readonly root: string;
  readonly run: string;
}

/** Makes the directories; sockets go elsewhere when their paths would be too long. */
function place(directory: string, names: readonly string[]): Place {
  const root = join(directory, '.csm');
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const longest = Math.max(...names.map((name) => Buffer.byteLength(join(root, 'run', `${name}.sock`))));
  const run = longest > SOCKET_PATH_MAX ? mkdtempSync(join(tmpdir(), 'csm-')) : join(root, 'run');
  for (const dir of [run, join(root, 'log'), join(root, 'state'), join(root, 'etc')])
    mkdirSync(dir, { recursive: true, mode: 0o700 });
  return { root, run };
}

/** Ports nobody uses at this moment. */
async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(
    Array.from({ length: count }, async () => {
      const server = createServer();
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
      return server;
    }),
  );
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

const run = promisify(execFile);
const cert = (pki: string, ...args: string[]) => run(process.execPath, [CSM, 'cert', ...args, '--dir', pki]);

/**
 * Starts the cluster and resolves when every node is linked and known. Rejects after `signal`, when all it had started
 * has ended.
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { directory, nodes, interval, print } = options;
  const ending = new AbortController();
  const asked = () => ending.abort();
  options.signal?.addEventListener('abort', asked, { once: true });
  if (options.signal?.aborted === true) asked();
  const real = isNodeName(hostname()) ? hostname() : 'localhost';
  const width = Math.max(2, String(nodes).length);
  const simulated =
    nodes > 0 ? fold(expand(`n[${'1'.padStart(width, '0')}-${String(nodes).padStart(width, '0')}]`)) : '';
  const names = ['master', 'agg-A', 'agg-B', 'utility', 'compute'];
  const { root, run: runDir } = place(directory, names);
  const pki = join(root, 'pki');
  rmSync(pki, { recursive: true, force: true });
  mkdirSync(pki, { mode: 0o700 });
  print('making throw-away certificates');
  await cert(pki, 'init-ca', '--name', 'CSM demo CA');
  const issue = (role: string, who: string) =>
    cert(pki, 'issue', role, who, '--names', 'localhost,127.0.0.1', '--days', '365');
  await issue('master', 'master');
  await issue('aggregator', 'agg-A,agg-B');
  await issue('utility', 'utility');
  await issue('compute', nodes > 0 ? `${real},${simulated}` : real);

  const [aggregatorPort = 0, utilityPort = 0, portA = 0, portB = 0, beatPort = 0] = await freePorts(5);
  const sockets = Object.fromEntries(names.map((name) => [name, join(runDir, `${name}.sock`)]));
  const config = (name: string, role: string, node: string, net: object, more: object = {}) => {
    const file = join(root, 'etc', `csm_${name}.cfg`);
    const ssl = { ca_file: join(pki, 'ca.pem'), cred_pem: join(pki, `${role}-${node}.pem`) };
    const local = { socket: sockets[name] };
    const csm = {
      role,
      node_name: node,
      state_dir: join(root, 'state', name),
      net: { heartbeat_interval: interval, local_client_listen: local, ssl, ...net },
      ...more,
    };
    writeFileSync(file, `${JSON.stringify({ csm }, null, 2)}\n`, { mode: 0o600 });
    return [CSMD, '--role', role, '--file', file];
  };
  const at = (port: number) => ({ host: '127.0.0.1', port });
  const aggregators = { aggregatorA: at(portA), aggregatorB: at(portB) };
  const commands = new Map<string, string[]>([
    [
      'master',
      config(
        'master',
        'master',
        'master',
        { aggregator_listen: at(aggregatorPort), utility_listen: at(utilityPort) },
        { heartbeat: { listen: at(beatPort) } },
      ),
    ],
    ['agg-A', config('agg-A', 'aggregator', 'agg-A', { compute_listen: at(portA), master: at(aggregatorPort) })],
    ['agg-B', config('agg-B', 'aggregator', 'agg-B', { compute_listen: at(portB), master: at(aggregatorPort) })],
    ['utility', config('utility', 'utility', 'utility', { master: at(utilityPort) })],
    [
      'compute',
      config('compute', 'compute', real, aggregators, { data_collection: { buckets: BUCKETS, aligned: true } }),
    ],
  ]);
  if (nodes > 0) {
    const hubs = `127.0.0.1:${portA},127.0.0.1:${portB}`;
    commands.set('sim', [
      SIM,
      '--nodes',
      simulated,
      '--aggregators',
      hubs,
      '--pki',
      pki,
      '--state',
      join(root, 'state', 'sim'),
      '--interval',
      String(interval),
      '--sample',
      String(SAMPLE_S),
    ]);
  }

  const processes = new Map<string, ChildProcess>();
  let tellFailed: (what: string) => void = () => undefined;
  const failed = new Promise<string>((resolve) => {
    tellFailed = resolve;
  });
  const start = (name: string) => {
    const command = commands.get(name) ?? [];
    const log = createWriteStream(join(root, 'log', `${name}.log`), { flags: 'a', mode: 0o600 });
    const child = spawn(process.execPath, command, { stdio: ['ignore', 'pipe', 'pipe'], detached: false });
    child.stdout?.pipe(log, { end: false });
    child.stderr?.pipe(log, { end: false });
    child.once('exit', (code, signal) => {
      if (ending.signal.aborted || processes.get(name) !== child) return;
      const how = signal ?? `exit ${code}`;
      if (code === EXIT_CONFIG) tellFailed(`${name} ended (${how}); see ${join(root, 'log', `${name}.log`)}`);
      else {
        print(`${name} ended (${how}); it is started again, as systemd would`);
        setTimeout(() => {
          if (!ending.signal.aborted) start(name);
        }, RESTART_MS);
      }
    });
    processes.set(name, child);
  };
  const stop = async () => {
    ending.abort();
    options.signal?.removeEventListener('abort', asked);
    // Nodes first, the master last: nobody is lost, everybody says goodbye.
    for (const group of [['sim', 'compute'], ['utility', 'agg-A', 'agg-B'], ['master']]) {
      await Promise.all(group.map((name) => end(processes.get(name))));
    }
    if (!runDir.startsWith(root)) rmSync(runDir, { recursive: true, force: true });
  };
  const demo: Demo = {
    nodes: nodes > 0 ? simulated : real,
    sockets: sockets as Record<string, string>,
    heartbeats: `http://127.0.0.1:${beatPort}/hmi/v1/heartbeat`,
    processes,
    stop,
    failed,
  };
  try {
    ending.signal.throwIfAborted();
    for (const name of commands.keys()) start(name);
    await Promise.race([
      ready(demo.sockets['utility'] ?? '', nodes + 5, ending.signal),
      failed.then((what) => Promise.reject(new Error(what))),
    ]);
  } catch (error) {
    await stop();
    throw error;
  }
  return demo;
}

/** Waits until the utility daemon's socket tells of all nodes, each linked and with its inventory; rejects on `signal`. */
async function ready(socket: string, expected: number, signal: AbortSignal): Promise<void> {
  const until = performance.now() + READY_MS;
  let seen = 'the utility daemon does not answer yet';
  while (performance.now() < until) {
    signal.throwIfAborted();
    if (existsSync(socket)) {
      const client = new Client({ socket });
      try {
        const nodes = await client.call('node.list', {}, { timeoutSeconds: 5, signal });
        const there = nodes.filter((node) => node.connected && node.kernel_release !== null);
        if (there.length >= expected) return;
        seen = `${there.length} of ${expected} nodes are there`;
      } catch (error) {
        seen = error instanceof Error ? error.message : String(error);
      } finally {
        client.close();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`the cluster did not get ready within ${READY_MS / 1000} s: ${seen}`);
}

async function end(child: ChildProcess | undefined): Promise<void> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
  const gone = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGTERM');
  const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
  await gone;
  clearTimeout(late);
}

/** The command line of `npm start`. Runs until Ctrl-C. */
export async function demoMain(argv: readonly string[]): Promise<number> {
  const at = argv.indexOf('--nodes');
  const nodes = at < 0 ? 16 : Number(argv[at + 1]);
  if (!Number.isInteger(nodes) || nodes < 0 || nodes > 5000) {
    process.stderr.write(`npm start: --nodes is '${argv[at + 1] ?? ''}'; allowed is a whole number from 0 to 5000\n`);
    return 9;
  }
  const print = (line: string) => process.stdout.write(`${line}\n`);
  const stopping = new AbortController();
  const asked = new Promise<string>((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'])
      process.once(signal, () => {
        stopping.abort();
        resolve(signal);
      });
  });
  const directory = process.env['CSM_DEMO_DIR'] ?? fileURLToPath(new URL('../../../../', import.meta.url));
  const starting = startDemo({ directory, nodes, interval: 1, print, signal: stopping.signal });
  const demo = await Promise.race([starting, asked]);
  if (typeof demo === 'string') {
    await starting.then((d) => d.stop()).catch(() => undefined);
    return 0;
  }
  print(`ready: a master, 2 aggregators, a utility daemon, this machine and ${nodes} simulated nodes`);
  for (const [name, socket] of Object.entries(demo.sockets)) print(`  ${name.padEnd(8)} ${socket}`);
  const socket = demo.sockets['utility'];
  print('try, in another terminal:');
  print(`  export CSM_SOCKET=${socket}`);
  print(`  node packages/cli/bin/csm.cjs health`);
  print(`  node packages/cli/bin/csm.cjs node list`);
  print(`  node packages/cli/bin/csm.cjs run '${demo.nodes}' -- uname -r`);
  print(`  curl -d '${BEAT}' ${demo.heartbeats}`);
  print(`  node packages/cli/bin/csm.cjs heartbeat list`);
  print('Ctrl-C stops all of it.');
  const end = await Promise.race([asked, demo.failed]);
  print(end.startsWith('SIG') ? 'stopping' : `stopping, because ${end}`);
  await demo.stop();
  return end.startsWith('SIG') ? 0 : 1;
}
