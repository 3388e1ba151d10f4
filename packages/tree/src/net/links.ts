/**
 * The sockets of a daemon's links, around one `LinkTable`: it turns frames, closes and timers into the table's events
 * and carries out its effects. What is above greeting and beats goes to the owner's handlers.
 */
import type { Mono, Now } from '@csm/model';
import type { Message, Way } from '@csm/protocol';
import { reportText, speakAs, VERSION, type WrittenReport } from '@csm/protocol';
import { encodeFrame, type JsonStream } from 'tls-json-stream';
import type { Refusal } from '../link/greeting.ts';
import { type Identity, isStall, type LinkId, type Peer } from '../link/link.ts';
import { type Above, type LinkEffect, type LinkEvent, LinkTable, type Self } from '../link/table.ts';
import { type CertificateFacts, identityOf, type Revoked } from './certificates.ts';
import { LineLimit } from './line-limit.ts';
import type { Clock, Log } from './ports.ts';
import { type RefusedPeer, RefusedPeers } from './refused-peers.ts';
import { stepAt, WakeTimer } from './timer.ts';
import { type Wire, wireOf } from './wire.ts';

export interface LinkDown {
  readonly reason: string;
  readonly planned: boolean;
  readonly wasUp: boolean;
  /** Nothing was heard of it for three intervals. */
  readonly silent?: boolean;
  readonly refusal?: Refusal;
}

export interface LinksHandlers {
  up(link: LinkId, tag: number, peer: Peer): void;
  message(link: LinkId, tag: number, message: Message, bytes: number): void;
  down(link: LinkId, tag: number, how: LinkDown): void;
  /** A frame came, a beat too. */
  heard?(link: LinkId, now: Now): void;
  /**
   * After the events of one read, or of one look by the clock from which something came: the moment to flush. Not after a
   * beat that is told unread: `heard` alone tells it. Who has deadlines keeps a timer of their own.
   */
  settled(): void;
  /** We ourselves slept for a while. */
  stalled?(): void;
  /** A peer was refused; `count` says how often by now. */
  refused?(peer: RefusedPeer): void;
}

export interface LinksOptions {
  readonly self: Self;
  readonly above: Above;
  readonly handlers: LinksHandlers;
  readonly clock: Clock;
  readonly log: Log;
  readonly revoked: () => Revoked;
  /** From 0 to 1: where in a step of the clock this daemon looks at its links. Default 0. */
  readonly phase?: number;
}

let nextLink = 1;

/** What whoever serves nobody beats, byte for byte: it is recognised unread. With a newer field in it, it is read. */
const PLAIN_BEAT = encodeFrame({ kind: 'beat' });

interface Standing {
  readonly wire: Wire;
  /** Who its certificate says it is. */
  readonly daemon: string;
  readonly facts: CertificateFacts | undefined;
  /** How far our wall clock stood before the steady one when it came up: what has changed since, our clock was set. */
  skew?: number;
}

/** How far our clock is ahead of a peer's, ms, and of whose. */
export interface ClockAhead {
  readonly ms: number;
  readonly of: string;
}

export class Links {
  readonly table: LinkTable;
  readonly #options: LinksOptions;
  readonly #standing = new Map<LinkId, Standing>();
  readonly #refused = new RefusedPeers();
  readonly #lines = new LineLimit();
  readonly #timer: WakeTimer;
  /** Pre-encoded, by what `leads` says. */
  readonly #beats: ReadonlyMap<boolean | undefined, Buffer>;
  readonly #speaks: string | undefined;
  /** The connection whose end is being told. */
  #ending: Standing | undefined;
  #closed = false;

  constructor(options: LinksOptions) {
    this.#options = options;
    this.table = new LinkTable(options.self, options.above);
    this.#timer = new WakeTimer(options.clock, (lateBy) => this.#tick(lateBy));
    this.#speaks = options.self.version === VERSION ? undefined : options.self.version;
    const beat = (leader?: boolean) =>
      encodeFrame(this.#spoken(leader === undefined ? { kind: 'beat' } : { kind: 'beat', leader })[0]);
    this.#beats = new Map([
      [true, beat(true)],
      [false, beat(false)],
      [undefined, beat()],
    ]);
  }

  /** Takes a connection in. `tag` comes back with every event of it; `way` is that of what a dialer receives. */
  adopt(
    wire: Wire,
    side: 'dialer' | 'listener',
    tag: number,
    way: Way,
    identity: Identity,
    facts?: CertificateFacts,
  ): LinkId {
    const link = nextLink++;
    if (this.#closed) {
      wire.destroy('stopping');
      return link;
    }
    this.#standing.set(link, { wire, facts, daemon: `${identity.role}/${identity.node}` });
    const { address } = wire;
    this.#step({ kind: 'opened', link, side, tag, address, identity, way });
    wire.start({
      onMessage: (value, bytes) => {
        const now = this.#options.clock.now();
        this.#noticeSleep(now.mono);
        this.#step({ kind: 'frame', link, value, bytes }, now);
        this.#options.handlers.heard?.(link, now);
      },
      known: { frame: PLAIN_BEAT, came: () => this.#beatCame(link, wire) },
      onBatchEnd: () => this.#settle(),
      onClose: ({ text }) => {
        this.#noticeSleep(this.#options.clock.now().mono);
        this.#ending = this.#standing.get(link) ?? this.#ending;
        this.#standing.delete(link);
        this.#step({ kind: 'closed', link, reason: text });
        this.#settle();
      },
    });
    this.#settle();
    return link;
  }

  /** As `adopt`, for a stream over TLS, whose certificate says who it is. */
  adoptStream(stream: JsonStream, side: 'dialer' | 'listener', tag: number, way: Way): LinkId {
    const { peer } = stream;
    const identity = identityOf(peer, this.#options.revoked(), this.#options.clock.now().wall);
    return this.adopt(wireOf(stream), side, tag, way, identity, peer);
  }

  send(link: LinkId, message: Message): void {
    const standing = this.#standing.get(link);
    if (standing === undefined) return;
    this.#write(link, standing.wire, message);
    this.table.sent(link, this.#options.clock.now().mono);
  }

  /** As `send`, for reports whose bodies are JSON already. */
  sendReport(link: LinkId, report: WrittenReport): void {
    const wire = this.#standing.get(link)?.wire;
    if (wire === undefined) return;
    const text = reportText(report);
    if (this.#speaks === undefined) this.#guarded(link, report.kind, () => wire.sendText(text));
    else this.#write(link, wire, JSON.parse(text) as Message);
    this.table.sent(link, this.#options.clock.now().mono);
  }

  /** A beat to everyone, now: something in it has changed. */
  beatAll(): void {
    for (const { id, phase } of this.table.links()) if (phase === 'up') this.#beat(id);
  }

  drop(link: LinkId, reason: string, bye: boolean): void {
    this.#step({ kind: 'drop', link, reason, bye });
    this.#settle();
  }

  /** Says goodbye on every link without closing it: the peers move away in their own time. */
  farewell(reason: string): void {
    for (const { id, phase } of this.table.links()) if (phase === 'up') this.send(id, { kind: 'bye', reason });
  }

  /** Whom a link belongs, or belonged to; also while its end is being told. */
  describe(link: LinkId): { readonly address: string; readonly daemon: string } {
    const standing = this.#standing.get(link) ?? this.#ending;
    return { address: standing?.wire.address ?? 'unknown', daemon: standing?.daemon ?? 'unknown' };
  }

  /**
   * How far our clock is ahead of those we dialled: as measured when the link came up, by one message, whose way makes
   * ours look ahead; and by how much ours was set since. The smallest, where several stand; undefined without any.
   */
  clockAhead(): ClockAhead | undefined {
    const now = this.#options.clock.now();
    let least: ClockAhead | undefined;
    for (const { id, side, phase, peer } of this.table.links()) {
      const skew = this.#standing.get(id)?.skew;
      if (side !== 'dialer' || phase !== 'up' || peer?.clockOffset === undefined || skew === undefined) continue;
      const ms = Math.round(now.wall - now.mono - skew - peer.clockOffset);
      if (least === undefined || Math.abs(ms) < Math.abs(least.ms)) least = { ms, of: peer.daemon };
    }
    return least;
  }

  /** Peers that were refused, newest last. */
  refusedPeers(): RefusedPeer[] {
    return this.#refused.all();
  }

  /** How often a peer was refused, since the start. */
  get refusals(): number {
    return this.#refused.total;
  }

  noteRefused(address: string, daemon: string, code: string, reason: string): void {
    const at = this.#options.clock.now().wall;
    const { peer, isNews } = this.#refused.note({ address, daemon, code, reason, at });
    this.#options.handlers.refused?.(peer);
    if (!isNews) return;
    const times = peer.count === 1 ? {} : { times: peer.count };
    this.#tell('warn', `refused ${daemon} from ${address}: ${reason}`, { code, ...times });
  }

  /** Counts a peer whose link stood and that did what it must not; the link is then ended. */
  offended(link: LinkId, reason: string): void {
    const { address, daemon } = this.describe(link);
    this.noteRefused(address, daemon, 'broken', reason);
  }

  /** For the owner: a link that stood has ended. */
  tellEnd(link: LinkId, { reason, planned }: LinkDown): void {
    const { daemon, address } = this.describe(link);
    if (planned) this.#tell('info', `${daemon} has left: ${reason}`, { address });
    else this.#tell('warn', `the link of ${daemon} is lost: ${reason}`, { address });
  }

  #tell(level: 'info' | 'warn', text: string, fields: Readonly<Record<string, unknown>>): void {
    const { clock, log } = this.#options;
    const leftOut = this.#lines.take(clock.now().mono);
    if (leftOut !== undefined) log[level](text, leftOut === 0 ? fields : { ...fields, lines_left_out: leftOut });
  }

  /** Ends links whose certificate has expired or was revoked since; called hourly and after a reload. */
  recheck(): void {
    const now = this.#options.clock.now().wall;
    for (const [link, { facts }] of this.#standing) {
      const fault = facts === undefined ? undefined : identityOf(facts, this.#options.revoked(), now).fault;
      if (fault !== undefined) this.drop(link, fault, false);
    }
  }

  /** Says goodbye, flushes and closes everything. After `withinMs` it cuts off who has not taken the goodbye. */
  async close(reason: string, withinMs?: number): Promise<void> {
    if (this.#closed) return;
    const wires = [...this.#standing.values()].map(({ wire }) => wire);
    for (const { id } of this.table.links()) this.#step({ kind: 'drop', link: id, reason, bye: true });
    this.#closed = true;
    this.#timer.stop();
    const cutOff = () => {
      for (const wire of wires) wire.destroy('it did not take the goodbye in time');
    };
    const late = withinMs === undefined ? undefined : setTimeout(cutOff, withinMs);
    await Promise.all(wires.map((wire) => wire.close()));
    clearTimeout(late);
  }

  /** After a sleep, sockets may be read before the timer fires whose lateness tells of it. */
  #noticeSleep(now: Mono): void {
    const lateBy = this.#timer.lateBy(now);
    if (isStall(lateBy, this.table.self.interval)) this.#tick(lateBy);
  }

  #tick(lateBy: number): void {
    const stalls = this.table.counters.stalls;
    const came = this.#step({ kind: 'tick', lateBy });
    const slept = this.table.counters.stalls > stalls;
    if (slept) {
      this.#options.log.warn(
        `this daemon was asleep for about ${Math.round(lateBy)} ms; nobody is judged for that time`,
      );
      this.#options.handlers.stalled?.();
    }
    // Most looks of a listener find that all have beaten in time, and change nothing: forty a second at 0.2 s, however few
    // its links are.
    if (came || slept) this.#settle();
  }

  #settle(): void {
    if (this.#closed) return;
    this.#options.handlers.settled();
    this.#arm();
  }

  #arm(): void {
    const at = this.table.wakeAt();
    this.#timer.set(at === undefined ? undefined : stepAt(at, this.#options.phase ?? 0));
  }

  /**
   * A beat, unread. Nearly all frames of an aggregator are such, so nothing is made for one and no deadline moved: that of
   * its link is looked at when it comes. False: it is to be read as any frame.
   */
  #beatCame(link: LinkId, wire: Wire): boolean {
    if (this.#closed) return false;
    const { clock, handlers, above } = this.#options;
    const now = clock.now();
    this.#noticeSleep(now.mono);
    const answer = this.table.beat(link, now.mono);
    if (answer === undefined) return false;
    const frame = answer ? this.#beats.get(above.leads()) : undefined;
    if (frame !== undefined) wire.answer(frame);
    handlers.heard?.(link, now);
    return true;
  }

  /** Whether anything came of it. */
  #step(event: LinkEvent, now: Now = this.#options.clock.now()): boolean {
    if (this.#closed) return false;
    const { broken } = this.table.counters;
    const effects = this.table.step(event, now);
    for (const effect of effects) {
      // Before the owner hears of the end, so that it is told why.
      if (effect.kind === 'down' && effect.wasUp && this.table.counters.broken > broken)
        this.offended(effect.link, effect.reason);
      this.#carryOut(effect);
    }
    this.#arm();
    return effects.length > 0;
  }

  #carryOut(effect: LinkEffect): void {
    const { handlers } = this.#options;
    switch (effect.kind) {
      case 'send': {
        const standing = this.#standing.get(effect.link);
        if (standing !== undefined) this.#write(effect.link, standing.wire, effect.message);
        return;
      }
      case 'beat':
        this.#beat(effect.link);
        return;
      case 'close': {
        const standing = this.#standing.get(effect.link);
        this.#ending = standing;
        this.#standing.delete(effect.link);
        if (effect.abrupt === true) standing?.wire.destroy(effect.reason);
        else standing?.wire.close().catch((error: unknown) => this.#options.log.debug('a close failed', { error }));
        return;
      }
      case 'up':
        this.#noteSkew(effect.link);
        handlers.up(effect.link, effect.tag, effect.peer);
        return;
      case 'message':
        handlers.message(effect.link, effect.tag, effect.message, effect.bytes);
        return;
      case 'down':
        handlers.down(effect.link, effect.tag, effect);
        return;
      default:
        effect satisfies never;
    }
  }

  #noteSkew(link: LinkId): void {
    const standing = this.#standing.get(link);
    const now = this.#options.clock.now();
    if (standing !== undefined) standing.skew = now.wall - now.mono;
  }

  #beat(link: LinkId): void {
    const standing = this.#standing.get(link);
    const frame = this.#beats.get(this.#options.above.leads());
    if (frame !== undefined) standing?.wire.sendFrame(frame);
    this.table.sent(link, this.#options.clock.now().mono);
  }

  #spoken(message: Message): readonly unknown[] {
    return this.#speaks === undefined ? [message] : speakAs(this.#speaks, message);
  }

  /** A message that cannot be sent costs the link: what is numbered, or waited for, must not be missing in silence. */
  #write(link: LinkId, wire: Wire, message: Message): void {
    this.#guarded(link, message.kind, () => {
      for (const value of this.#spoken(message)) wire.send(value);
    });
  }

  #guarded(link: LinkId, kind: Message['kind'], write: () => void): void {
    try {
      write();
    } catch (error) {
      this.#options.log.error(`a '${kind}' could not be sent`, { error });
      const why = error instanceof Error ? error.message : String(error);
      // Later: whoever sends this may be in the middle of the link's effects.
      setImmediate(() => this.drop(link, `a '${kind}' could not be sent: ${why}`, false));
    }
  }
}
