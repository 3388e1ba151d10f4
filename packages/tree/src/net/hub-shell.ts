/**
 * An aggregator at work: the `Hub` with the sockets of its nodes below and of its trunk to the leading master above.
 *
 * It is long because it is the one place where the effects of a `Hub` are carried out, each beside what it answers to.
 */
import { randomUUID } from 'node:crypto';
import { type Message, VERSION } from '@csm/protocol';
import { Dialer, type Listener, type ListenTls, listen, type TlsSettings } from 'tls-json-stream';
import { Hub, type HubEffect } from '../hub.ts';
import { INTERVAL_MAX, type LinkId } from '../link/link.ts';
import type { Admission } from '../link/table.ts';
import { type CopiedReport, Tap } from '../tap/tap.ts';
import { initialTrunk, standingOf, stepTrunk, type TrunkEvent } from '../trunk.ts';
import type { Revoked } from './certificates.ts';
import { type PassFailpoint, sendBetween } from './failpoint.ts';
import { Links } from './links.ts';
import type { Clock, Log } from './ports.ts';
import type { RefusedPeer } from './refused-peers.ts';
import { GREETING_TIMEOUT, MASTER_BACKOFF, masterTimeout, refusedRetry, TURN_TIMEOUT } from './spans.ts';
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
  /** It was drained when it was stopped, at so many nodes a second: it begins so. */
  readonly draining?: number | undefined;
  /** For fault tests: called at each passing of a failpoint; it may end the process there. */
  readonly failpoint?: PassFailpoint | undefined;
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
  /** `linked`: it leads. `outdated`: it says so, but a newer leader is known. */
  readonly state: 'linked' | 'standby' | 'outdated' | 'refused' | 'not linked';
  /** Why it is not linked, or not served. */
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
  readonly #choice = initialTrunk();
  #trunk: LinkId | undefined;
  #scheduled = false;
  #stopping = false;
  #ended = false;

  constructor(options: HubShellOptions) {
    const { node, intervalMs, clock, log, revoked } = options;
    this.#options = options;
    const session = randomUUID();
    this.hub = new Hub(node, session, options.tap === undefined ? undefined : new Tap(options.tap.kinds));
    if (options.draining !== undefined) this.hub.drain(options.draining);
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
        heard: (link, now) => {
          if (this.hub.heard(link, now)) schedule();
        },
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
          const { leader, term, session: theirs } = peer;
          const as = leader ? 'linked to master' : 'linked to standby master';
          log.info(`${as} ${peer.node}`, { address: peer.address, ...(term === undefined ? {} : { term }) });
          const master = this.#masters[tag];
          if (master !== undefined) {
            master.link = link;
            master.reason = undefined;
            master.refused = false;
            setTimeout(() => {
              if (master.link === link) master.dialer.settled();
            }, intervalMs).unref();
          }
          this.#choose({ kind: 'up', link, session: theirs, leader, term });
          schedule();
        },
        message: (link, _tag, message) => {
          if (link === this.#trunk && message.kind !== 'beat') this.hub.trunkMessage(message, clock.now());
        },
        down: (link, tag, { reason, refusal, planned }) => {
          this.#choose({ kind: 'down', link });
          const master = this.#masters[tag];
          // The end of a link beside the one that stands changes nothing: to dial again would replace that one.
          if (master !== undefined && (master.link === undefined || master.link === link)) {
            master.link = undefined;
            this.#failed(master, reason, refusal?.code);
            // One that said goodbye may be back in a moment, as the leader.
            if (planned) master.dialer.settled();
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
    return this.#masters.map(({ name, link, refused, reason }): MasterState => {
      if (link === undefined) return { name, state: refused ? 'refused' : 'not linked', reason };
      const standing = standingOf(this.#choice, link);
      if (standing?.kind === 'standby') return { name, state: 'standby', reason: undefined };
      if (standing?.kind !== 'outdated') return { name, state: 'linked', reason: undefined };
      const why = `it leads under term ${standing.term}, and another master under term ${standing.by}`;
      return { name, state: 'outdated', reason: why };
    });
  }

  get trunkUp(): boolean {
    return this.#trunk !== undefined;
  }

  async start(): Promise<void> {
    const { listen: where, tls, masters, intervalMs } = this.#options;
    this.#listener = await listen({
      ...where,
      tls: tls(),
      turnTimeout: TURN_TIMEOUT,
      onStream: (stream) => this.down.adoptStream(stream, 'listener', TAG_LISTENER, 'leaf>hub'),
      onRefused: ({ code, address, port, reason }) =>
        this.down.noteRefused(`${address}:${port}`, 'unknown', code, reason),
    });
    for (const [tag, { host, port }] of masters.entries()) {
      const dialer = new Dialer({
        host,
        port,
        tls: tls(),
        ...MASTER_BACKOFF,
        connectTimeout: masterTimeout(intervalMs),
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

  /** Sends the nodes away, so many a second, and keeps them away; undefined: they may come back. */
  drain(perSecond: number | undefined): void {
    if (perSecond === undefined) this.hub.undrain();
    else this.hub.drain(perSecond);
    this.#schedule();
  }

  /** Nodes whose primary this is, without this daemon itself. */
  get serves(): number {
    const own = this.hub.roster.byDaemon(`aggregator/${this.#options.node}`);
    return this.hub.active() - (own?.link === undefined || own.claim === undefined ? 0 : 1);
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

  /** Links to masters have changed: the leader's is the trunk, and what was under way on another is lost with it. */
  #choose(event: TrunkEvent): void {
    for (const effect of stepTrunk(this.#choice, event)) {
      if (effect.kind === 'drop') {
        this.up.drop(effect.link, effect.reason, true);
        continue;
      }
      this.#options.failpoint?.('leader.change.before');
      if (this.#trunk !== undefined) this.hub.trunkDown();
      this.#trunk = effect.link;
      const peer = effect.link === undefined ? undefined : this.up.table.get(effect.link)?.peer;
      if (peer !== undefined) this.hub.trunkUp(peer.credit);
      this.#options.failpoint?.('leader.change.after');
    }
  }

  /** A dial failed or a link ended; said once as long as the reason is the same. */
  #failed(master: Master, reason: string, refused?: string): void {
    const level = this.#stopping || master.reason === reason ? 'debug' : 'warn';
    master.reason = reason;
    master.refused = refused !== undefined;
    this.#options.log[level](`no link to master ${master.name}: ${reason}`, refused === undefined ? {} : { refused });
  }

  #send(message: Message, send: () => void): void {
    const { failpoint } = this.#options;
    if (failpoint === undefined) send();
    else if (message.kind === 'reports')
      sendBetween(failpoint, 'reports.forward.before', 'reports.forward.after', send);
    else if (message.kind === 'ack') sendBetween(failpoint, 'ack.forward.before', 'ack.forward.after', send);
    else if (hasClaim(message)) sendBetween(failpoint, 'claim.forward.before', 'claim.forward.after', send);
    else send();
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
      if (this.#ended) return;
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
        this.#send(effect.message, () => this.down.send(effect.link, effect.message));
        return;
      case 'up': {
        const trunk = this.#trunk;
        if (trunk !== undefined) this.#send(effect.message, () => this.up.send(trunk, effect.message));
        return;
      }
      case 'drop':
        this.down.offended(effect.link, effect.reason);
        this.down.drop(effect.link, effect.reason, false);
        return;
      case 'close':
        this.down.drop(effect.link, effect.reason, true);
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

function hasClaim(message: Message): boolean {
  if (message.kind === 'links') return message.events.some(({ event }) => event === 'claim');
  return message.kind === 'roster' && message.entries.some(({ claim }) => claim !== undefined);
}
