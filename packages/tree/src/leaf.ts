/**
 * The lower end of the tree, in every daemon: one node's reports, commands and calls over whichever link is its primary.
 * It joins four machines (failover, outbox, executor, call entry) and decides nothing itself.
 *
 * Effects come in the order in which they must happen. `persist` stands before what depends on it: a shell writes all
 * records of a batch of events, waits until they are on disk, then lets the other effects out.
 */
import { earliest, type Json, type Mono, type Now } from '@csm/model';
import type { Message, WrittenReport } from '@csm/protocol';
import { CallEntry, type CallOrder, type EntryEffect } from './calls/entry.ts';
import { failoverWakeAt, stepFailover } from './failover/machine.ts';
import { type FailoverConfig, type FailoverEvent, type FailoverState, initialFailover } from './failover/state.ts';
import { Executor, type ExecutorEffect } from './fanout/executor.ts';
import { type Answer, partOf } from './fanout/merge.ts';
import type { Refusal } from './link/greeting.ts';
import type { LinkId, Peer } from './link/link.ts';
import { type LogEffect, log } from './log-effect.ts';
import { stepOutbox } from './outbox/machine.ts';
import { type Recovered, snapshot } from './outbox/recovery.ts';
import type { JournalRecord, OutboxEffect, OutboxEvent, OutboxState, Urgency } from './outbox/state.ts';

export interface LeafConfig {
  readonly node: string;
  /** Names of the hubs it may link to, first choice first. */
  readonly candidates: readonly string[];
  readonly failover: FailoverConfig;
  /** How long a call waits for a leader, ms. */
  readonly patience: number;
  readonly random: () => number;
  readonly newIncarnation: () => string;
  /** Commands that may run any number of times. */
  readonly repeatable?: ReadonlySet<string>;
  /** Hash of a command and its input. */
  readonly hash: (command: string, input: unknown) => string;
}

export interface Report {
  readonly kind: string;
  readonly urgency: Urgency;
  /** When it was made, wall ms. */
  readonly time: number;
  readonly body: Json;
}

export interface Offer {
  /** Comes back with `accepted` or `refusedOffer`. */
  readonly token: number;
  readonly report: Report;
}

export type LeafEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'up'; readonly candidate: number; readonly link: LinkId; readonly peer: Peer }
  | { readonly kind: 'message'; readonly candidate: number; readonly link: LinkId; readonly message: Message }
  /** A dial has found somebody who listens; its handshake is under way. */
  | { readonly kind: 'connected'; readonly candidate: number }
  /** A dial has ended because it was hung up. */
  | { readonly kind: 'calledOff'; readonly candidate: number }
  /** `absent`: a dial has found nobody who listens. */
  | {
      readonly kind: 'down';
      readonly candidate: number;
      readonly reason: string;
      readonly refusal?: Refusal;
      readonly absent?: boolean;
      /** A link is lost because nothing was heard on it. */
      readonly silent?: boolean;
    }
  /** Offers made in one moment; what they are sent in is shared by them all. */
  | { readonly kind: 'offers'; readonly offers: readonly Offer[] }
  | { readonly kind: 'finished'; readonly id: string; readonly answer: Answer }
  | { readonly kind: 'call'; readonly order: CallOrder }
  | { readonly kind: 'taken'; readonly id: string; readonly bytes: number }
  | { readonly kind: 'cancel'; readonly id: string }
  | { readonly kind: 'rebalance'; readonly spread: number }
  | { readonly kind: 'tick' }
  | { readonly kind: 'stop' };

/** What a leaf sends: a `report` with bodies that are JSON already. */
export type LeafMessage = Exclude<Message, { readonly kind: 'report' }> | WrittenReport;

export type LeafEffect =
  | LogEffect
  | { readonly kind: 'dial'; readonly candidate: number }
  /** End the dial that is under way. */
  | { readonly kind: 'hangUp'; readonly candidate: number }
  | { readonly kind: 'drop'; readonly candidate: number; readonly link: LinkId; readonly reason: string }
  | { readonly kind: 'send'; readonly link: LinkId; readonly message: LeafMessage }
  /** `lazy`: need not be waited for; losing it costs a repetition, nothing more. */
  | { readonly kind: 'persist'; readonly record: JournalRecord; readonly lazy: boolean }
  | Extract<OutboxEffect, { kind: 'accepted' | 'refusedOffer' }>
  | Extract<ExecutorEffect, { kind: 'run' }>
  | Extract<EntryEffect, { kind: 'items' | 'piece' | 'ended' }>
  /** The leader has confirmed our claim; it knows our inventory by this hash. */
  | { readonly kind: 'confirmed'; readonly hub: string; readonly term: number; readonly inventory?: string };

export class Leaf {
  readonly config: LeafConfig;
  readonly failover: FailoverState;
  readonly outbox: OutboxState;
  readonly executor: Executor;
  readonly entry: CallEntry;
  #confirmedTerm: number | undefined;
  #out: LeafEffect[] = [];

  constructor(config: LeafConfig, recovered: Recovered, now: Now) {
    this.config = config;
    this.failover = initialFailover(config.candidates, recovered.term, config.failover);
    this.outbox = recovered.outbox;
    this.executor = new Executor(recovered.commands, now, config.repeatable);
    this.entry = new CallEntry(config.patience);
  }

  wakeAt(): Mono | undefined {
    return earliest(failoverWakeAt(this.failover), earliest(this.executor.wakeAt(), this.entry.wakeAt()));
  }

  /** The journal in its shortest form. */
  snapshot(): JournalRecord[] {
    return snapshot(this.outbox, this.failover.term, this.executor.begun());
  }

  step(event: LeafEvent, now: Now): LeafEffect[] {
    this.#out = [];
    this.#apply(event, now);
    this.#drainParts();
    return this.#out;
  }

  #apply(event: LeafEvent, now: Now): void {
    switch (event.kind) {
      case 'start':
        this.#failover({ kind: 'start' }, now);
        return;
      case 'up':
        this.#out.push(
          log('info', `linked to ${event.peer.daemon}`, { hub: event.peer.node, address: event.peer.address }),
        );
        this.#up(event, now);
        return;
      case 'connected':
      case 'calledOff':
        this.#failover({ kind: event.kind, candidate: event.candidate }, now);
        return;
      case 'down': {
        const { candidate, reason, refusal, absent = false, silent = false } = event;
        const hub = this.config.candidates[candidate] ?? '?';
        const isNews = !this.failover.stopping && this.failover.candidates[candidate]?.reason !== reason;
        const level = isNews ? 'warn' : 'debug';
        this.#out.push(
          log(level, `no link to ${hub}: ${reason}`, {
            hub,
            ...(refusal === undefined ? {} : { refused: refusal.code }),
          }),
        );
        this.#failover({ kind: 'down', candidate, reason, refused: refusal !== undefined, absent, silent }, now);
        return;
      }
      case 'message':
        this.#message(event.candidate, event.message, now);
        return;
      case 'offers':
        this.#offers(event.offers, now);
        return;
      case 'finished':
        this.executor.finished(event.id, event.answer);
        return;
      case 'call':
        this.entry.start(event.order, now);
        return;
      case 'taken':
        this.entry.taken(event.id, event.bytes);
        return;
      case 'cancel':
        this.entry.cancel(event.id);
        return;
      case 'rebalance':
        this.#failover({ kind: 'rebalance', spread: event.spread }, now);
        return;
      case 'tick':
        this.#failover({ kind: 'tick' }, now);
        this.executor.tick(now);
        this.entry.tick(now);
        return;
      case 'stop':
        this.#failover({ kind: 'stop' }, now);
        return;
      default:
        event satisfies never;
    }
  }

  #up({ candidate, link, peer: { leader, term } }: Extract<LeafEvent, { kind: 'up' }>, now: Now): void {
    this.#failover({ kind: 'up', candidate, link, leader, ...(term === undefined ? {} : { term }) }, now);
  }

  #message(candidate: number, message: Message, now: Now): void {
    const primary = this.failover.primary === candidate;
    switch (message.kind) {
      case 'claimed': {
        const confirmed = message.cursor !== undefined && message.incarnation === this.outbox.incarnation;
        this.#failover({ kind: 'claimed', candidate, term: message.term, confirmed }, now);
        if (confirmed && primary && message.term === this.failover.term) this.#confirmed(message, now);
        return;
      }
      case 'behind':
      case 'demoted':
        this.#failover({ kind: message.kind, candidate, term: message.term }, now);
        return;
      case 'beat':
        this.#failover({ kind: 'leader', candidate, leader: message.leader === true }, now);
        return;
      case 'bye':
        this.#failover({ kind: 'bye', candidate }, now);
        return;
      case 'ack':
      case 'resend':
        this.#outbox({ kind: message.kind, incarnation: message.incarnation, cursor: message.cursor }, now);
        return;
      case 'credit':
        if (primary) this.#outbox({ kind: 'credit', bytes: message.bytes }, now);
        return;
      case 'command':
        this.executor.command(message, this.config.hash(message.command, message.input), now);
        return;
      case 'data':
      case 'piece':
      case 'end':
      case 'lost':
        // What still comes from a former primary belongs to a sending that is given up.
        if (primary) this.entry.message(message, now);
        return;
      default:
        this.#out.push(log('debug', `'${message.kind}' has no meaning here and is ignored`));
    }
  }

  #confirmed(message: Extract<Message, { kind: 'claimed' }>, now: Now): void {
    const { term, cursor = 0, inventory, again = false } = message;
    // A hub takes all credit back with each claim, also when it comes on the link it came on before.
    const newLink = this.#confirmedTerm !== term;
    this.#confirmedTerm = term;
    this.#outbox({ kind: 'confirmed', term, cursor, again, newLink, fresh: this.config.newIncarnation() }, now);
    if (this.outbox.sendTerm === undefined) return; // it began anew; the next claim is on its way
    const hub = this.config.candidates[this.failover.primary ?? -1] ?? '?';
    this.#out.push({ kind: 'confirmed', hub, term, ...(inventory === undefined ? {} : { inventory }) });
    this.entry.way(true, now);
  }

  #failover(event: FailoverEvent, now: Now): void {
    for (const effect of stepFailover(this.failover, event, now, this.config.random())) {
      switch (effect.kind) {
        case 'dial':
        case 'hangUp':
          this.#out.push({ kind: effect.kind, candidate: effect.candidate });
          break;
        case 'drop': {
          const link = this.failover.candidates[effect.candidate]?.link;
          if (link !== undefined)
            this.#out.push({ kind: 'drop', candidate: effect.candidate, link, reason: effect.reason });
          break;
        }
        case 'claim': {
          const link = this.failover.candidates[effect.candidate]?.link;
          if (link === undefined) break;
          const hub = this.config.candidates[effect.candidate] ?? '?';
          this.#silence(now);
          // A term that is lost with a crash is answered `behind`: a failover need not wait for a disk.
          this.#out.push({ kind: 'persist', record: { r: 'term', term: effect.term }, lazy: true });
          this.#out.push(log('info', `${hub} becomes the primary: ${effect.why}`, { hub, term: effect.term }));
          this.#out.push({
            kind: 'send',
            link,
            message: { kind: 'claim', term: effect.term, incarnation: this.outbox.incarnation },
          });
          break;
        }
        case 'orphaned':
          this.#silence(now);
          break;
        default:
          effect satisfies never;
      }
    }
  }

  #silence(now: Now): void {
    this.#outbox({ kind: 'silenced' }, now);
    this.entry.way(false, now);
  }

  #offers(offers: readonly Offer[], now: Now): void {
    const effects: OutboxEffect[] = [];
    let left = offers.length;
    for (const { token, report } of offers)
      stepOutbox(this.outbox, { kind: 'offer', token, report, more: --left > 0 }, effects);
    this.#carryOut(effects, now);
  }

  #outbox(event: OutboxEvent, now: Now): void {
    this.#carryOut(stepOutbox(this.outbox, event), now);
  }

  #carryOut(effects: readonly OutboxEffect[], now: Now): void {
    const link = this.#primaryLink();
    for (const effect of effects) {
      switch (effect.kind) {
        case 'persist':
          this.#out.push({ kind: 'persist', record: effect.record, lazy: effect.record.r === 'cursor' });
          break;
        case 'accepted':
        case 'refusedOffer':
          this.#out.push(effect);
          break;
        case 'report': {
          if (link === undefined) break;
          const { term, first, bytes, entries: items } = effect;
          const { incarnation } = this.outbox;
          this.#out.push({ kind: 'send', link, message: { kind: 'report', term, incarnation, first, bytes, items } });
          break;
        }
        case 'want':
          if (link !== undefined)
            this.#out.push({ kind: 'send', link, message: { kind: 'want', bytes: effect.bytes } });
          break;
        case 'dropped':
          this.#out.push(
            log('warn', 'the outbox is full: samples were dropped', { kinds: effect.kinds, ...this.outbox.counters }),
          );
          break;
        case 'reincarnated':
          this.#out.push(log('warn', `the outbox begins anew: ${effect.why}`, { from: effect.from, to: effect.to }));
          this.#failover({ kind: 'reclaim' }, now);
          break;
        default:
          effect satisfies never;
      }
    }
  }

  #primaryLink(): LinkId | undefined {
    const { primary, candidates } = this.failover;
    return primary === undefined ? undefined : candidates[primary]?.link;
  }

  #drainParts(): void {
    const link = this.#primaryLink();
    for (const effect of this.executor.takeEffects()) {
      if (effect.kind === 'journal') {
        const { id, hash, until } = effect;
        this.#out.push({ kind: 'persist', record: { r: 'command', id, hash, until }, lazy: false });
      } else if (effect.kind === 'run') this.#out.push(effect);
      else if (link !== undefined) {
        const parts = [partOf([this.config.node], effect.answer)];
        this.#out.push({ kind: 'send', link, message: { kind: 'result', id: effect.id, parts, done: true } });
      }
    }
    for (const effect of this.entry.takeEffects()) {
      if (effect.kind !== 'up') this.#out.push(effect);
      else if (link !== undefined) this.#out.push({ kind: 'send', link, message: effect.message });
    }
  }
}
