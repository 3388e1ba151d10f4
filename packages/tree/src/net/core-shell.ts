/**
 * The leading master's part of the tree at work: the `Core`, its own `Hub` for daemons that link to the master itself,
 * their sockets, and the database behind a port.
 */
import { randomUUID } from 'node:crypto';
import { earliest, type Wall } from '@csm/model';
import { type ResultPart, VERSION } from '@csm/protocol';
import type { ListenTls } from 'tls-json-stream';
import { Core, type CoreEffect, HUB_WINDOW, type RosterRecorded } from '../core.ts';
import type { Order } from '../fanout/origin.ts';
import { Hub, type HubEffect } from '../hub.ts';
import type { CommitBatch, CommitResult } from '../intake.ts';
import type { LinkId } from '../link/link.ts';
import type { Admission } from '../link/table.ts';
import type { KnownDaemon, RosterRecord } from '../roster/view.ts';
import { CallServer, type Serve } from './call-server.ts';
import type { Revoked } from './certificates.ts';
import type { PassFailpoint } from './failpoint.ts';
import { Links } from './links.ts';
import { isExpected, MasterPorts, TAG_AGGREGATORS, TAG_OWN, wrongRole } from './master-ports.ts';
import type { Clock, Log } from './ports.ts';
import type { RefusedPeer } from './refused-peers.ts';
import { GREETING_TIMEOUT } from './spans.ts';
import type { StandbyShell } from './standby-shell.ts';
import { WakeTimer } from './timer.ts';
import { type Wire, wirePair } from './wire.ts';

/** What the tree asks of the database. Rejections are tried again; nothing is acknowledged before it resolves. */
export interface CoreDatabase {
  load(): Promise<{
    readonly known: readonly KnownDaemon[];
    /** Linked when the last master stopped. */
    readonly hubs: readonly string[];
    /** Lost before, and not given up. */
    readonly missed?: readonly { readonly hub: string; readonly since: Wall }[];
  }>;
  record(record: RosterRecord): Promise<RosterRecorded>;
  commit(batches: readonly CommitBatch[]): Promise<readonly CommitResult[]>;
  touch(seen: readonly { readonly daemon: string; readonly lastSeen: number }[]): Promise<void>;
}

export interface CoreShellOptions {
  readonly node: string;
  readonly aggregatorListen: { readonly host?: string; readonly port: number };
  readonly utilityListen: { readonly host?: string; readonly port: number };
  readonly tls: () => ListenTls;
  readonly revoked: () => Revoked;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly speak?: string;
  /** A peer was refused at a listener of ours. */
  readonly onRefused?: (peer: RefusedPeer) => void;
  readonly database: CoreDatabase;
  readonly serve: Serve;
  /** The term under which this master leads: of two that say they lead, peers serve the higher one. */
  readonly term: number;
  /** What stood by on these ports until now: it is ended when all is loaded, directly before this master listens there. */
  readonly standby?: StandbyShell | undefined;
  /**
   * How long a stopping master waits for peers that do not take their goodbye, ms. Default: as long as a link takes to
   * close, 5 s. Less where another master takes over: until this one has stopped, nobody leads.
   */
  readonly goodbyeMs?: number | undefined;
  /** For fault tests: called at each passing of a failpoint; it may end the process there. */
  readonly failpoint?: PassFailpoint | undefined;
}

/** The link between the master's own hub and its core, which is no connection. */
const LOCAL: LinkId = 0;

export class CoreShell {
  readonly hub: Hub;
  readonly core: Core;
  readonly links: Links;
  readonly calls: CallServer;
  readonly #options: CoreShellOptions;
  readonly #timer: WakeTimer;
  readonly #orders = new Map<string, { parts: (parts: readonly ResultPart[]) => void; ended: () => void }>();
  readonly #ports: MasterPorts;
  #scheduled = false;
  #stopped = false;

  static async start(options: CoreShellOptions): Promise<CoreShell> {
    const { known, hubs, missed = [] } = await options.database.load();
    const daemons = new Set<string>(known.map(({ daemon }) => daemon));
    // The hub within a master stands or falls with it: nobody waits for that of an earlier leader.
    const isAggregator = (hub: string) =>
      hub !== options.node && (daemons.has(`aggregator/${hub}`) || !daemons.has(`master/${hub}`));
    const shell = new CoreShell(options, known, hubs.filter(isAggregator));
    shell.core.roster.missed(missed.filter(({ hub }) => isAggregator(hub)));
    await options.standby?.stop(`master ${options.node} leads now`);
    await shell.#ports.listen();
    return shell;
  }

  private constructor(options: CoreShellOptions, known: readonly KnownDaemon[], hubs: readonly string[]) {
    const { node, intervalMs, clock, log, revoked } = options;
    this.#options = options;
    const session = randomUUID();
    const version = options.speak ?? VERSION;
    this.core = new Core(known, hubs, intervalMs, clock.now());
    this.hub = new Hub(node, session);
    this.calls = new CallServer(
      options.serve,
      {
        items: (id, items, bytes) => {
          this.core.calls.items(id, items, bytes);
          this.#schedule();
        },
        piece: (id, text) => {
          this.core.calls.piece(id, text);
          this.#schedule();
        },
        ended: (id, how) => {
          this.core.calls.ended(id, how);
          this.#schedule();
        },
      },
      clock,
      log,
    );
    const isTrunk = new Set<LinkId>();
    const schedule = () => this.#schedule();
    this.links = new Links({
      self: {
        role: 'master',
        node,
        session,
        version,
        interval: intervalMs,
        greetingTimeout: GREETING_TIMEOUT,
      },
      above: {
        admit: ({ role, node: peer, tag }) => admit(role, peer, tag, options),
        leads: () => true,
        incarnation: () => session,
      },
      handlers: {
        up: (link, tag, peer) => {
          if (tag !== TAG_AGGREGATORS) this.hub.leafUp(link, peer);
          else {
            isTrunk.add(link);
            log.info(`aggregator ${peer.node} is linked`, { address: peer.address });
            this.core.hubUp(link, peer.node, peer, clock.now());
          }
          schedule();
        },
        message: (link, _tag, message, bytes) => {
          if (isTrunk.has(link)) this.core.hubMessage(link, message, clock.now());
          else this.hub.leafMessage(link, message, bytes, clock.now());
        },
        down: (link, tag, how) => {
          if (this.#stopped) return;
          const { reason, planned, wasUp, refusal } = how;
          if (!wasUp) {
            const { address, daemon } = this.links.describe(link);
            if (tag !== TAG_OWN) this.links.noteRefused(address, daemon, refusal?.code ?? 'broken', reason);
          } else {
            if (tag !== TAG_OWN) this.links.tellEnd(link, how);
            if (isTrunk.delete(link)) this.core.hubDown(link, reason, planned, clock.now());
            else this.hub.leafDown(link, reason, planned, clock.now());
          }
          schedule();
        },
        heard: (link, now) => {
          if (!isTrunk.has(link) && this.hub.heard(link, now)) schedule();
        },
        settled: schedule,
        stalled: () => this.core.stalled(clock.now()),
        refused: (peer) => options.onRefused?.(peer),
      },
      clock,
      log,
      revoked,
    });
    this.#ports = new MasterPorts(options, this.links);
    this.#timer = new WakeTimer(clock, (lateBy) => {
      if (lateBy > intervalMs / 2) this.core.stalled(clock.now());
      this.core.tick(clock.now());
      this.hub.tick(clock.now());
      this.#schedule();
    });
    this.core.hubUp(LOCAL, node, { session, address: 'local', version }, clock.now());
    this.hub.trunkUp(HUB_WINDOW);
    this.#schedule();
  }

  get ports(): { readonly aggregators: number; readonly utilities: number } {
    return this.#ports.numbers;
  }

  /** One end of a connection from inside the process, for the master's own reports. */
  connectOwn(): Wire {
    const [near, far] = wirePair('local');
    this.links.adopt(far, 'listener', TAG_OWN, 'leaf>hub', { role: 'master', node: this.#options.node });
    return near;
  }

  /** Carries a command to nodes; resolves when every node asked has its part, at the latest at the deadline. */
  order(order: Order, parts: (parts: readonly ResultPart[]) => void, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const ended = () => {
        signal.removeEventListener('abort', cancelled);
        this.#orders.delete(order.id);
        resolve();
      };
      const cancelled = () => {
        this.core.cancelOrder(order.id);
        ended();
      };
      if (signal.aborted) return resolve();
      signal.addEventListener('abort', cancelled, { once: true });
      this.#orders.set(order.id, { parts, ended });
      this.core.order(order, this.#options.clock.now());
      this.#schedule();
    });
  }

  reload(): void {
    this.#ports.reload();
  }

  async stop(reason: string): Promise<void> {
    this.calls.stop();
    await this.#ports.close();
    // The links end with this master: none of its peers has left, and nothing of that is recorded.
    this.#stopped = true;
    this.#timer.stop();
    await this.links.close(reason, this.#options.goodbyeMs);
  }

  #schedule(): void {
    if (this.#scheduled || this.#stopped) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      this.#flush();
    });
  }

  #flush(): void {
    if (this.#stopped) return;
    for (const effect of this.hub.flush()) this.#hubEffect(effect);
    for (const effect of this.core.flush(this.#options.clock.now())) this.#coreEffect(effect);
    this.#timer.set(earliest(this.core.wakeAt(), this.hub.wakeAt()));
  }

  #hubEffect(effect: HubEffect): void {
    switch (effect.kind) {
      case 'log':
        this.#options.log[effect.level](effect.text, effect.fields);
        return;
      case 'send':
        this.links.send(effect.link, effect.message);
        return;
      case 'up':
        this.core.hubMessage(LOCAL, effect.message, this.#options.clock.now());
        return;
      case 'drop':
        this.links.offended(effect.link, effect.reason);
        this.links.drop(effect.link, effect.reason, false);
        return;
      case 'close':
        this.links.drop(effect.link, effect.reason, true);
        return;
      case 'beatAll':
        return; // its links have only just begun: the master's own hub always reaches the leader
      case 'take':
        return; // it has no tap
      default:
        effect satisfies never;
    }
  }

  #coreEffect(effect: CoreEffect): void {
    const { log, clock, database, failpoint } = this.#options;
    switch (effect.kind) {
      case 'log':
        log[effect.level](effect.text, effect.fields);
        return;
      case 'send':
        if (effect.link !== LOCAL) this.links.send(effect.link, effect.message);
        else {
          this.hub.trunkMessage(effect.message, clock.now());
          this.#schedule();
        }
        // The frame leaves at the end of this turn.
        if (failpoint !== undefined && effect.message.kind === 'acks')
          setImmediate(() => failpoint('commit.done.after'));
        return;
      case 'drop':
        this.links.offended(effect.link, effect.reason);
        this.links.drop(effect.link, effect.reason, false);
        return;
      case 'record': {
        const pass = effect.record.claims.length > 0 ? failpoint : undefined;
        pass?.('claim.record.before');
        this.#asked(
          database.record(effect.record),
          (answer) => {
            pass?.('claim.record.after');
            this.core.recorded(answer);
          },
          () => this.core.recordFailed(clock.now()),
        );
        return;
      }
      case 'commit':
        failpoint?.('commit.ask.before');
        this.#asked(
          database.commit(effect.batches),
          (results) => {
            failpoint?.('commit.done.before');
            this.core.committed(results);
          },
          () => this.core.commitFailed(clock.now()),
        );
        return;
      case 'touch':
        this.#asked(
          database.touch(effect.seen),
          () => undefined,
          () => undefined,
        );
        return;
      case 'serve':
        void this.calls.start(effect.call);
        return;
      case 'abort':
        this.calls.abort(effect.id, effect.why);
        return;
      case 'room':
        this.calls.room(effect.id, effect.bytes);
        return;
      case 'parts':
        this.#orders.get(effect.id)?.parts(effect.parts);
        return;
      case 'ended':
        this.#orders.get(effect.id)?.ended();
        return;
      default:
        effect satisfies never;
    }
  }

  #asked<T>(asked: Promise<T>, answered: (value: T) => void, failed: () => void): void {
    asked
      .then(answered, (error: unknown) => {
        this.#options.log.error('the database failed; what it was asked is tried again', { error });
        failed();
      })
      .finally(() => this.#schedule());
  }
}

function admit(role: string, peer: string, tag: number, { node, term }: CoreShellOptions): Admission {
  const leads = { ok: true, leader: true, term } as const;
  const isOwn = tag === TAG_OWN && role === 'master' && peer === node;
  if (!isOwn && !isExpected(role, peer, tag, node)) return wrongRole(role, tag);
  return tag === TAG_AGGREGATORS
    ? { ...leads, way: 'hub>core', credit: HUB_WINDOW }
    : { ...leads, way: 'leaf>hub', credit: 0 };
}
