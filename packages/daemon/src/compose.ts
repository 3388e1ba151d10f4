/** Composes foundation and features into one daemon of a role. Nothing is decided here; everything is plugged together. */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { createServer, DEFAULT_POLICY, type Handler, type Policy } from '@csm/api';
import type { AggregatorPart, Feature, MasterPart, MasterPorts, NodePart, Ports } from '@csm/feature';
import { type Host, realHost } from '@csm/host';
import { diffReload, type Lifecycle, type Log, mergeReload, printHostPort, systemClock } from '@csm/kit';
import { daemonId, type Json, type Role } from '@csm/model';
import type { Store } from '@csm/store';
import { type Candidate, type CommandHandler, CoreShell, HubShell, LeafShell, type RefusedPeer } from '@csm/tree';
import { entryDispatch, masterServe, notReady } from './calls.ts';
import { type AnyConfig, aggregatorsOf, type ConfigFor, nodeNameOf, readConfig, schemaOf } from './config.ts';
import { Credentials, type Whose } from './credentials.ts';
import { coreDatabase } from './database.ts';
import { apiTable } from './features.ts';
import { withLocalHealth } from './local-health.ts';
import { StoredReports } from './stored.ts';
import { copiesTap } from './tap.ts';
import { CSM_VERSION } from './version.ts';

export interface DaemonOptions {
  readonly role: Role;
  readonly config: AnyConfig;
  readonly file: string;
  readonly hostName: string;
  readonly log: Log;
  readonly features: readonly Feature[];
  /** For tests of the version rule. */
  readonly speak?: string;
}

/** Certificates of standing links are judged again this often, ms; a revocation or an expiry takes effect then. */
const RECHECK_MS = 3_600_000;
const PRUNE_MS = 3_600_000;
/** A part with links stops within this, ms: a link that does not take its last bytes is given up after 5 s. */
const LINKS_STOP_MS = 10_000;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #node: string;
  readonly #nodeParts: NodePart[] = [];
  readonly #aggregatorParts = new Map<string, AggregatorPart>();
  readonly #masterParts: MasterPart[] = [];
  #config: AnyConfig;
  #credentials: Credentials | undefined;
  #hub: HubShell | undefined;
  #core: CoreShell | undefined;
  #store: Store | undefined;
  #leaf: LeafShell | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#node = nodeNameOf(options.config, options.hostName);
  }

  /** Adds the parts of this role to a life cycle, in the order in which they start. */
  addTo(lifecycle: Lifecycle): void {
    const { role, log } = this.#options;
    lifecycle.add(
      'credentials',
      () => this.#loadCredentials(),
      () => undefined,
    );
    if (role === 'master') {
      lifecycle.add(
        'database',
        () => this.#openStore(lifecycle),
        () => this.#store?.close(),
      );
      lifecycle.add(
        'tree',
        () => this.#startCore(),
        (reason) => this.#stopCore(reason),
        LINKS_STOP_MS,
      );
    }
    if (role === 'aggregator') {
      const drain = (this.#config as ConfigFor<'aggregator'>).csm.net.drain_timeout;
      lifecycle.add(
        'tree',
        () => this.#startHub(),
        (reason) => this.#stopHub(reason),
        drain + LINKS_STOP_MS,
      );
    }
    lifecycle.add(
      'node',
      () => this.#startLeaf(),
      (reason) => this.#stopLeaf(reason),
      LINKS_STOP_MS,
    );
    this.#addServer(lifecycle);
    const recheck = setInterval(() => this.#recheck(), RECHECK_MS);
    recheck.unref();
    lifecycle.add(
      'recheck',
      () => undefined,
      () => clearInterval(recheck),
    );
    log.debug('composed', { role, node: this.#node });
  }

  /** Whether the loop turns and what must stand stands: feeds the watchdog. */
  healthy(): boolean {
    return this.#leaf !== undefined;
  }

  /** Takes what a SIGHUP may change from the file. On a fault it throws, and everything stays. */
  async reload(): Promise<void> {
    const { role, file, hostName, log, features } = this.#options;
    const next = readConfig(role, file, hostName, features) as AnyConfig;
    const schema = schemaOf(role, features);
    const { needsRestart } = diffReload(schema, this.#config as never, next as never);
    const merged = mergeReload(schema, this.#config as never, next as never) as unknown as AnyConfig;
    await this.#credentials?.reload(merged.csm.net.ssl, this.#whose);
    this.#config = merged;
    log.setLevel(merged.csm.log.default_sev);
    this.#hub?.reload();
    this.#core?.reload();
    this.#leaf?.links.recheck();
    this.#leaf?.retryNow();
    if (needsRestart.length > 0) log.warn('these settings change only with a restart', { settings: needsRestart });
    log.info('the configuration was read again');
  }

  get #whose(): Whose {
    const { role, file } = this.#options;
    return { role, node: this.#node, file };
  }

  async #loadCredentials(): Promise<void> {
    const { state_dir, net } = this.#config.csm;
    await mkdir(state_dir, { recursive: true, mode: 0o700 });
    this.#credentials = await Credentials.load(net.ssl, this.#whose, state_dir);
  }

  async #openStore(lifecycle: Lifecycle): Promise<void> {
    const { state_dir, db } = (this.#config as ConfigFor<'master'>).csm;
    const { openStore } = await import('@csm/store');
    const modules = this.#options.features.map((feature) => feature.store).filter((url) => url !== undefined);
    const store = await openStore({
      file: db.file ?? join(state_dir, 'csm.db'),
      modules,
      onFault: (where, problem) => this.#options.log.error(`database: ${where}: ${problem.detail}`),
    });
    this.#store = store;
    store.closed
      .then((problem) =>
        problem === undefined ? undefined : lifecycle.stop(`the database is gone: ${problem.detail}`, 1),
      )
      .catch((error: unknown) => this.#options.log.error('stopping failed', { error }));
    const prune = () => {
      store.changes
        .prune({ olderThan: (Date.now() - db.change_keep) as never })
        .catch((error: unknown) => this.#options.log.error('old changes could not be removed', { error }));
    };
    prune();
    setInterval(prune, PRUNE_MS).unref();
  }

  async #startCore(): Promise<void> {
    const { log, speak } = this.#options;
    const { net } = (this.#config as ConfigFor<'master'>).csm;
    const store = this.#store;
    const credentials = this.#credentials;
    if (store === undefined || credentials === undefined) return notReady();
    const stored = new StoredReports((error) => log.error('a listener to reports failed', { error }));
    const startedAt = Date.now();
    const handlers = new Map<string, Handler<never>>();
    for (const feature of this.#options.features) {
      const ports: MasterPorts = {
        ...this.#ports(feature),
        store,
        tree: () => this.#core ?? notReady(),
        startedAt,
        onStored: (kind, listener) => stored.on(kind, listener),
        problems: () => this.#clusterProblems(),
      };
      const part = await feature.onMaster?.(ports);
      if (part === undefined) continue;
      this.#masterParts.push(part);
      for (const [name, handler] of Object.entries(part.handlers)) handlers.set(name, handler);
    }
    this.#core = await CoreShell.start({
      node: this.#node,
      aggregatorListen: listenOf(net.aggregator_listen),
      utilityListen: listenOf(net.utility_listen),
      tls: () => credentials.tls,
      revoked: () => credentials.revoked,
      intervalMs: net.heartbeat_interval,
      clock: systemClock,
      log: log.child({ component: 'tree' }),
      ...(speak === undefined ? {} : { speak }),
      onRefused: (peer) => this.#tellRefused(peer),
      database: coreDatabase(store, stored),
      serve: masterServe(apiTable(this.#options.features), handlers, () => this.#policy()),
    });
  }

  async #startHub(): Promise<void> {
    const { log, speak } = this.#options;
    const { net, state_dir: stateDir } = (this.#config as ConfigFor<'aggregator'>).csm;
    const credentials = this.#credentials;
    if (credentials === undefined) return notReady();
    for (const feature of this.#options.features) {
      const part = await feature.onAggregator?.({ ...this.#ports(feature), stateDir });
      if (part !== undefined) this.#aggregatorParts.set(feature.name, part);
    }
    const tap = copiesTap([...this.#aggregatorParts.values()]);
    this.#hub = new HubShell({
      node: this.#node,
      listen: listenOf(net.compute_listen),
      masters: net.master,
      tls: () => credentials.tls,
      revoked: () => credentials.revoked,
      intervalMs: net.heartbeat_interval,
      clock: systemClock,
      log: log.child({ component: 'tree' }),
      ...(speak === undefined ? {} : { speak }),
      onRefused: (peer) => this.#tellRefused(peer),
      drainMs: net.drain_timeout,
      ...(tap === undefined ? {} : { tap }),
    });
    await this.#hub.start();
  }

  async #startLeaf(): Promise<void> {
    const { role, log, speak } = this.#options;
    const { state_dir, outbox_max, net } = this.#config.csm;
    const credentials = this.#credentials;
    if (credentials === undefined) return notReady();
    const commands: Record<string, CommandHandler> = {};
    const repeatable: string[] = [];
    const host = hostOf(this.#config);
    for (const feature of this.#options.features) {
      const part = await feature.onNode?.({
        ...this.#ports(feature),
        host,
        offer: (report) => (this.#leaf ?? notReady()).offer(report),
        rebalance: (spreadMs) => this.#leaf?.rebalance(spreadMs),
      });
      if (part === undefined) continue;
      this.#nodeParts.push(part);
      Object.assign(commands, part.commands);
      repeatable.push(...(part.repeatable ?? []));
    }
    this.#leaf = await LeafShell.start({
      role,
      node: this.#node,
      candidates: this.#candidates(),
      tls: () => credentials.tls,
      revoked: () => credentials.revoked,
      journal: join(state_dir, `${role}-${this.#node}.journal`),
      intervalMs: net.heartbeat_interval,
      returnAfterMs: role === 'compute' ? (this.#config as ConfigFor<'compute'>).csm.net.return_after : 300_000,
      outboxBytes: outbox_max,
      clock: systemClock,
      log: log.child({ component: 'tree' }),
      ...(speak === undefined ? {} : { speak }),
      commands,
      repeatable,
      onConfirmed: (_hub, inventory) => {
        for (const part of this.#nodeParts) part.confirmed?.(inventory);
      },
    });
  }

  #candidates(): Candidate[] {
    const { role } = this.#options;
    const hub = this.#hub;
    if (hub !== undefined) return [{ name: this.#node, connect: () => hub.connectOwn() }];
    const core = this.#core;
    if (core !== undefined) return [{ name: this.#node, connect: () => core.connectOwn() }];
    const config = this.#config;
    const where =
      role === 'compute'
        ? aggregatorsOf(config as ConfigFor<'compute'>, this.#node)
        : (config as ConfigFor<'utility'>).csm.net.master;
    return where.map((hostPort) => ({ name: printHostPort(hostPort), ...hostPort }));
  }

  #ports({ name }: Feature): Ports {
    const { role, log } = this.#options;
    return {
      self: { role, node: this.#node, version: CSM_VERSION },
      clock: systemClock,
      log: log.child({ component: name }),
      config: this.#config.csm,
    };
  }

  /** A part that cannot say what is wrong is itself what is wrong. */
  async #clusterProblems(): Promise<string[]> {
    const lists = await Promise.all(
      this.#masterParts.map((part) =>
        Promise.resolve(part.problems?.() ?? []).catch((error: unknown) => [
          `problems could not be asked: ${error instanceof Error ? error.message : String(error)}`,
        ]),
      ),
    );
    return lists.flat();
  }

  async #stopCore(reason: string): Promise<void> {
    await this.#core?.stop(reason);
    for (const part of this.#masterParts) await part.stop?.();
  }

  async #stopHub(reason: string): Promise<void> {
    await this.#hub?.stop(reason);
    for (const part of this.#aggregatorParts.values()) await part.stop?.();
  }

  async #stopLeaf(reason: string): Promise<void> {
    for (const part of this.#nodeParts) await part.stop?.();
    await this.#leaf?.stop(reason);
  }

  #addServer(lifecycle: Lifecycle): void {
    const { role, log } = this.#options;
    const { socket, permissions } = this.#config.csm.net.local_client_listen;
    const parts = () => [...this.#nodeParts, ...this.#aggregatorParts.values()];
    const status = () =>
      [...this.#aggregatorParts].map(([name, part]): [string, Json] => [name, part.status?.() ?? null]);
    const facts = {
      daemon: daemonId(role, this.#node),
      masters: () => this.#hub?.masters(),
      refused: () => (this.#hub?.down ?? this.#core?.links)?.refusedPeers().reduce((n, { count }) => n + count, 0) ?? 0,
      problems: () => parts().flatMap((part) => part.problems?.() ?? []),
      features: () => Object.fromEntries(status()),
    };
    const leaf = () => this.#leaf ?? notReady();
    const local = (...args: Parameters<ReturnType<typeof withLocalHealth>>) =>
      withLocalHealth({ ...facts, leaf: leaf() })(...args);
    const server = createServer({
      table: apiTable(this.#options.features),
      socketPath: socket,
      socketMode: permissions,
      self: { role, node: this.#node },
      version: CSM_VERSION,
      policy: () => this.#policy(),
      dispatch: entryDispatch(leaf, local),
      log: log.child({ component: 'api' }),
      info: () => ({ degraded: this.#leaf?.leaf.failover.claim !== 'confirmed' }),
    });
    lifecycle.add(
      'api',
      () => server.listen(),
      () => server.close(),
    );
  }

  #tellRefused(peer: RefusedPeer): void {
    for (const part of this.#nodeParts) part.refused?.(peer);
  }

  #policy(): Policy {
    const { privileged_user_id: privilegedUsers, privileged_group_id: privilegedGroups } = this.#config.csm;
    return { ...DEFAULT_POLICY, privilegedUsers, privilegedGroups };
  }

  #recheck(): void {
    this.#leaf?.links.recheck();
    this.#hub?.down.recheck();
    this.#hub?.up.recheck();
    this.#core?.links.recheck();
  }
}

function listenOf({ host, port }: { readonly host: string | undefined; readonly port: number }) {
  return host === undefined ? { port } : { host, port };
}

/** Where a daemon of this configuration looks at its machine. */
export const hostOf = ({ csm: { host } }: AnyConfig): Host => realHost({ root: host.root, path: host.program_path });
