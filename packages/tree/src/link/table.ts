/**
 * All links of one daemon: greeting, liveness, goodbye. Beats and greetings end here; everything else is handed up.
 *
 * Modes of a link, and what leaves each:
 *
 * | mode     | enters                                  | leaves                                                        |
 * |----------|-----------------------------------------|---------------------------------------------------------------|
 * | greeting | the TLS handshake is done               | `hello`/`welcome` in order → up; refused, broken, late → gone  |
 * | probing  | `hello` of a daemon that is linked here  | the older link answers → refused; it stays silent → up         |
 * |          | already under another incarnation       |                                                               |
 * | up       | welcome sent (listener), read (dialer)  | silence of three intervals, close, broken message → gone       |
 *
 * Ignored: frames of a link that is gone; `beat` and `probe` before up break the link. A `bye` changes no mode; it
 * makes the loss that follows a planned one.
 *
 * Beats: a dialer beats when it has sent nothing for an interval. A listener, of which there are few with thousands of
 * links, beats in answer to that, in the same read, and by its own clock only where no beat came in time: an eighth to a
 * quarter of an interval later. Both judge silence by whatever frame came last.
 *
 * While this process itself was asleep (a timer came late by more than half an interval) no link is lost until one
 * more interval has passed, so that the frames that wait in the sockets are read first.
 *
 * This file is long because greeting, liveness and loss of a link change the same few fields of the same map: apart,
 * each part would need the others' insides.
 */
import { after, type DaemonId, daemonId, type Mono, type Now, type Role } from '@csm/model';
import { type Message, type MessageOf, readMessage, type Way } from '@csm/protocol';
import { Deadlines } from '../deadlines.ts';
import { judgeHello, judgeWelcome, type Refusal } from './greeting.ts';
import {
  beatDue,
  type Identity,
  INTERVAL_MIN,
  isStall,
  type Link,
  type LinkId,
  lostDue,
  owesAnswer,
  type Peer,
} from './link.ts';

export interface Self {
  readonly role: Role;
  readonly node: string;
  readonly session: string;
  readonly version: string;
  /** ms; the pair uses the shorter of both ends. */
  readonly interval: number;
  /** ms from the TLS handshake to `welcome`. */
  readonly greetingTimeout: number;
}

export type Admission =
  | {
      readonly ok: true;
      readonly way: Way;
      readonly leader: boolean;
      readonly credit: number;
      /** Of a leading master: the term under which it leads. */
      readonly term?: number;
    }
  /** `untold`: the link ends without a word, for a peer that would do the wrong thing with the refusal. */
  | { readonly ok: false; readonly refusal: Refusal; readonly untold?: true };

/** What the room above answers when the table asks: may this daemon link, does this hub reach the leader, our incarnation. */
export interface Above {
  admit(peer: {
    readonly role: Role;
    readonly node: string;
    readonly version: string;
    readonly tag: number;
  }): Admission;
  /** Said in beats; undefined for those who serve nobody. */
  leads(): boolean | undefined;
  incarnation(): string;
}

export type LinkEvent =
  | {
      readonly kind: 'opened';
      readonly link: LinkId;
      readonly side: 'dialer' | 'listener';
      readonly tag: number;
      readonly address: string;
      readonly identity: Identity;
      /** For dialers: the way of what will be received. Listeners learn it from `hello`. */
      readonly way: Way;
    }
  /** `bytes`: the frame's length on the wire. */
  | { readonly kind: 'frame'; readonly link: LinkId; readonly value: unknown; readonly bytes: number }
  | { readonly kind: 'closed'; readonly link: LinkId; readonly reason: string }
  | { readonly kind: 'tick'; readonly lateBy: number }
  /** Close a link: with `bye`, as a planned end. */
  | { readonly kind: 'drop'; readonly link: LinkId; readonly reason: string; readonly bye: boolean };

export type LinkEffect =
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: Message }
  | { readonly kind: 'beat'; readonly link: LinkId }
  /** Flush what was sent, then close; `abrupt`: at once, since nobody takes it. */
  | { readonly kind: 'close'; readonly link: LinkId; readonly reason: string; readonly abrupt?: boolean }
  | { readonly kind: 'up'; readonly link: LinkId; readonly tag: number; readonly peer: Peer }
  | {
      readonly kind: 'message';
      readonly link: LinkId;
      readonly tag: number;
      readonly message: Message;
      readonly bytes: number;
    }
  | {
      readonly kind: 'down';
      readonly link: LinkId;
      readonly tag: number;
      readonly reason: string;
      readonly planned: boolean;
      readonly wasUp: boolean;
      /** Nothing was heard of it for three intervals. */
      readonly silent?: boolean;
      readonly refusal?: Refusal;
    };

export interface LinkCounters {
  accepted: number;
  refused: number;
  broken: number;
  unsupported: number;
  silent: number;
  stalls: number;
  /** Beats sent because an interval had passed, or in answer to one. */
  beats: number;
  /** Beats that came, of links that are up. */
  beatsHeard: number;
}

/** How long an older link has to answer a newcomer's probe, ms, where its interval is not shorter. */
const PROBE_MS = 2000;

export class LinkTable {
  readonly self: Self;
  readonly counters: LinkCounters = {
    accepted: 0,
    refused: 0,
    broken: 0,
    unsupported: 0,
    silent: 0,
    stalls: 0,
    beats: 0,
    beatsHeard: 0,
  };
  readonly #above: Above;
  readonly #links = new Map<LinkId, Link>();
  readonly #byDaemon = new Map<DaemonId, LinkId>();
  readonly #deadlines = new Deadlines<LinkId>();
  /** From an older link that was asked for a beat to the newcomer that waits for its silence. */
  readonly #newcomers = new Map<LinkId, LinkId>();
  /** The shortest span that any link here was ever judged by: what is no stall for it is none at all. */
  #shortest: number;
  #out: LinkEffect[] = [];

  constructor(self: Self, above: Above) {
    this.self = self;
    this.#above = above;
    this.#shortest = Math.min(self.interval, self.greetingTimeout, PROBE_MS);
  }

  get(link: LinkId): Link | undefined {
    return this.#links.get(link);
  }

  links(): Iterable<Link> {
    return this.#links.values();
  }

  wakeAt(): Mono | undefined {
    return this.#deadlines.next();
  }

  /** A frame of the room above went out: we owe no beat for an interval. */
  sent(link: LinkId, now: Mono): void {
    const l = this.#links.get(link);
    if (l !== undefined) l.sentAt = now;
  }

  /**
   * A beat came, told by its bytes: the same as a `frame` with it, at a tenth of the cost. Gives whether to beat back;
   * undefined when more may follow from it than that: then nothing is done, and it must be given to `step`.
   */
  beat(id: LinkId, now: Mono): boolean | undefined {
    const link = this.#links.get(id);
    if (link?.phase !== 'up' || this.#newcomers.has(id)) return undefined;
    link.heardAt = now;
    return this.#beat(link, now);
  }

  step(event: LinkEvent, now: Now): LinkEffect[] {
    this.#out = [];
    switch (event.kind) {
      case 'opened':
        this.#opened(event, now);
        break;
      case 'frame':
        this.#frame(event.link, event.value, event.bytes, now);
        break;
      case 'closed':
        this.#gone(event.link, event.reason, now);
        break;
      case 'tick':
        this.#tick(event.lateBy, now);
        break;
      case 'drop':
        this.#drop(event.link, event.reason, event.bye, now);
        break;
      default:
        event satisfies never;
    }
    return this.#out;
  }

  #opened(event: Extract<LinkEvent, { kind: 'opened' }>, now: Now): void {
    const { link: id, side, tag, address, identity, way } = event;
    const { interval, greetingTimeout } = this.self;
    const link: Link = {
      id,
      side,
      tag,
      address,
      identity,
      way,
      interval,
      phase: 'greeting',
      openedAt: now.mono,
      heardAt: now.mono,
      sentAt: now.mono,
    };
    this.#links.set(id, link);
    this.#deadlines.set(id, (now.mono + greetingTimeout) as Mono);
    if (side === 'listener') return;
    if (identity.fault !== undefined) {
      this.#end(link, identity.fault, now, { code: 'certificate', reason: identity.fault });
      return;
    }
    const { role, node, session, version } = this.self;
    const incarnation = this.#above.incarnation();
    this.#send(link, { kind: 'hello', version, role, node, incarnation, session, interval, clock: now.wall }, now);
  }

  #frame(id: LinkId, value: unknown, bytes: number, now: Now): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    link.heardAt = now.mono;
    const reading = readMessage(value, link.way);
    switch (reading.kind) {
      case 'broken':
        this.counters.broken++;
        this.#end(link, reading.reason, now);
        return;
      case 'unsupported':
        this.counters.unsupported++;
        if (link.phase === 'probing') return;
        if (link.phase !== 'up') this.#end(link, `'${reading.of}' came before the greeting was over`, now);
        else this.#send(link, { kind: 'unsupported', of: reading.of }, now);
        return;
      case 'message':
        this.#message(link, reading.message, bytes, now);
        return;
      default:
        reading satisfies never;
    }
  }

  #message(link: Link, message: Message, bytes: number, now: Now): void {
    if (link.phase === 'greeting') {
      this.#greet(link, message, now);
      return;
    }
    if (link.phase === 'probing') return; // an impatient newcomer: its words wait for no answer
    this.#rivalAnswered(link, now);
    switch (message.kind) {
      case 'beat':
        if (this.#beat(link, now.mono)) this.#out.push({ kind: 'beat', link: link.id });
        if (link.side === 'dialer' && message.leader !== undefined) this.#up(link, message, bytes);
        return;
      case 'probe':
        this.#out.push({ kind: 'beat', link: link.id });
        link.sentAt = now.mono;
        return;
      case 'hello':
      case 'welcome':
      case 'refused':
        this.counters.broken++;
        this.#end(link, `'${message.kind}' came again on a link that is up`, now);
        return;
      case 'unsupported':
        return;
      case 'bye':
        link.bye = message.reason;
        this.#up(link, message, bytes);
        return;
      default:
        this.#up(link, message, bytes);
    }
  }

  /** A beat of a link that is up came; whether it is answered. */
  #beat(link: Link, now: Mono): boolean {
    this.counters.beatsHeard++;
    if (!owesAnswer(link, now)) return false;
    this.counters.beats++;
    link.sentAt = now;
    return true;
  }

  #up(link: Link, message: Message, bytes: number): void {
    this.#out.push({ kind: 'message', link: link.id, tag: link.tag, message, bytes });
  }

  #greet(link: Link, message: Message, now: Now): void {
    if (link.side === 'listener' && message.kind === 'hello') this.#hello(link, message, now);
    else if (link.side === 'dialer' && message.kind === 'welcome') this.#welcome(link, message, now);
    else if (link.side === 'dialer' && message.kind === 'refused') {
      const refusal = { code: message.code as Refusal['code'], reason: message.reason };
      this.#end(link, `refused: ${message.reason}`, now, refusal);
    } else {
      this.counters.broken++;
      this.#end(
        link,
        `the first message must be '${link.side === 'listener' ? 'hello' : 'welcome'}', not '${message.kind}'`,
        now,
      );
    }
  }

  #hello(link: Link, hello: MessageOf<'hello'>, now: Now): void {
    const refusal = judgeHello(hello, link.identity, this.self.version);
    if (refusal !== undefined) {
      this.#refuse(link, refusal, now);
      return;
    }
    link.interval = Math.min(this.self.interval, hello.interval);
    const { role, node, incarnation, session, version } = hello;
    const daemon = daemonId(role, node);
    link.peer = {
      role,
      node,
      daemon,
      incarnation,
      session,
      version,
      address: link.address,
      since: now.wall,
      leader: false,
      credit: 0,
      ...(hello.clock === undefined ? {} : { clockOffset: hello.clock - now.wall }),
    };
    const older = this.#links.get(this.#byDaemon.get(daemon) ?? -1);
    if (older?.peer === undefined || older.peer.incarnation === incarnation || older.peer.session === session) {
      this.#admit(link, link.peer, now);
      return;
    }
    if (this.#newcomers.has(older.id)) {
      this.#refuse(link, duplicate(daemon, older.address, link.address), now);
      return;
    }
    link.phase = 'probing';
    link.rival = older.id;
    this.#newcomers.set(older.id, link.id);
    this.#deadlines.set(link.id, (now.mono + this.#span(link)) as Mono);
    this.#send(older, { kind: 'probe' }, now);
  }

  #admit(link: Link, peer: Peer, now: Now): void {
    const admission = this.#above.admit({ role: peer.role, node: peer.node, version: peer.version, tag: link.tag });
    if (!admission.ok) {
      this.#refuse(link, admission.refusal, now, admission.untold);
      return;
    }
    this.#forgetRival(link);
    const older = this.#links.get(this.#byDaemon.get(peer.daemon) ?? -1);
    if (older !== undefined) this.#end(older, `replaced by a new connection from ${link.address}`, now);
    link.phase = 'up';
    link.way = admission.way;
    this.#byDaemon.set(peer.daemon, link.id);
    this.counters.accepted++;
    const { version, node, session } = this.self;
    const { leader, credit, term } = admission;
    const welcome = {
      kind: 'welcome' as const,
      version,
      node,
      session,
      interval: link.interval,
      leader,
      credit,
      clock: now.wall,
      ...(term === undefined ? {} : { term }),
    };
    this.#send(link, welcome, now);
    this.#shortest = Math.min(this.#shortest, link.interval);
    this.#arm(link);
    this.#out.push({ kind: 'up', link: link.id, tag: link.tag, peer });
  }

  #welcome(link: Link, welcome: MessageOf<'welcome'>, now: Now): void {
    const refusal = judgeWelcome(welcome, link.identity, this.self.version);
    if (refusal !== undefined) {
      this.#end(link, refusal.reason, now, refusal);
      return;
    }
    link.interval = Math.min(this.self.interval, Math.max(welcome.interval, INTERVAL_MIN));
    const { node, session, version, leader, credit, term } = welcome;
    const daemon = daemonId(link.identity.role, node);
    link.phase = 'up';
    link.peer = {
      role: link.identity.role,
      node,
      daemon,
      incarnation: session,
      session,
      version,
      address: link.address,
      since: now.wall,
      leader,
      credit,
      ...(welcome.clock === undefined ? {} : { clockOffset: welcome.clock - now.wall }),
      ...(term === undefined ? {} : { term }),
    };
    this.#shortest = Math.min(this.#shortest, link.interval);
    this.#arm(link);
    this.#out.push({ kind: 'up', link: link.id, tag: link.tag, peer: link.peer });
  }

  /** Any frame of the older link is the sign of life a newcomer under its name was waiting for. */
  #rivalAnswered(older: Link, now: Now): void {
    if (this.#newcomers.size === 0) return;
    const link = this.#links.get(this.#newcomers.get(older.id) ?? -1);
    if (link?.peer !== undefined) this.#refuse(link, duplicate(link.peer.daemon, older.address, link.address), now);
  }

  #forgetRival(link: Link): void {
    if (link.rival !== undefined) this.#newcomers.delete(link.rival);
    delete link.rival;
  }

  #tick(lateBy: number, now: Now): void {
    if (isStall(lateBy, this.self.interval)) this.counters.stalls++;
    if (isStall(lateBy, this.#shortest)) {
      for (const link of this.#links.values()) if (isStall(lateBy, this.#span(link))) link.stalledAt = now.mono;
    }
    for (let id = this.#deadlines.due(now.mono); id !== undefined; id = this.#deadlines.due(now.mono)) {
      const link = this.#links.get(id);
      if (link !== undefined) this.#due(link, now);
    }
  }

  /** By what a link is judged in its mode, ms. */
  #span({ phase, interval }: Link): number {
    if (phase === 'up') return interval;
    return Math.min(interval, phase === 'greeting' ? this.self.greetingTimeout : PROBE_MS);
  }

  #due(link: Link, now: Now): void {
    if (link.phase !== 'up' && link.stalledAt !== undefined) {
      // Its greeting, or its rival's beat, may wait unread.
      const trust = after(link.stalledAt, this.#span(link));
      delete link.stalledAt;
      this.#deadlines.set(link.id, trust);
      return;
    }
    if (link.phase === 'greeting') {
      this.#end(link, `no greeting within ${this.self.greetingTimeout} ms`, now);
      return;
    }
    if (link.phase === 'probing') {
      if (link.peer !== undefined) this.#admit(link, link.peer, now);
      return;
    }
    if (now.mono >= lostDue(link)) {
      this.counters.silent++;
      link.silent = true;
      this.#end(link, `silent for ${Math.round(now.mono - link.heardAt)} ms`, now);
      return;
    }
    if (now.mono >= beatDue(link)) {
      this.counters.beats++;
      this.#out.push({ kind: 'beat', link: link.id });
      link.sentAt = now.mono;
    }
    this.#arm(link);
  }

  #arm(link: Link): void {
    const beat = beatDue(link);
    const lost = lostDue(link);
    this.#deadlines.set(link.id, beat < lost ? beat : lost);
  }

  #drop(id: LinkId, reason: string, bye: boolean, now: Now): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    if (bye && link.phase === 'up') {
      link.bye = reason;
      this.#send(link, { kind: 'bye', reason }, now);
    }
    this.#end(link, reason, now);
  }

  #refuse(link: Link, refusal: Refusal, now: Now, untold = false): void {
    this.counters.refused++;
    if (!untold) this.#send(link, { kind: 'refused', code: refusal.code, reason: refusal.reason }, now);
    this.#end(link, refusal.reason, now, refusal);
  }

  #send(link: Link, message: Message, now: Now): void {
    link.sentAt = now.mono;
    this.#out.push({ kind: 'send', link: link.id, message });
  }

  #end(link: Link, reason: string, now: Now, refusal?: Refusal): void {
    const abrupt = link.silent === true ? { abrupt: true } : {};
    this.#out.push({ kind: 'close', link: link.id, reason, ...abrupt });
    this.#gone(link.id, reason, now, refusal);
  }

  #gone(id: LinkId, reason: string, now: Now, refusal?: Refusal): void {
    const link = this.#links.get(id);
    if (link === undefined) return;
    this.#links.delete(id);
    this.#deadlines.set(id, undefined);
    this.#forgetRival(link);
    if (link.peer !== undefined && this.#byDaemon.get(link.peer.daemon) === id) this.#byDaemon.delete(link.peer.daemon);
    const planned = link.bye !== undefined;
    this.#out.push({
      kind: 'down' as const,
      link: id,
      tag: link.tag,
      reason: link.bye ?? reason,
      planned,
      wasUp: link.phase === 'up',
      ...(link.silent === undefined ? {} : { silent: link.silent }),
      ...(refusal === undefined ? {} : { refusal }),
    });
    const newcomer = this.#links.get(this.#newcomers.get(id) ?? -1);
    if (newcomer?.peer !== undefined) this.#admit(newcomer, newcomer.peer, now);
  }
}

function duplicate(daemon: DaemonId, older: string, newer: string): Refusal {
  return { code: 'duplicate', reason: `${daemon} is linked already from ${older} and alive; this is ${newer}` };
}
