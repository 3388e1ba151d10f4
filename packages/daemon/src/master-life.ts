/**
 * The life of a master: what stands while it does not lead, and what is put in place once it does.
 *
 * | it…        | enters                                        | leaves                                              |
 * |------------|-----------------------------------------------|-----------------------------------------------------|
 * | stands by  | PostgreSQL, and it was not elected at once     | elected → takes over                                 |
 * | takes over | it has the store                              | all stands → leads; something fails → the daemon ends |
 * | leads      | SQLite, or elected                            | its store dies, since another leads → the daemon ends |
 *
 * A database that is away ends nobody: a leader answers code 24 and lets reports wait, a candidate stands by. Who has
 * lost the lead ends the whole daemon, so that nothing it believed outlives it; started again, it stands by.
 */
import { join } from 'node:path';
import { type Handler, isPrivileged, type Policy } from '@csm/api';
import type { Feature, Guard, MasterPart, MasterPorts, Ports } from '@csm/feature';
import { type Log, systemClock } from '@csm/kit';
import { wall } from '@csm/model';
import type { Candidacy, Store } from '@csm/store';
import { CoreShell, type PassFailpoint, type RefusedPeer, StandbyShell } from '@csm/tree';
import { masterServe, notReady } from './calls.ts';
import { type ConfigFor, listenOf } from './config.ts';
import type { Credentials } from './credentials.ts';
import { coreDatabase } from './database.ts';
import { serverOf } from './database-settings.ts';
import { apiTable } from './features.ts';
import type { Figures } from './figures/index.ts';
import { type Standby, wordsOf } from './standby.ts';
import { StoredReports } from './stored.ts';

export interface MasterLifeOptions {
  readonly node: string;
  readonly config: () => ConfigFor<'master'>;
  readonly features: readonly Feature[];
  readonly log: Log;
  readonly speak: string | undefined;
  readonly failpoint: PassFailpoint | undefined;
  readonly credentials: () => Credentials;
  readonly ports: (feature: Feature) => Ports;
  readonly policy: () => Policy;
  readonly onRefused: (peer: RefusedPeer) => void;
  /** There where figures are served. */
  readonly figures: () => Figures | undefined;
  /** It leads from now on; before that, others did. */
  readonly onLead: () => Promise<void>;
  /** A line for whoever looks at the process. */
  readonly tell: (status: string) => void;
  /** The daemon is to end, as failed. */
  readonly end: (reason: string) => void;
}

/** A master alone with its database leads within this, and nobody need see it stand by, ms. */
const ELECTION_MS = 1_000;
/** How often what is told of a master on PostgreSQL is brought up to date, ms. */
const TELL_MS = 1_000;
/** How long the goodbye of a leader may take that another follows, ms: whoever does not read it finds the next one anyway. */
const GOODBYE_MS = 500;
const PRUNE_MS = 3_600_000;

export class MasterLife {
  readonly #options: MasterLifeOptions;
  readonly #parts: MasterPart[] = [];
  readonly #timers: NodeJS.Timeout[] = [];
  #candidacy: Candidacy | undefined;
  #store: Store | undefined;
  #standby: StandbyShell | undefined;
  #core: CoreShell | undefined;
  #leading: Promise<void> = Promise.resolve();
  #stopping = false;
  #told = '';
  /** Since when it leads, in words; there once it does. */
  #leads: string | undefined;

  constructor(options: MasterLifeOptions) {
    this.#options = options;
  }

  /** There once it leads. */
  get core(): CoreShell | undefined {
    return this.#core;
  }

  /** There while it stands by. */
  get standbyShell(): StandbyShell | undefined {
    return this.#core === undefined ? this.#standby : undefined;
  }

  /** There once it is open, or this master is elected. */
  get store(): Store | undefined {
    return this.#store;
  }

  /** Of those who link to this master, whether it leads or not. */
  get links(): CoreShell['links'] | undefined {
    return (this.#core ?? this.#standby)?.links;
  }

  /** Undefined once it leads. */
  standby(): Standby | undefined {
    if (this.#core !== undefined || this.#candidacy === undefined) return undefined;
    const { why, leader } = this.#candidacy.status();
    return { why: this.#store === undefined ? why.detail : 'it is elected, and takes over', leader };
  }

  /** Opens the database, or stands for its lead. Rejects for SQLite as `openStore` does. */
  async open(): Promise<void> {
    const { node, features, log } = this.#options;
    const { state_dir: stateDir, db } = this.#options.config().csm;
    const { openStore, standForLeader } = await import('@csm/store');
    const common = {
      modules: features.map((feature) => feature.store).filter((url) => url !== undefined),
      master: node,
      clock: () => systemClock.now().wall,
      onFault: (where: string, { detail }: { readonly detail: string }) => log.error(`database: ${where}: ${detail}`),
    };
    if (db.engine === 'sqlite') {
      this.#opened(await openStore({ file: db.file ?? join(stateDir, 'csm.db'), ...common }));
      return;
    }
    const { lease, readers } = db.postgresql;
    this.#candidacy = await standForLeader({ server: serverOf(db), lease, readers, ...common });
    const elected = this.#candidacy.elected.then((store) => this.#opened(store));
    await Promise.race([elected, new Promise((resolve) => setTimeout(resolve, ELECTION_MS))]);
  }

  /** Listens: as the leader, or as one that stands by and takes over when it is elected. Rejects when a port is taken. */
  async start(): Promise<void> {
    const candidacy = this.#candidacy;
    if (candidacy !== undefined) this.#timers.push(setInterval(() => this.#tell(), TELL_MS).unref());
    if (this.#store !== undefined || candidacy === undefined) return this.#lead();
    this.#standby = await StandbyShell.start(this.#listening());
    this.#tell();
    candidacy.elected
      .then(() => {
        this.#leading = this.#takeOver();
        return this.#leading;
      })
      .catch((error: unknown) => this.#options.log.error('the daemon could not be ended', { error }));
  }

  /** New certificates and a new list of revoked ones. */
  reload(): void {
    (this.#core ?? this.#standby)?.reload();
  }

  /** What any feature's part says is wrong. A part that cannot say what is wrong is itself what is wrong. */
  async problems(): Promise<string[]> {
    const lists = await Promise.all(
      this.#parts.map((part) =>
        Promise.resolve(part.problems?.() ?? []).catch((error: unknown) => [
          `problems could not be asked: ${error instanceof Error ? error.message : String(error)}`,
        ]),
      ),
    );
    return lists.flat();
  }

  /** Says goodbye to all who are linked. */
  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#leading;
    await (this.#core ?? this.#standby)?.stop(reason);
    for (const part of this.#parts) await part.stop?.();
  }

  /** Frees the lead. */
  async close(): Promise<void> {
    await this.#candidacy?.close();
    await this.#store?.close();
  }

  #opened(store: Store): void {
    const { end, log } = this.#options;
    this.#store = store;
    store.closed
      .then((problem) => (problem === undefined ? undefined : end(`the database is gone: ${problem.detail}`)))
      .catch((error: unknown) => log.error('stopping failed', { error }));
  }

  async #takeOver(): Promise<void> {
    if (this.#stopping) return;
    const { log, end, onLead } = this.#options;
    const began = performance.now();
    try {
      await this.#lead();
      await onLead();
      log.info('this master leads now', { took_ms: Math.round(performance.now() - began), term: this.#store?.term });
    } catch (error) {
      log.error('the lead could not be taken over', { error });
      end(`the lead could not be taken over: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Puts everything in place that answers calls and takes reports. */
  async #lead(): Promise<void> {
    const { node, features, log, ports, policy } = this.#options;
    const store = this.#store ?? notReady();
    const stored = new StoredReports((error) => log.error('a listener to reports failed', { error }));
    const startedAt = systemClock.now().wall;
    const handlers = new Map<string, Handler<never>>();
    const table = apiTable(features);
    let guard: Guard | undefined;
    for (const feature of features) {
      const masterPorts: MasterPorts = {
        ...ports(feature),
        store,
        tree: () => this.#core ?? notReady(),
        startedAt,
        onStored: (kind, listener) => stored.on(kind, listener),
        problems: () => this.problems(),
        calls: table.offered.map((row) => row.name),
        isPrivileged: (caller) => isPrivileged(caller, policy()),
      };
      const part = await feature.onMaster?.(masterPorts);
      if (part === undefined) continue;
      this.#parts.push(part);
      guard ??= part.guard;
      for (const [name, handler] of Object.entries(part.handlers)) handlers.set(name, handler);
    }
    const standby = this.#standby;
    const database = coreDatabase(store, stored);
    const serve = masterServe(table, handlers, policy, guard);
    const figures = this.#options.figures();
    this.#core = await CoreShell.start({
      ...this.#listening(),
      database: figures?.timedDatabase(database) ?? database,
      serve: figures?.timedServe(serve, table) ?? serve,
      term: store.term,
      failpoint: this.#options.failpoint,
      // Another waits for the lead, which is free when this has ended.
      goodbyeMs: this.#candidacy === undefined ? undefined : GOODBYE_MS,
      ...(standby === undefined ? {} : { standby }),
    });
    this.#keepSmall(store);
    this.#leads = `${node} leads under term ${store.term} since ${new Date(startedAt).toISOString()}`;
    this.#tell();
  }

  #listening() {
    const { node, log, speak, credentials, config, onRefused } = this.#options;
    const { net } = config().csm;
    return {
      node,
      aggregatorListen: listenOf(net.aggregator_listen),
      utilityListen: listenOf(net.utility_listen),
      tls: () => credentials().tls,
      revoked: () => credentials().revoked,
      intervalMs: net.heartbeat_interval,
      clock: systemClock,
      log: log.child({ component: 'tree' }),
      ...(speak === undefined ? {} : { speak }),
      onRefused,
    };
  }

  #keepSmall(store: Store): void {
    const { config, log } = this.#options;
    const prune = () => {
      store.changes
        .prune({ olderThan: wall(systemClock.now().wall - config().csm.db.change_keep) })
        .catch((error: unknown) => log.error('old changes could not be removed', { error }));
    };
    prune();
    this.#timers.push(setInterval(prune, PRUNE_MS).unref());
  }

  #tell(): void {
    const standby = this.standby();
    const away = this.#store?.away;
    const status =
      standby === undefined
        ? `${this.#leads}${away === undefined ? '' : `; the database is away: ${away.detail}`}`
        : `${this.#options.node} stands by: ${wordsOf(standby)}`;
    if (status === this.#told || (standby === undefined && this.#leads === undefined)) return;
    this.#told = status;
    this.#options.log.info(status);
    this.#options.tell(status);
  }
}
