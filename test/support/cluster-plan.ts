/** The files of a test cluster (certificates, configurations), its proxies, and how each daemon is started. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type DaemonId, daemonId, type Role } from '@csm/model';
import { expand } from '@csm/nodeset';
import { initCa, issue } from '@csm/pki';
import { freePorts, type Launch } from '@csm/sim';
import { DIRECTORY } from './numbered/lists.ts';
import { TcpProxy } from './proxy.ts';

/** test/dist/support → the root of the repository. */
const ROOT = fileURLToPath(new URL('../../../', import.meta.url));
const CSMD = join(ROOT, 'packages/daemon/bin/csmd.mjs');
const SIM = join(ROOT, 'packages/sim/bin/csm-sim.mjs');
const NUMBERED = fileURLToPath(new URL('./numbered/index.js', import.meta.url));

export const HUBS = ['agg-A', 'agg-B'] as const;

/** A way between two daemons: who dials `>` whom. */
export type Route = `${string}>${string}`;

export interface ClusterOptions {
  /** Real compute daemons, named c1, c2, …; their first choice is agg-A. */
  readonly computes: number;
  /** Simulated nodes, all in one process; every second one has agg-B for its first choice. */
  readonly simulated?: string;
  /** Heartbeat interval, seconds. */
  readonly interval: number;
  /** Every daemon generates numbered reports while `generate` is on. */
  readonly numbered?: boolean;
  /** Ways that lead through a proxy. */
  readonly proxied?: readonly Route[];
  /** Seconds until a node returns to its first choice. */
  readonly returnAfter?: number;
  /** Seconds an aggregator that is told to end waits for its nodes to leave; default: that of the settings. */
  readonly drainTimeout?: number;
  /** Of the master, below `csm.node`: when lost contact is a failure, and when that is over. */
  readonly nodeRules?: { readonly grace?: number; readonly stable_for?: number };
}

export interface PlannedLaunch extends Launch {
  /** `role/node`; the simulator, which is many, stands under its own name. */
  readonly id: DaemonId;
}

export const computesOf = ({ computes }: ClusterOptions): string[] =>
  Array.from({ length: computes }, (_, i) => `c${i + 1}`);

export const simulatedOf = ({ simulated }: ClusterOptions): string[] =>
  simulated === undefined ? [] : expand(simulated);

/** Where the local socket of a daemon stands. */
export const socketOf = (directory: string, name: string): string => join(directory, `${name}.sock`);

/** Where the generators' lists stand. */
export const listsOf = (directory: string): string => join(directory, 'numbered');

/**
 * Writes everything below `directory`; daemons are to listen at `host`. Gives how to start them, in order. Proxies go
 * into `proxies` as they are made, so that they can be closed also when something fails behind them.
 */
export async function makePlan(
  options: ClusterOptions,
  directory: string,
  host: string,
  proxies: Map<Route, TcpProxy>,
): Promise<PlannedLaunch[]> {
  const { interval, simulated, returnAfter: return_after = 300, drainTimeout: drain_timeout } = options;
  const launches: PlannedLaunch[] = [];
  for (const sub of ['etc', 'state', 'log', 'numbered']) mkdirSync(join(directory, sub));
  const pki = join(directory, 'pki');
  const roles = await certify(options, pki, host);
  const [forHubs = 0, forUtility = 0, portA = 0, portB = 0] = await freePorts(4, host);

  /** Where a daemon dials another: there, or at the proxy of that way. */
  const way = async (route: Route, port: number) => {
    const target = { host, port };
    if (options.proxied?.includes(route) !== true) return target;
    const proxy = await TcpProxy.start(host, target);
    proxies.set(route, proxy);
    return { host, port: proxy.port };
  };
  const add = (name: string, net: object, settings: object = {}) => {
    const role = roles.get(name) ?? 'compute';
    const file = join(directory, 'etc', `${name}.cfg`);
    const ssl = { ca_file: join(pki, 'ca.pem'), cred_pem: join(pki, `${role}-${name}.pem`) };
    const common = { heartbeat_interval: interval, local_client_listen: { socket: socketOf(directory, name) }, ssl };
    // Nothing reports but what a test makes report: the oracle counts to the last one.
    const more = role === 'compute' ? { data_collection: { buckets: [] } } : {};
    const csm = {
      role,
      node_name: name,
      state_dir: join(directory, 'state', name),
      net: { ...common, ...net },
      ...more,
      ...settings,
    };
    writeFileSync(file, JSON.stringify({ csm }, null, 2), { mode: 0o600 });
    const argv = [CSMD, '--role', role, '--file', file];
    if (options.numbered === true) argv.push('--feature', NUMBERED);
    const env = { [DIRECTORY]: listsOf(directory), CSM_TEST_NODE: name };
    launches.push({
      name,
      kind: role,
      id: daemonId(role, name),
      argv,
      env,
      log: join(directory, 'log', `${name}.log`),
    });
  };

  const listens = { aggregator_listen: { host, port: forHubs }, utility_listen: { host, port: forUtility } };
  const rules = options.nodeRules === undefined ? {} : { node: options.nodeRules };
  // Several clusters run on one machine, and hbtd's port is one.
  add('master', listens, { heartbeat: { enabled: false }, ...rules });
  const drain = drain_timeout === undefined ? {} : { drain_timeout };
  add('agg-A', { compute_listen: { host, port: portA }, master: await way('agg-A>master', forHubs), ...drain });
  add('agg-B', { compute_listen: { host, port: portB }, master: await way('agg-B>master', forHubs), ...drain });
  add('utility', { master: await way('utility>master', forUtility) });
  for (const name of computesOf(options)) {
    const aggregatorA = await way(`${name}>agg-A`, portA);
    const aggregatorB = await way(`${name}>agg-B`, portB);
    add(name, { aggregatorA, aggregatorB, return_after });
  }
  if (simulated !== undefined) {
    const hubs = `${host}:${portA},${host}:${portB}`;
    const state = join(directory, 'state/sim');
    const argv = [SIM, '--nodes', simulated, '--aggregators', hubs, '--pki', pki, '--state', state];
    argv.push('--interval', String(interval), '--return-after', String(return_after));
    launches.push({
      name: 'sim',
      kind: 'sim',
      id: daemonId('compute', 'sim'),
      argv,
      log: join(directory, 'log/sim.log'),
    });
  }
  return launches;
}

/** A CA, and a certificate for each daemon; gives the daemons' roles. */
async function certify(options: ClusterOptions, pki: string, host: string): Promise<Map<string, Role>> {
  await initCa(pki, { name: 'CSM test CA' });
  const roles = new Map<string, Role>([
    ['master', 'master'],
    ...HUBS.map((hub): [string, Role] => [hub, 'aggregator']),
    ['utility', 'utility'],
    ...[...computesOf(options), ...simulatedOf(options)].map((node): [string, Role] => [node, 'compute']),
  ]);
  for (const [node, role] of roles) await issue(pki, { role, node, names: [host, 'localhost'], days: 1 });
  return roles;
}
