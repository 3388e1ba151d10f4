/**
 * An aggregator at work: the `Hub` with the sockets of its nodes below and of its trunk to the leading master above.
 */
import { randomUUID } from 'node:crypto';
import { VERSION } from '@csm/protocol';
import { Dialer, type Listener, type ListenTls, listen, type TlsSettings } from 'tls-json-stream';
import { Hub, type HubEffect } from '../hub.ts';
import { INTERVAL_MAX, type LinkId } from '../link/link.ts';
import type { Admission } from '../link/table.ts';
import { type CopiedReport, Tap } from '../tap/tap.ts';
import type { Revoked } from './certificates.ts';
import { Links, type RefusedPeer } from './links.ts';
import type { Clock, Log } from './ports.ts';
import { connectTimeout, dialBackoff, GREETING_TIMEOUT, refusedRetry } from './spans.ts';
import { WakeTimer } from './timer.ts';
import { type Wire, wirePair } from './wire.ts';

export interface HubShellOptions {
  readonly node: string;
  readonly listen: { readonly host?: string; readonly port: number };
  readonly masters: readonly { readonly host: string; readonly port: number }[];
  readonly tls: () => TlsSettings & ListenTls;
  readonly revoked: () => Revoked;
  readonly intervalMs: number;
  readonly clock: Clock;
  readonly log: Log;
  readonly speak?: string;
  /** A peer was refused at a listener of ours. */
  readonly onRefused?: (peer: RefusedPeer) => void;
  /** How long a stopping aggregator waits for its nodes to move away, ms. */
  readonly drainMs: number;
  readonly tap?: HubTap;
}

/** Who wants copies of reports that pass an aggregator. */
export interface HubTap {
  readonly kinds: readonly string[];
  /**
   * Reports of these kinds that the leader has stored; one call at a time. Their nodes are told only when it has
   * resolved, so it must, soon, and in any case. Reports may come more than once, through this aggregator or another.
   */
  take(reports: readonly CopiedReport[]): Promise<void>;
}

/** A master this aggregator links to, as health shows it. */
export interface MasterState {
  /** `host:port` as configured. */
  readonly name: string;
  readonly state: 'linked' | 'refused' | 'not linked';
  /** Why it is not linked. */
  readonly reason: string | undefined;
}

interface Master {
  readonly name: string;
  readonly dialer: Dialer;
  /** The link that stands. */
  link: LinkId | undefined;
  /** The last failure, until a link stands. */
  reason: string | undefined;
  refused: boolean;
}

const TAG_LISTENER = 0;
const TAG_OWN = 1;

export class HubShell {
  readonly hub: Hub;
  readonly down: Links;
  readonly up: Links;
  readonly #options: HubShellOptions;
  readonly #timer: WakeTimer;
  readonly #masters: Master[] = [];
  #listener: Listener | undefined;
  #trunk: LinkId | undefined;
  #scheduled = false;
  #stopping = false;
  #ended = false;

  constructor(options: HubShellOptions) {
    const { node, intervalMs, clock, log, revoked } = options;
    this.#options = options;
    const session = randomUUID();
    this.hub = new Hub(node, session, options.tap === undefined ? undefined : new Tap(options.tap.kinds));
    const self = {
      role: 'aggregator' as const,
      node,
      session,
      version: options.speak ?? VERSION,
      greetingTimeout: GREETING_TIMEOUT,
    };
    const schedule = () => this.#schedule();
    this.down = new Links({
      self: {
        ...self,
        interval: intervalMs,
      },
      above: {
        admit: ({ role, node: peer, tag }): Admission => {
          const own = tag === TAG_OWN && role === 'aggregator' && peer === node;
          if (own || role === 'compute')
            return {
              ok: true,
              way: 'leaf>hub',
              leader: this.hub.leads,
              credit: 0,
            };
          return {
            ok: false,
            refusal: {
              code: 'role',
              reason: `an aggregator takes links of compute daemons, not of ${role} daemons`,
            },
          };
        },
        leads: () => this.hub.leads,
        incarnation: () => session,
      },
      handlers: {
        up: (link, _tag, peer) => {
          this.hub.leafUp(link, peer);
          schedule();
        },
        message: (link, _tag, message, bytes) => this.hub.leafMessage(link, message, bytes, clock.now()),
        down: (link, tag, how) => {
          const { reason, planned, wasUp, refusal } = how;
          if (wasUp) {
            if (tag === TAG_LISTENER) this.down.tellEnd(link, how);
            this.hub.leafDown(link, reason, planned, clock.now());
          } else if (tag === TAG_LISTENER) this.#noteRefused(link, refusal?.code ?? 'broken', reason);
        },
        heard: (link) => this.hub.heard(link, clock.now()),
        refused: (peer) => options.onRefused?.(peer),
        settled: schedule,
      },
      clock,
      log,
      revoked,
    });
    this.up = new Links({
      self: {
        ...self,
        interval: Math.min(intervalMs, INTERVAL_MAX),
      },
      above: {
        admit: () => ({
          ok: false,
          refusal: {
            code: 'role',
            reason: 'not a listener',
          },
        }),
        leads: () => undefined,
        incarnation: () => session,
      },
      handlers: {
        up: (link, tag, peer) => {
          log.info(`linked to master ${peer.node}`, { address: peer.address });
          const master = this.#masters[tag];
          if (master !== undefined) {
            master.link = link;
            master.reason = undefined;
            master.refused = false;
            setTimeout(() => {
              if (master.link === link) master.dialer.settled();
            }, intervalMs).unref();
          }
          this.#trunk = link;
          this.hub.trunkUp(peer.credit);
          schedule();
        },
        message: (link, _tag, message) => {
          if (link === this.#trunk) this.hub.trunkMessage(message, clock.now());
        },
        down: (link, tag, { reason, refusal }) => {
          if (link === this.#trunk) {
            this.#trunk = undefined;
            this.hub.trunkDown();
          }
          const master = this.#masters[tag];
          // The end of a link beside the one that stands changes nothing: to dial again would replace that one.
          if (master !== undefined && (master.link === undefined || master.link === link)) {
            master.link = undefined;
            this.#failed(master, reason, refusal?.code);
            if (!this.#stopping && !this.#reaches(tag))
              master.dialer.retry(refusal === undefined ? 0 : refusedRetry(intervalMs));
          }
          schedule();
        },
        settled: schedule,
      },
      clock,
      log,
      revoked,
    });
    this.#timer = new WakeTimer(clock, () => {
      this.hub.tick(clock.now());
      this.#schedule();
    });
  }

  /** The port taken, once listening. */
  get port(): number {
    return this.#listener?.address.port ?? 0;
  }

  /** The masters as configured, and why a link to one does not stand. */
  masters(): MasterState[] {
    return this.#masters.map(({ name, link, refused, reason }) => ({
      name,
      state: link !== undefined ? 'linked' : refused ? 'refused' : 'not linked',
      reason,
    }));
  }

  get trunkUp(): boolean {
    return this.#trunk !== undefined;
  }

  async start(): Promise<void> {
    const { listen: where, tls, masters, intervalMs } = this.#options;
    this.#listener = await listen({
      ...where,
      tls: tls(),
      onStream: (stream) => this.down.adoptStream(stream, 'listener', TAG_LISTENER, 'leaf>hub'),
      onRefused: ({ code, address, port, reason }) =>
        this.down.noteRefused(`${address}:${port}`, 'unknown', code, reason),
    });
    for (const [tag, { host, port }] of masters.entries()) {
      const dialer = new Dialer({
        host,
        port,
        tls: tls(),
        ...dialBackoff(intervalMs),
        connectTimeout: connectTimeout(intervalMs),
        checkPeer: ({ subjectAltNames: names }) =>
          names.some((name) => name.startsWith('URI:csm:master:'))
            ? undefined
            : `its certificate is not of a master, but of ${names.join(', ')}`,
        onStream: (stream) => this.up.adoptStream(stream, 'dialer', tag, 'core>hub'),
        onFailure: (error) => this.#failed(master, error.message),
      });
      const name = `${host.includes(':') ? `[${host}]` : host}:${port}`;
      const master: Master = { name, dialer, link: undefined, reason: undefined, refused: false };
      this.#masters.push(master);
      dialer.start();
    }
  }

  /** One end of a connection to this hub from inside the process, for the aggregator's own reports. */
  connectOwn(): Wire {
    const [near, far] = wirePair('local');
    const identity = { role: 'aggregator' as const, node: this.#options.node };
    this.down.adopt(far, 'listener', TAG_OWN, 'leaf>hub', identity);
    return near;
  }

  /** New certificates for handshakes from now on; links that stand are judged again. */
  reload(): void {
    const tls = this.#options.tls();
    this.#listener?.setSecureContext(tls);
    for (const [tag, { dialer }] of this.#masters.entries()) {
      dialer.setTls(tls);
      // One that refused us may think otherwise now.
      if (!this.#reaches(tag)) dialer.start();
    }
    this.down.recheck();
    this.up.recheck();
  }

  /** Lets the nodes move away, then closes everything. */
  async stop(reason: string): Promise<void> {
    this.#stopping = true;
    await this.#listener?.close();
    this.down.farewell(reason);
    const until = this.#options.clock.now().mono + this.#options.drainMs;
    const others = () =>
      this.hub.active() - (this.hub.roster.byDaemon(`aggregator/${this.#options.node}`)?.claim === undefined ? 0 : 1);
    while (others() > 0 && this.#options.clock.now().mono < until)
      await new Promise((resolve) => setTimeout(resolve, 20));
    for (const { dialer } of this.#masters) dialer.stop();
    await this.up.close(reason);
    await this.down.close(reason);
    this.#ended = true;
    this.#timer.stop();
  }

  /** Whether a stream to this master is open: its link stands, or is being greeted. */
  #reaches(tag: number): boolean {
    for (const link of this.up.table.links()) if (link.tag === tag) return true;
    return false;
  }

  /** A dial failed or a link ended; said once as long as the reason is the same. */
  #failed(master: Master, reason: string, refused?: string): void {
    const level = this.#stopping || master.reason === reason ? 'debug' : 'warn';
    master.reason = reason;
    master.refused = refused !== undefined;
    this.#options.log[level](`no link to master ${master.name}: ${reason}`, refused === undefined ? {} : { refused });
  }

  async #take(reports: readonly CopiedReport[]): Promise<void> {
    try {
      await this.#options.tap?.take(reports);
    } catch (error) {
      // The reports are in the database: a tap that fails must not hold up the tree.
      this.#options.log.error(`copies of ${reports.length} reports could not be handed on`, { error });
    }
    if (this.#ended) return;
    this.hub.taken();
    this.#schedule();
  }

  #noteRefused(link: LinkId, code: string, reason: string): void {
    const known = this.down.describe(link);
    this.down.noteRefused(known.address, known.daemon, code, reason);
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    setImmediate(() => {
      this.#scheduled = false;
      for (const effect of this.hub.flush()) this.#carryOut(effect);
      this.#timer.set(this.hub.wakeAt());
    });
  }

  #carryOut(effect: HubEffect): void {
    switch (effect.kind) {
      case 'log':
        this.#options.log[effect.level](effect.text, effect.fields);
        return;
      case 'send':
        this.down.send(effect.link, effect.message);
        return;
      case 'up':
        if (this.#trunk !== undefined) this.up.send(this.#trunk, effect.message);
        return;
      case 'drop':
        this.down.offended(effect.link, effect.reason);
        this.down.drop(effect.link, effect.reason, false);
        return;
      case 'beatAll':
        this.down.beatAll();
        return;
      case 'take':
        void this.#take(effect.reports);
        return;
      default:
        effect satisfies never;
    }
  }
}
