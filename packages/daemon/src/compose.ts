/**
 * Composes foundation and features into one daemon of a role. Nothing is decided here; everything is plugged together,
 * which is why it is long: each part is made where what it is made of can be seen.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Dispatch } from '@csm/api';
import type { AggregatorPart, DaemonFacts, Feature, NodePart, Ports } from '@csm/feature';
import { type Host, realHost } from '@csm/host';
import {
  diffReload,
  EXIT,
  type HostPort,
  type Lifecycle,
  type Log,
  mergeReload,
  printHostPort,
  systemClock,
} from '@csm/kit';
import { daemonId, type JsonObject, type Role } from '@csm/model';
import {
  type Candidate,
  type ClockAhead,
  type CommandHandler,
  HubShell,
  LeafShell,
  type PassFailpoint,
  type RefusedPeer,
} from '@csm/tree';
import { ApiServers } from './api-servers.ts';
import { type CallRules, readCallRules } from './call-rules.ts';
import { entryDispatch, notReady } from './calls.ts';
import { type AnyConfig, aggregatorsOf, type ConfigFor, listenOf, nodeNameOf, readConfig, schemaOf } from './config.ts';
import { Credentials, type Whose } from './credentials.ts';
import { readDraining, writeDraining } from './draining.ts';
import { apiTable } from './features.ts';
import type { Figures } from './figures/index.ts';
import { LeafLife } from './leaf-life.ts';
import { localProblems, withLocalHealth } from './local-health.ts';
import type { MasterLife } from './master-life.ts';
import { MetricsListener } from './metrics-listener.ts';
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
  /** For fault tests: passed at each failpoint; it may end the process there. */
  readonly failpoint?: PassFailpoint | undefined;
  /** A line for whoever looks at the process, such as systemd. */
  readonly tell?: (status: string) => void;
}

/** Certificates of standing links are judged again this often, ms; a revocation or an expiry takes effect then. */
const RECHECK_MS = 3_600_000;
/** A part with links stops within this, ms: a link that does not take its last bytes is given up after 5 s. */
const LINKS_STOP_MS = 10_000;

export class Daemon {
  readonly #options: DaemonOptions;
  readonly #node: string;
  readonly #startedAt = systemClock.now().wall;
  readonly #nodeParts: NodePart[] = [];
  readonly #aggregatorParts = new Map<string, AggregatorPart>();
  readonly #servers = new ApiServers();
  readonly #metrics = new MetricsListener();
  #config: AnyConfig;
  #rules: CallRules | undefined;
  #credentials: Credentials | undefined;
  #hub: HubShell | undefined;
  #master: MasterLife | undefined;
  #life: LeafLife | undefined;

  constructor(options: DaemonOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#node = nodeNameOf(options.config, options.hostName);
  }

  /** Adds the parts of this role to a life cycle, in the order in which they start. */
  addTo(lifecycle: Lifecycle): void {
    const { role, log } = this.#options;
    lifecycle.add(
      'rules',
      async () => {
        this.#rules = await this.#readRules(this.#config);
      },
      () => undefined,
    );
    lifecycle.add(
      'credentials',
      () => this.#loadCredentials(),
      () => undefined,
    );
    this.#addFigures(lifecycle);
    if (role === 'master') {
      lifecycle.add(
        'database',
        () => this.#openDatabase(lifecycle),
        () => this.#master?.close(),
      );
      lifecycle.add(
        'tree',
        () => this.#master?.start(),
        (reason) => this.#master?.stop(reason),
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
    this.#addServers(lifecycle);
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
    return this.#life?.runs === true;
  }

  /** Takes what a SIGHUP may change from the file. On a fault it throws, and everything stays. */
  async reload(): Promise<void> {
    const { role, file, hostName, log, features } = this.#options;
    const next = readConfig(role, file, hostName, features) as AnyConfig;
    const schema = schemaOf(role, features);
    const { needsRestart } = diffReload(schema, this.#config as never, next as never);
    const merged = mergeReload(schema, this.#config as never, next as never) as unknown as AnyConfig;
    const rules = await this.#readRules(merged);
    await this.#credentials?.reload(merged.csm.net.ssl, this.#whose);
    this.#config = merged;
    this.#rules = rules;
    log.setLevel(merged.csm.log.default_sev);
    this.#hub?.reload();
    this.#master?.reload();
    this.#leaf?.links.recheck();
    this.#leaf?.retryNow();
    this.#servers.recheck();
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

  async #openDatabase(lifecycle: Lifecycle): Promise<void> {
    const { features, log, speak, tell = () => undefined } = this.#options;
    const { MasterLife } = await import('./master-life.ts');
    this.#master = new MasterLife({
      node: this.#node,
      config: () => this.#config as ConfigFor<'master'>,
      features,
      log,
      speak,
      failpoint: this.#options.failpoint,
      credentials: () => this.#credentials ?? notReady(),
      ports: (feature) => this.#ports(feature),
      policy: () => this.#rulesNow.policy,
      onRefused: (peer) => this.#tellRefused(peer),
      figures: () => this.#figures,
      onLead: async () => this.#life?.relink('this master leads now'),
      tell,
      end: (reason) => {
        lifecycle.stop(reason, EXIT.failed).catch((error: unknown) => log.error('stopping failed', { error }));
      },
    });
    await this.#master.open();
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
      draining: await readDraining(stateDir, (text) => log.warn(text)),
      failpoint: this.#options.failpoint,
      ...(tap === undefined ? {} : { tap }),
    });
    await this.#hub.start();
  }

  /** An aggregator sends its nodes away, or no longer; gives how many it serves yet. */
  async #drain(perSecond: number | undefined): Promise<number> {
    await writeDraining(this.#config.csm.state_dir, perSecond);
    this.#hub?.drain(perSecond);
    return this.#hub?.serves ?? 0;
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
        offer: async (report) => {
          const leaf = await (this.#life ?? notReady()).settled();
          await leaf.offer(report);
        },
        rebalance: (spreadMs) => this.#leaf?.rebalance(spreadMs),
        about: () => this.#about(),
        ...(this.#hub === undefined ? {} : { drain: (perSecond: number | undefined) => this.#drain(perSecond) }),
      });
      if (part === undefined) continue;
      this.#nodeParts.push(part);
      Object.assign(commands, part.commands);
      repeatable.push(...(part.repeatable ?? []));
    }
    const options = {
      role,
      node: this.#node,
      tls: () => credentials.tls,
      revoked: () => credentials.revoked,
      journal: join(state_dir, `${role}-${this.#node}.journal`),
      intervalMs: net.heartbeat_interval,
      returnAfterMs: role === 'compute' ? (this.#config as ConfigFor<'compute'>).csm.net.return_after : 300_000,
      outboxBytes: outbox_max,
      onAcknowledged: this.#figures === undefined ? undefined : (ms: number) => this.#figures?.acknowledged(ms),
      failpoint: this.#options.failpoint,
      clock: systemClock,
      log: log.child({ component: 'tree' }),
      ...(speak === undefined ? {} : { speak }),
      commands,
      repeatable,
      onConfirmed: (_hub: string, inventory: string | undefined) => {
        for (const part of this.#nodeParts) part.confirmed?.(inventory);
      },
    };
    this.#life = new LeafLife(() => LeafShell.start({ ...options, candidates: this.#candidates() }));
    await this.#life.make();
  }

  #candidates(): Candidate[] {
    const { role } = this.#options;
    const hub = this.#hub;
    if (hub !== undefined) return [{ name: this.#node, connect: () => hub.connectOwn() }];
    const core = this.#master?.core;
    if (core !== undefined) return [{ name: this.#node, connect: () => core.connectOwn() }];
    const config = this.#config;
    const where =
      role === 'compute'
        ? aggregatorsOf(config as ConfigFor<'compute'>, this.#node)
        : ((config as ConfigFor<'master' | 'utility'>).csm.net.master ?? []);
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

  async #stopHub(reason: string): Promise<void> {
    await this.#hub?.stop(reason);
    for (const part of this.#aggregatorParts.values()) await part.stop?.();
  }

  async #stopLeaf(reason: string): Promise<void> {
    await this.#life?.end();
    for (const part of this.#nodeParts) await part.stop?.();
    await this.#life?.stop(reason);
  }

  #addServers(lifecycle: Lifecycle): void {
    const { role, log } = this.#options;
    const { net, api } = this.#config.csm;
    const table = apiTable(this.#options.features);
    this.#servers.addTo(lifecycle, {
      self: { role, node: this.#node },
      socket: net.local_client_listen.socket,
      permissions: net.local_client_listen.permissions,
      https: apiListenOf(this.#config),
      maxBody: api.max_body,
      table,
      dispatch: this.#timed(this.#dispatch()),
      rules: () => this.#rulesNow,
      credentials: () => this.#credentials ?? notReady(),
      onRefused: (refused) => {
        for (const part of this.#nodeParts) part.callRefused?.(refused);
      },
      info: () => ({ degraded: this.#leaf?.leaf.failover.claim !== 'confirmed' }),
      log: log.child({ component: 'api' }),
    });
  }

  #dispatch(): Dispatch {
    const facts = {
      daemon: daemonId(this.#options.role, this.#node),
      masters: () => this.#hub?.masters(),
      standby: () => this.#master?.standby(),
      refused: () =>
        (this.#hub?.down ?? this.#master?.links)?.refusedPeers().reduce((n, { count }) => n + count, 0) ?? 0,
      problems: () => this.#partProblems(),
      features: () => this.#status(),
    };
    const leaf = () => this.#leaf ?? notReady();
    const local = (...args: Parameters<ReturnType<typeof withLocalHealth>>) =>
      withLocalHealth({ ...facts, leaf: leaf() })(...args);
    // Where no master leads, each is asked why: the answer must not wait until one does.
    const hopeless = (call: string) =>
      call === 'health' && this.#master?.standby() !== undefined && leaf().leaf.failover.claim !== 'confirmed';
    return entryDispatch(leaf, local, hopeless);
  }

  #addFigures(lifecycle: Lifecycle): void {
    const at = this.#config.csm.net.metrics_listen;
    if (at === undefined) return;
    const { role, log } = this.#options;
    const sources = {
      self: { role, node: this.#node, version: CSM_VERSION },
      certificateExpires: () => this.#credentials?.validTo,
      clockAhead: () => this.#clockAhead(),
      now: () => systemClock.now().wall,
      leaf: () => this.#leaf,
      outboxMax: () => this.#config.csm.outbox_max,
      servers: () => this.#servers.all,
      hub: () => this.#hub,
      status: () => this.#status(),
      core: () => this.#master?.core,
      standby: () => this.#master?.standbyShell,
      store: () => this.#master?.store,
    };
    this.#metrics.addTo(lifecycle, at, sources, log.child({ component: 'metrics' }));
  }

  #timed(dispatch: Dispatch): Dispatch {
    return (row, input, ctx) => (this.#figures?.timed(dispatch) ?? dispatch)(row, input, ctx);
  }

  #about(): DaemonFacts | undefined {
    const [leaf, credentials] = [this.#leaf, this.#credentials];
    if (leaf === undefined || credentials === undefined) return undefined;
    const { dropped, refused } = leaf.leaf.outbox.counters;
    return {
      startedAt: this.#startedAt,
      certificateIssued: credentials.validFrom,
      certificateExpires: credentials.validTo,
      clockAhead: this.#clockAhead(),
      dropped,
      refused,
      problems: localProblems({ leaf, problems: () => this.#partProblems() }),
      features: this.#status(),
    };
  }

  /** Of the leading master it is itself the measure. */
  #clockAhead(): ClockAhead | undefined {
    if (this.#master?.core !== undefined) return undefined;
    return (this.#hub?.up ?? this.#leaf?.links)?.clockAhead();
  }

  #partProblems(): string[] {
    return [...this.#nodeParts, ...this.#aggregatorParts.values()].flatMap((part) => part.problems?.() ?? []);
  }

  #status(): JsonObject {
    return Object.fromEntries([...this.#aggregatorParts].map(([name, part]) => [name, part.status?.() ?? null]));
  }

  #tellRefused(peer: RefusedPeer): void {
    for (const part of this.#nodeParts) part.refused?.(peer);
  }

  get #figures(): Figures | undefined {
    return this.#metrics.figures;
  }

  get #leaf(): LeafShell | undefined {
    return this.#life?.leaf;
  }

  get #rulesNow(): CallRules {
    return this.#rules ?? notReady();
  }

  #readRules(config: AnyConfig): Promise<CallRules> {
    return readCallRules(config.csm, apiTable(this.#options.features));
  }

  #recheck(): void {
    this.#leaf?.links.recheck();
    this.#hub?.down.recheck();
    this.#hub?.up.recheck();
    this.#master?.links?.recheck();
    this.#servers.recheck();
  }
}

const apiListenOf = (config: AnyConfig): HostPort | undefined =>
  'api_listen' in config.csm.net ? config.csm.net.api_listen : undefined;

/** Where a daemon of this configuration looks at its machine. */
export const hostOf = ({ csm: { host } }: AnyConfig): Host => realHost({ root: host.root, path: host.program_path });
