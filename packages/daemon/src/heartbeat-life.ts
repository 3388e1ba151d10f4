/**
 * The life of a daemon of the role `heartbeat`.
 *
 * | it…       | enters                                      | leaves                                                  |
 * |-----------|---------------------------------------------|---------------------------------------------------------|
 * | stands by | PostgreSQL, and another has the lock        | elected → leads                                         |
 * | leads     | SQLite, memory, or elected                  | its store dies, since another leads → the daemon ends    |
 *
 * Its door is open in both: who stands by sends requests on to the leader. The name under which an instance stands in
 * the row of the leader is the address at which it is reached, so that whoever waits for the lead knows where to send.
 */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { type ApiServer, ApiTable, createServer, DEFAULT_POLICY, type Dispatch, type Handler } from '@csm/api';
import { heartbeat, type loadAlone } from '@csm/heartbeat';
import { EXIT, type Lifecycle, type Log, systemClock } from '@csm/kit';
import { code, fail, JsonPages, toProblem, wall } from '@csm/model';
import type { Candidacy, Store } from '@csm/store';
import type { HeartbeatConfig, Place } from './heartbeat-config.ts';
import { CSM_VERSION } from './version.ts';

type Alone = Awaited<ReturnType<typeof loadAlone>>;
type Setup = ReturnType<Alone['setupOf']>;
type Door = ReturnType<Alone['openDoor']>;

export interface HeartbeatLifeOptions {
  readonly alone: Alone;
  readonly config: HeartbeatConfig;
  readonly setup: Setup;
  readonly place: Place;
  readonly node: string;
  /** Where other instances reach this one, a URL. */
  readonly address: string;
  /** A socket that cannot be made is no reason not to begin: nobody asked for it. */
  readonly socketOptional: boolean;
  readonly log: Log;
  /** A line for whoever looks at the process. */
  readonly tell: (status: string) => void;
}

const ELECTION_MS = 1_000;
const TELL_MS = 1_000;
const PRUNE_MS = 3_600_000;
/** The service looks for who is late twice a second; one that has not for so long hangs, ms. */
const CHECKED_MS = 10_000;
/** The service writes what waits when it stops, ms. */
const STOP_MS = 15_000;

export class HeartbeatLife {
  readonly #options: HeartbeatLifeOptions;
  readonly #door: Door;
  readonly #timers: NodeJS.Timeout[] = [];
  #privileged: Pick<HeartbeatConfig, 'privileged_user_id' | 'privileged_group_id'>;
  #candidacy: Candidacy | undefined;
  #store: Store | undefined;
  #service: Awaited<ReturnType<Alone['assemble']>>['service'] | undefined;
  #handlers: Readonly<Record<string, Handler<never>>> | undefined;
  #server: ApiServer | undefined;
  #leading: Promise<void> = Promise.resolve();
  #stopping = false;
  #told = '';
  #end: (reason: string) => void = () => {};

  constructor(options: HeartbeatLifeOptions) {
    const { alone, setup, log } = options;
    this.#options = options;
    this.#privileged = options.config;
    this.#door = alone.openDoor({ setup, time: alone.realTime(), log });
  }

  addTo(lifecycle: Lifecycle): void {
    this.#end = (reason) => {
      lifecycle.stop(reason, EXIT.failed).catch((error: unknown) => {
        this.#options.log.error('stopping failed', { error });
      });
    };
    lifecycle.add(
      'database',
      () => this.#open(),
      () => this.#close(),
    );
    lifecycle.add(
      'service',
      () => this.#begin(),
      () => this.#stop(),
      STOP_MS,
    );
    lifecycle.add(
      'heartbeats',
      () => this.#door.listen(),
      () => this.#door.close(),
      STOP_MS,
    );
    lifecycle.add(
      'api',
      () => this.#serve(),
      () => this.#server?.close(),
    );
  }

  /** Takes new certificates, and who is privileged. */
  reload(config: HeartbeatConfig): void {
    this.#door.renewTls();
    this.#privileged = config;
    this.#server?.recheck();
  }

  /** Whether what must turn turns: feeds the watchdog. */
  healthy(): boolean {
    const last = this.#service?.health().lastCheck ?? undefined;
    return !this.#stopping && (last === undefined || systemClock.now().wall - last < CHECKED_MS);
  }

  async #open(): Promise<void> {
    const { alone, place, log, address, config } = this.#options;
    const { openMemoryStore, openStore, standForLeader } = await import('@csm/store');
    const url = heartbeat.store ?? fail(code.GENERIC, 'the feature has no store');
    const common = {
      master: address,
      clock: () => systemClock.now().wall,
      onFault: (where: string, { detail }: { readonly detail: string }) => log.error(`database: ${where}: ${detail}`),
    };
    switch (place.engine) {
      case 'memory':
        log.warn('nothing is kept: the database is in memory');
        return this.#opened(await openMemoryStore({ modules: [await alone.storeModule()], ...common }));
      case 'sqlite':
        makeDirectory(dirname(place.file), 0o750);
        return this.#opened(await openStore({ file: place.file, modules: [url], ...common }));
      case 'postgresql': {
        const { lease, readers } = config.db.postgresql;
        this.#candidacy = await standForLeader({ server: place.server, modules: [url], lease, readers, ...common });
        const elected = this.#candidacy.elected.then((store) => this.#opened(store));
        await Promise.race([elected, new Promise((resolve) => setTimeout(resolve, ELECTION_MS))]);
        return;
      }
      default:
        return place satisfies never;
    }
  }

  #opened(store: Store): void {
    this.#store = store;
    store.closed
      .then((problem) => (problem === undefined ? undefined : this.#end(`the database is gone: ${problem.detail}`)))
      .catch((error: unknown) => this.#options.log.error('stopping failed', { error }));
  }

  async #begin(): Promise<void> {
    const candidacy = this.#candidacy;
    if (this.#store !== undefined || candidacy === undefined) return this.#lead();
    this.#door.standBy(() => this.#leader());
    this.#timers.push(setInterval(() => this.#tell(), TELL_MS).unref());
    this.#tell();
    candidacy.elected
      .then(() => {
        this.#leading = this.#takeOver();
        return this.#leading;
      })
      .catch((error: unknown) => this.#options.log.error('the daemon could not be ended', { error }));
  }

  /** Where requests go on to while this instance stands by; undefined while that is not known. */
  #leader(): string | undefined {
    const address = this.#candidacy?.status().leader?.master;
    return address === undefined || address === this.#options.address || !URL.canParse(address) ? undefined : address;
  }

  async #takeOver(): Promise<void> {
    if (this.#stopping) return;
    const { log } = this.#options;
    const began = performance.now();
    try {
      await this.#lead();
      log.info('this instance leads now', { took_ms: Math.round(performance.now() - began), term: this.#store?.term });
    } catch (error) {
      log.error('the lead could not be taken over', { error });
      this.#end(`the lead could not be taken over: ${toProblem(error).detail}`);
    }
  }

  async #lead(): Promise<void> {
    const { alone, setup, log, config, address } = this.#options;
    const store = this.#store ?? fail(code.NOT_INITIALIZED, 'there is no database yet');
    const params = { ...setup.params, Kv_url: alone.kvUrlOf(store.place) };
    const time = alone.realTime();
    const assembled = await alone.assemble({
      store,
      setup: { ...setup, params },
      time,
      log,
      cutOff: alone.cutOffOf(),
    });
    this.#service = assembled.service;
    await store.call('heartbeat.leads', { address, term: store.term });
    this.#handlers = alone.heartbeatCalls({ store, service: assembled.service });
    this.#door.lead(assembled);
    const prune = (): void => {
      const olderThan = wall(systemClock.now().wall - config.db.change_keep);
      store.changes.prune({ olderThan, hardOlderThan: olderThan }).catch((error: unknown) => {
        log.error('old changes could not be removed', { error });
      });
    };
    prune();
    this.#timers.push(setInterval(prune, PRUNE_MS).unref());
    this.#tell();
  }

  /** The local socket: the calls of the feature, and no others. */
  async #serve(): Promise<void> {
    const { config, node, log, socketOptional } = this.#options;
    const { socket: socketPath, permissions: socketMode } = config.net.local_client_listen;
    const dispatch: Dispatch = async (row, input, ctx) => {
      const handler = this.#handlers?.[row.name] ?? fail(code.NOT_INITIALIZED, this.#standbyWords());
      const answer = await handler(input as never, ctx);
      return answer instanceof JsonPages ? answer.read() : answer;
    };
    const server = createServer({
      table: new ApiTable(heartbeat.api),
      // It owns the record, as a master does: callers are vouched for as by one.
      self: { role: 'master', node },
      version: CSM_VERSION,
      policy: () => ({
        ...DEFAULT_POLICY,
        privilegedUsers: this.#privileged.privileged_user_id,
        privilegedGroups: this.#privileged.privileged_group_id,
      }),
      dispatch,
      log: log.child({ component: 'api' }),
      socketPath,
      socketMode,
    });
    try {
      makeDirectory(dirname(socketPath), 0o755);
      await server.listen();
      this.#server = server;
    } catch (error) {
      if (!socketOptional) throw error;
      log.warn('csm heartbeat will not reach this daemon: its socket could not be made', { socket: socketPath, error });
    }
  }

  async #stop(): Promise<void> {
    this.#stopping = true;
    for (const timer of this.#timers) clearInterval(timer);
    await this.#leading;
    await this.#service?.stop();
  }

  async #close(): Promise<void> {
    await this.#candidacy?.close();
    await this.#store?.close();
  }

  #standbyWords(): string {
    const { leader, why } = this.#candidacy?.status() ?? {};
    if (this.#candidacy === undefined) return 'the heartbeat service has only just started';
    return leader === undefined
      ? `this instance stands by: ${why?.detail ?? 'nobody is known to lead'}`
      : `this instance stands by; ${leader.master} leads`;
  }

  #tell(): void {
    const { log, tell, address } = this.#options;
    const away = this.#store?.away;
    const status =
      this.#handlers === undefined
        ? this.#standbyWords()
        : `${address} leads under term ${this.#store?.term ?? 0}${away === undefined ? '' : `; the database is away: ${away.detail}`}`;
    if (status === this.#told) return;
    this.#told = status;
    log.info(status);
    tell(status);
  }
}

/** One after another: where none can be made, such as below /proc, Node's own way to make them all never ends. */
function makeDirectory(path: string, mode: number): void {
  if (existsSync(path)) return;
  makeDirectory(dirname(path), mode);
  mkdirSync(path, { mode });
}
