/**
 * The middle of the tree: an aggregator, and inside the master the place where daemons link that have no aggregator.
 * It joins roster, credit, commands and calls. It keeps no copy of any report: what it has not passed on, the node has.
 * Only with a tap it holds copies of some kinds, until the leader has stored them and the tap's owner has taken them.
 */
import { after, earliest, type Mono, type Now } from '@csm/model';
import { MAX_REPORT_BYTES, type Message, type MessageOf } from '@csm/protocol';
import { CallRelay } from './calls/relay.ts';
import { CreditShare } from './credit/share.ts';
import { HubDrain } from './drain.ts';
import { HubCommands } from './fanout/hub-commands.ts';
import type { LinkId, Peer } from './link/link.ts';
import { type LogEffect, log } from './log-effect.ts';
import { type HubEntry, HubRoster } from './roster/hub-roster.ts';
import type { CopiedReport, Tap } from './tap/tap.ts';

/**
 * Signs of life go to the leader in batches of this many ms. A batch is a frame and a wake-up of the leader, whatever it
 * holds, so shorter ones cost it more; `last_seen` is behind by as much. Links that are lost are told at once.
 */
export const SEEN_MS = 200;
const BATCHES_A_FRAME = 1024;
/** Commands about the hub itself: for its own daemon, also where the main daemon of its machine is another. */
const HUB_COMMANDS: readonly string[] = ['drain'];

export type HubEffect =
  | LogEffect
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: Message }
  | { readonly kind: 'up'; readonly message: Message }
  /** The peer did what it must not: say so, and end its link. */
  | { readonly kind: 'drop'; readonly link: LinkId; readonly reason: string }
  /** End a link as planned. */
  | { readonly kind: 'close'; readonly link: LinkId; readonly reason: string }
  /** Whether the leader is reachable has changed: every node is to hear it now. */
  | { readonly kind: 'beatAll' }
  /** For the tap's owner, who calls `taken` when it has them. */
  | { readonly kind: 'take'; readonly reports: readonly CopiedReport[] };

type Batch = MessageOf<'reports'>['batches'][number];

export class Hub {
  readonly name: string;
  readonly session: string;
  readonly roster = new HubRoster();
  readonly credit = new CreditShare<LinkId>();
  readonly commands = new HubCommands();
  readonly relay = new CallRelay();
  readonly drained = new HubDrain();
  readonly tap: Tap | undefined;
  readonly counters = { reports: 0, dropped: 0, forged: 0, flooded: 0 };
  #trunk = false;
  #batches: Batch[] = [];
  #batchBytes = 0;
  #seenAt: Mono | undefined;
  #out: HubEffect[] = [];

  constructor(name: string, session: string, tap?: Tap) {
    this.name = name;
    this.session = session;
    this.tap = tap;
  }

  /** Whether the leader is reachable from here: said in every welcome and beat. */
  get leads(): boolean {
    return this.#trunk;
  }

  wakeAt(): Mono | undefined {
    return earliest(earliest(this.commands.wakeAt(), this.#seenAt), this.drained.wakeAt());
  }

  leafUp(link: LinkId, peer: Peer): void {
    this.roster.linked(link, peer);
    if (!this.#isOwn(peer)) this.drained.linked(link);
  }

  /** Sends all nodes away, so many a second, and keeps them away. */
  drain(perSecond: number): void {
    const links: LinkId[] = [];
    for (const entry of this.roster.entries())
      if (entry.link !== undefined && !this.#isOwn(entry)) links.push(entry.link);
    this.drained.drain(perSecond, links);
  }

  undrain(): void {
    this.drained.undrain();
  }

  leafDown(link: LinkId, reason: string, planned: boolean, now: Now): void {
    const entry = this.roster.byLink(link);
    if (entry === undefined) return;
    this.#deactivate(entry, link, now);
    this.drained.lost(link);
    this.roster.lost(link, reason, planned, now.wall);
  }

  /** Any frame of the link, beats too. True when it begins a batch, for which `wakeAt` must be asked again. */
  heard(link: LinkId, now: Now): boolean {
    if (!this.#trunk) return false;
    this.roster.heard(link);
    if (this.#seenAt !== undefined) return false;
    this.#seenAt = after(now.mono, SEEN_MS);
    return true;
  }

  leafMessage(link: LinkId, message: Message, bytes: number, now: Now): void {
    const entry = this.roster.byLink(link);
    if (entry === undefined) return;
    switch (message.kind) {
      case 'claim':
        this.#claim(entry, link, message);
        return;
      case 'report':
        this.#report(entry, link, message, bytes);
        return;
      case 'want':
        this.credit.want(link, Math.min(message.bytes, 2 * MAX_REPORT_BYTES));
        return;
      case 'result':
        this.commands.result(entry.node, message, now);
        return;
      case 'call':
        this.#call(entry, link, message);
        return;
      case 'more':
      case 'cancel':
        if (!this.relay.owns(message.id, link)) return;
        this.#up(message);
        if (message.kind === 'cancel') this.relay.leave(message.id);
        return;
      case 'bye':
        return;
      default:
        this.#out.push(log('debug', `'${message.kind}' has no meaning here and is ignored`, { from: entry.daemon }));
    }
  }

  trunkUp(credit: number): void {
    this.#trunk = true;
    this.credit.reset(credit);
    this.roster.trunkUp();
    this.#out.push({ kind: 'beatAll' });
  }

  trunkDown(): void {
    if (!this.#trunk) return;
    this.#trunk = false;
    this.#batches = [];
    this.#batchBytes = 0;
    // What has not left yet is lost with the trunk: it must not come before the roster on the next one.
    this.#out = this.#out.filter(({ kind }) => kind !== 'up');
    this.commands.trunkDown();
    this.roster.trunkDown();
    for (const { id, link } of this.relay.trunkLost())
      this.#out.push({ kind: 'send', link, message: { kind: 'lost', id } });
    for (const entry of this.roster.entries()) {
      if (entry.link !== undefined && entry.claim?.confirmed === false) this.#held(entry, entry.link);
    }
    this.#out.push({ kind: 'beatAll' });
  }

  trunkMessage(message: Message, now: Now): void {
    switch (message.kind) {
      case 'verdicts':
        for (const verdict of message.list) this.#verdict(verdict, now);
        return;
      case 'acks':
        for (const { daemon, incarnation, cursor, resend } of message.list) {
          const link = this.roster.byDaemon(daemon as HubEntry['daemon'])?.link;
          if (link === undefined) continue;
          const ack = { incarnation, cursor, resend: resend === true };
          if (this.tap === undefined) this.#acked(link, ack);
          else this.tap.ack(link, ack);
        }
        return;
      case 'credit':
        this.credit.refill(message.bytes);
        return;
      case 'noted':
        this.roster.noted(message.sequence);
        return;
      case 'command':
        this.commands.command(message, (node) => this.#linkFor(node, message.command), now);
        return;
      case 'data':
      case 'piece':
      case 'end':
      case 'lost': {
        const link = this.relay.down(message);
        if (link !== undefined) this.#out.push({ kind: 'send', link, message });
        return;
      }
      case 'bye':
        return;
      default:
        this.#out.push(log('debug', `'${message.kind}' has no meaning here and is ignored`));
    }
  }

  /** The tap's owner has the reports of the last `take`. */
  taken(): void {
    this.tap?.taken();
  }

  tick(now: Now): void {
    this.commands.tick(now);
    if (this.#seenAt !== undefined && now.mono >= this.#seenAt) this.#seenAt = undefined;
    for (const { what, link } of this.drained.take(now.mono)) {
      if (what === 'bye')
        this.#out.push({ kind: 'send', link, message: { kind: 'bye', reason: 'drained by an admin' } });
      else this.#out.push({ kind: 'close', link, reason: 'drained no longer' });
    }
  }

  /** Everything that is due after a batch of events, in the order in which it must leave. */
  flush(): HubEffect[] {
    for (const effect of this.commands.takeEffects()) {
      if (effect.kind === 'toNode') this.#out.push({ kind: 'send', link: effect.link, message: effect.message });
      else this.#up(effect.message);
    }
    this.#flushTap();
    this.#flushReports();
    if (this.#trunk) {
      for (const message of this.roster.flush(this.session, this.#seenAt === undefined)) this.#up(message);
    }
    for (const { key, bytes } of this.credit.grants())
      this.#out.push({ kind: 'send', link: key, message: { kind: 'credit', bytes } });
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** Nodes whose primary this is: whom a stopping hub waits for. */
  active(): number {
    let n = 0;
    for (const entry of this.roster.entries()) if (entry.link !== undefined && entry.claim !== undefined) n++;
    return n;
  }

  /** The daemon of this very process, which has nowhere else to go. */
  #isOwn({ daemon }: { readonly daemon: string }): boolean {
    return daemon === `aggregator/${this.name}`;
  }

  #up(message: Message): void {
    if (this.#trunk) this.#out.push({ kind: 'up', message });
  }

  #claim(entry: HubEntry, link: LinkId, message: MessageOf<'claim'>): void {
    this.credit.leave(link);
    if (!this.roster.claim(entry, message.term, message.incarnation)) {
      this.#out.push({ kind: 'send', link, message: { kind: 'behind', term: entry.term } });
      return;
    }
    this.tap?.ended(link);
    if (!this.#trunk) this.#held(entry, link);
  }

  #held(entry: HubEntry, link: LinkId): void {
    if (entry.claim === undefined) return;
    const { term, incarnation } = entry.claim;
    this.#out.push({ kind: 'send', link, message: { kind: 'claimed', term, incarnation } });
  }

  #verdict(v: MessageOf<'verdicts'>['list'][number], now: Now): void {
    const entry = this.roster.byDaemon(v.daemon as HubEntry['daemon']);
    const link = entry?.link;
    if (entry === undefined || link === undefined) return;
    const { term, incarnation, cursor, inventory } = v;
    if (v.verdict === 'held') {
      if (entry.claim?.term !== term || entry.claim.incarnation !== incarnation) return;
      entry.claim.confirmed = true;
      this.credit.join(link);
      const message = {
        kind: 'claimed' as const,
        term,
        incarnation,
        cursor: cursor ?? 0,
        ...(inventory === undefined ? {} : { inventory }),
        ...(this.tap === undefined ? {} : { again: true }),
      };
      this.#out.push({ kind: 'send', link, message });
      return;
    }
    // `behind` may name an equal term, which another hub holds; ours must go all the same.
    const ours = entry.claim?.term;
    if (ours === undefined || ours > term) return;
    // `demoted` speaks of an older claim: a node that lost its last term may have used it again, and is answered apart.
    if (ours === term && v.verdict === 'demoted') return;
    this.#deactivate(entry, link, now);
    this.roster.demote(entry, Math.max(term, ours + 1));
    this.#out.push({ kind: 'send', link, message: { kind: v.verdict, term } });
  }

  /** Commands go only where the leader has confirmed the claim: it knows which life of the node it speaks to. */
  #linkFor(node: string, command: string): LinkId | undefined {
    const isForHub = node === this.name && HUB_COMMANDS.includes(command);
    const entry = isForHub ? this.roster.byDaemon(`aggregator/${node}`) : this.roster.activeOn(node);
    return entry?.claim?.confirmed === true ? entry.link : undefined;
  }

  #deactivate(entry: HubEntry, link: LinkId, now: Now): void {
    this.credit.leave(link);
    this.tap?.ended(link);
    if (entry.claim !== undefined) this.commands.left(entry.node, now);
    // A node that moved repeats its calls over its new primary; the leader ignores our word for those it has from there.
    for (const id of this.relay.linkLost(link)) this.#up({ kind: 'cancel', id });
  }

  #report(entry: HubEntry, link: LinkId, message: MessageOf<'report'>, bytes: number): void {
    // Sent under an older claim, which took its credit with it; the node sends it again under the newer one.
    if (entry.claim?.term !== message.term) return;
    // A late frame of a claim that a newer one has ended, with the credit it had: the node sends its reports again.
    if (entry.claim !== undefined && message.term < entry.claim.term) return;
    if (bytes > message.bytes || !this.credit.used(link, message.bytes)) {
      // A demoted node's last frames may still be under way; only a node that is served here can overdraw.
      if (entry.claim?.confirmed !== true) return;
      this.counters.flooded++;
      this.#out.push({ kind: 'drop', link, reason: `sent ${message.bytes} bytes of reports beyond its credit` });
      return;
    }
    this.tap?.reports(link, entry.node, message);
    if (!this.#trunk) {
      this.counters.dropped++;
      return;
    }
    this.counters.reports += message.items.length;
    const { term, incarnation, first, items } = message;
    if (this.#batchBytes + message.bytes > MAX_REPORT_BYTES || this.#batches.length >= BATCHES_A_FRAME)
      this.#flushReports();
    this.#batches.push({ daemon: entry.daemon, term, incarnation, first, bytes: message.bytes, items });
    this.#batchBytes += message.bytes;
  }

  #acked(link: LinkId, ack: { readonly incarnation: string; readonly cursor: number; readonly resend: boolean }): void {
    const { incarnation, cursor, resend } = ack;
    this.credit.stored(link);
    this.#out.push({ kind: 'send', link, message: { kind: resend ? 'resend' : 'ack', incarnation, cursor } });
  }

  #flushTap(): void {
    for (const effect of this.tap?.takeEffects() ?? []) {
      if (effect.kind === 'take') this.#out.push(effect);
      else if (effect.kind === 'acked') this.#acked(effect.link, effect);
      else {
        // To be behind its own claim makes a node claim anew, and tells the frames it sends then from those before.
        const term = this.roster.byLink(effect.link)?.claim?.term;
        if (term !== undefined) this.#out.push({ kind: 'send', link: effect.link, message: { kind: 'behind', term } });
      }
    }
  }

  #flushReports(): void {
    if (this.#batches.length === 0) return;
    this.#up({ kind: 'reports', batches: this.#batches });
    this.#batches = [];
    this.#batchBytes = 0;
  }

  #call(entry: HubEntry, link: LinkId, message: MessageOf<'call'>): void {
    if (message.caller.vouchedBy !== entry.daemon) {
      this.counters.forged++;
      this.#out.push({ kind: 'drop', link, reason: `sent a call in the name of ${message.caller.vouchedBy}` });
    } else if (!this.#trunk) this.#out.push({ kind: 'send', link, message: { kind: 'lost', id: message.id } });
    else if (this.relay.enter(message.id, link)) this.#up(message);
    else {
      const text = 'too many calls are under way through this hub, or the id is in use';
      const problem = { code: 13, name: 'MEMORY', detail: text };
      this.#out.push({ kind: 'send', link, message: { kind: 'end', id: message.id, problem } });
    }
  }
}
