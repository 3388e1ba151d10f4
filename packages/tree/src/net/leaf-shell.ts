/**
 * A daemon's lower end at work: the `Leaf` with its sockets, its journal, its command handlers and its callers.
 *
 * What a step wants on disk is appended before the effects that stand behind it leave; effects before it leave at
 * once. While the disk is slow or full, links stay alive, claims go out, and only what depends on the disk waits.
 *
 * It is long because what waits for the disk and what carries effects out share their order, and are read together.
 */
import { createHash, randomUUID } from 'node:crypto';
import { type Code, CsmError, type Problem, problem, type Role } from '@csm/model';
import { MAX_ITEMS, MAX_REPORT_BYTES, VERSION } from '@csm/protocol';
import { DialError, type TlsSettings } from 'tls-json-stream';
import type { CallOrder } from '../calls/entry.ts';
import { Leaf, type LeafEffect, type LeafEvent, type Offer, type Report } from '../leaf.ts';
import { AckTimes } from '../outbox/ack-times.ts';
import { recover } from '../outbox/recovery.ts';
import type { JournalRecord, OutboxLimits } from '../outbox/state.ts';
import { initialOutbox } from '../outbox/state.ts';
import type { Revoked } from './certificates.ts';
import { type CommandHandler, CommandRunner } from './command-runner.ts';
import { type PassFailpoint, sendBetween } from './failpoint.ts';
import { type DialTurn, HubDialer } from './hub-dialer.ts';
import { Journal } from './journal.ts';
import { Links } from './links.ts';
import type { Clock, Log } from './ports.ts';
import {
  absentBackoff,
  connectTimeout,
  dialBackoff,
  GREETING_TIMEOUT,
  handshakeTimeout,
  MASTER_BACKOFF,
  masterTimeout,
  refusedRetry,
  secondaryWait,
} from './spans.ts';
import { WakeTimer } from './timer.ts';
import type { Wire } from './wire.ts';

/** A hub this node may link to: over TLS, or within this process. */
export type Candidate =
  | { readonly name: string; readonly host: string; readonly port: number }
  | { readonly name: string; readonly connect: () => Wire };

export interface CallHandlers {
  /** Items of a streamed answer; resolves when the client has taken them. */
  items(items: readonly unknown[]): Promise<void>;
  /** The next piece of a long answer's JSON. */
  piece(text: string): void;
  /** The answer, a value; without any where it came in pieces, of which the last was given. */
  ended(how: { readonly answer?: unknown; readonly problem?: Problem }): void;
}

export interface LeafOptions {
  readonly role: Role;
  readonly node: string;
  /** First choice first. */
  readonly candidates: readonly Candidate[];
  readonly tls: () => TlsSettings;
  readonly revoked: () => Revoked;
  /** File of the outbox journal. */
  readonly journal: string;
  readonly intervalMs: number;
  readonly returnAfterMs: number;
  readonly outboxBytes: number;
  readonly clock: Clock;
  readonly log: Log;
  /** For tests of the version rule: the protocol version to speak instead of ours. */
  readonly speak?: string;
  readonly random?: () => number;
  readonly commands: Readonly<Record<string, CommandHandler>>;
  /** Commands of these that may run any number of times. */
  readonly repeatable?: readonly string[];
  /** The leader confirmed this node; it knows the inventory with this hash. */
  readonly onConfirmed?: (hub: string, inventory: string | undefined) => void;
  /** For whoever measures: a frame of reports is acknowledged, so many ms after it first left. */
  readonly onAcknowledged?: ((ms: number) => void) | undefined;
  /** For fault tests: called at each passing of a failpoint; it may end the process there. */
  readonly failpoint?: PassFailpoint | undefined;
  /** For a process that holds many nodes. */
  readonly dialTurn?: DialTurn | undefined;
}

const JOURNAL_RETRY_MS = 1000;
/** So long records that nothing depends on wait for a write they can share. */
const LAZY_MS = 1000;
/** What must keep its order with reports that wait for the disk: a `want` that overtakes a newer one would replace it. */
const ORDERED: ReadonlySet<string> = new Set(['report', 'want']);

interface Write {
  readonly records: JournalRecord[];
  sync: boolean;
  /** What leaves once the records are on disk. */
  readonly effects: LeafEffect[];
}

export class LeafShell {
  readonly leaf: Leaf;
  readonly links: Links;
  readonly #options: LeafOptions;
  readonly #journal: Journal;
  readonly #timer: WakeTimer;
  readonly #dialer: HubDialer;
  readonly #offers = new Map<number, { resolve: () => void; reject: (error: CsmError) => void }>();
  /** Made in this tick: they are taken together, so that they share a write and a frame. */
  #offered: Offer[] = [];
  readonly #calls = new Map<string, CallHandlers>();
  readonly #runner: CommandRunner;
  readonly #linkOf = new Map<number, number>();
  readonly #ackTimes: AckTimes | undefined;
  #nextToken = 1;
  #write: Write | undefined;
  #writing = false;
  #lazy: NodeJS.Timeout | undefined;
  /** Records that must be on disk before something leaves are waiting or being written. */
  #syncing = false;
  #journalFault: string | undefined;
  #stopping = false;

  static async start(options: LeafOptions): Promise<LeafShell> {
    const journal = await Journal.open(options.journal);
    try {
      return new LeafShell(options, journal);
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  private constructor(options: LeafOptions, journal: Journal) {
    const { role, node, clock, intervalMs, log } = options;
    this.#options = options;
    this.#journal = journal;
    this.#ackTimes = options.onAcknowledged === undefined ? undefined : new AckTimes();
    const limits: OutboxLimits = { bytes: options.outboxBytes, frameItems: MAX_ITEMS, frameBytes: MAX_REPORT_BYTES };
    const masters = role !== 'compute';
    const random = options.random ?? Math.random;
    const newIncarnation = () => randomUUID();
    const recovered = this.#recover(limits, newIncarnation);
    this.leaf = new Leaf(
      {
        node,
        candidates: options.candidates.map((c) => c.name),
        failover: {
          interval: intervalMs,
          backoff: masters ? MASTER_BACKOFF : dialBackoff(intervalMs),
          absent: masters ? MASTER_BACKOFF : absentBackoff(intervalMs),
          secondaryWait: secondaryWait(intervalMs),
          refusedRetry: refusedRetry(intervalMs),
          returnAfter: options.returnAfterMs,
          returnSpread: Math.max(intervalMs, options.returnAfterMs / 10),
          masters,
        },
        patience: Math.max(2000, 2 * intervalMs),
        random,
        newIncarnation,
        repeatable: new Set(options.repeatable),
        hash: (command, input) =>
          createHash('sha256')
            .update(JSON.stringify([command, input]))
            .digest('base64url'),
      },
      recovered,
      clock.now(),
    );
    this.links = new Links({
      self: {
        role,
        node,
        session: randomUUID(),
        version: options.speak ?? VERSION,
        interval: intervalMs,
        greetingTimeout: GREETING_TIMEOUT,
      },
      above: {
        admit: () => ({ ok: false, refusal: { code: 'role', reason: 'this daemon takes no links' } }),
        leads: () => undefined,
        incarnation: () => this.leaf.outbox.incarnation,
      },
      handlers: {
        up: (link, candidate, peer) => {
          this.#linkOf.set(candidate, link);
          this.#step({ kind: 'up', candidate, link, peer });
        },
        message: (link, candidate, message) => this.#received({ kind: 'message', candidate, link, message }),
        down: (link, candidate, { reason, refusal, silent = false }) => {
          if (this.#linkOf.get(candidate) === link) this.#linkOf.delete(candidate);
          this.#step({ kind: 'down', candidate, reason, silent, ...(refusal === undefined ? {} : { refusal }) });
        },
        settled: () => undefined,
      },
      clock,
      log,
      revoked: options.revoked,
      phase: random(),
    });
    this.#dialer = new HubDialer({
      hubRole: masters ? 'master' : 'aggregator',
      tls: options.tls,
      connectTimeout: masters ? masterTimeout(intervalMs) : connectTimeout(intervalMs),
      handshakeTimeout: masters ? masterTimeout(intervalMs) : handshakeTimeout(intervalMs),
      turn: options.dialTurn,
    });
    this.#runner = new CommandRunner(options.commands, clock, (id, answer) => {
      if (!this.#stopping) this.#step({ kind: 'finished', id, answer });
    });
    this.#timer = new WakeTimer(clock, () => this.#step({ kind: 'tick' }));
    if (journal.records.length === 0) this.#persistFirst();
    this.#step({ kind: 'start' });
  }

  /** Accepts a report: resolves when it will be in the database exactly once. Rejects with a `CsmError`: 13 when the outbox is full or cannot be written, 44 when stopping. */
  offer(report: Report): Promise<void> {
    if (this.#stopping) return Promise.reject(refusal(44, 'the daemon is stopping'));
    if (this.#journalFault !== undefined) {
      return Promise.reject(refusal(13, `the journal cannot be written: ${this.#journalFault}`));
    }
    const token = this.#nextToken++;
    return new Promise((resolve, reject) => {
      this.#offers.set(token, { resolve, reject });
      if (this.#offered.push({ token, report }) === 1) queueMicrotask(() => this.#takeOffers());
    });
  }

  /** Sends a call towards the leader. Gives what cancels it. */
  call(order: CallOrder, handlers: CallHandlers): () => void {
    this.#calls.set(order.id, handlers);
    this.#step({ kind: 'call', order });
    return () => {
      if (this.#calls.delete(order.id)) this.#step({ kind: 'cancel', id: order.id });
    };
  }

  /** Moves back to the first choice within `spreadMs`. */
  rebalance(spreadMs: number): void {
    this.#step({ kind: 'rebalance', spread: spreadMs });
  }

  /** Dials anew where a refusal made it wait: certificates or addresses have changed. */
  retryNow(): void {
    const { failover } = this.leaf;
    const now = this.#options.clock.now().mono;
    failover.restUntil = now;
    for (const candidate of failover.candidates) if (candidate.phase === 'idle') candidate.retryAt = now;
    this.#dialer.forgetSessions();
    this.#step({ kind: 'tick' });
  }

  /** The name of the hub behind a candidate: by its own word while linked, else as configured. */
  hubName(candidate: number): string | undefined {
    const link = this.leaf.failover.candidates[candidate]?.link;
    const peer = link === undefined ? undefined : this.links.table.get(link)?.peer;
    return peer?.node ?? this.#options.candidates[candidate]?.name;
  }

  get journalFault(): string | undefined {
    return this.#journalFault;
  }

  /** Says goodbye, aborts what runs, and closes. What was accepted stays in the journal. */
  async stop(reason: string): Promise<void> {
    // First the commands: their answers still find the way up.
    await this.#runner.stop();
    this.#stopping = true;
    this.#step({ kind: 'stop' });
    this.#timer.stop();
    this.#dialer.stop();
    await this.links.close(reason);
    if (!this.#writing) await this.#writeOut();
    while (this.#writing) await new Promise((resolve) => setImmediate(resolve));
    for (const { reject } of this.#offers.values()) reject(refusal(44, 'the daemon is stopping'));
    for (const call of this.#calls.values()) call.ended({ problem: problem(12, 'the daemon is stopping') });
    this.#offers.clear();
    this.#calls.clear();
    await this.#journal.close();
  }

  #recover(limits: OutboxLimits, newIncarnation: () => string) {
    const { records, lost, path } = this.#journal;
    if (lost > 0)
      this.#options.log.error(`the journal ${path} is damaged: ${lost} records behind the damage could not be read`);
    if (records.length === 0) return { outbox: initialOutbox(newIncarnation(), limits), term: 0, commands: [] };
    return recover(records, limits);
  }

  #persistFirst(): void {
    this.#enqueue({ r: 'incarnation', incarnation: this.leaf.outbox.incarnation, format: 1 }, true);
  }

  #takeOffers(): void {
    const offers = this.#offered;
    this.#offered = [];
    this.#step({ kind: 'offers', offers });
  }

  #step(event: LeafEvent): void {
    const effects = this.leaf.step(event, this.#options.clock.now());
    let held: Write | undefined;
    for (const effect of effects) {
      if (effect.kind === 'persist') {
        held = this.#enqueue(effect.record, !effect.lazy) ?? held;
      } else if (held?.sync === true) held.effects.push(effect);
      else if (this.#syncing && effect.kind === 'send' && ORDERED.has(effect.message.kind)) {
        // Sent again while the record of its number is still on its way to the disk: it waits for that too.
        this.#nextWrite().effects.push(effect);
      } else this.#carryOut(effect);
    }
    if (this.#ackTimes !== undefined) this.#tellAcknowledged(this.#ackTimes);
    if (!this.#stopping) this.#timer.set(this.leaf.wakeAt());
  }

  #tellAcknowledged(times: AckTimes): void {
    const { incarnation, cursor } = this.leaf.outbox;
    for (const ms of times.reached(incarnation, cursor, this.#options.clock.now().mono))
      this.#options.onAcknowledged?.(ms);
  }

  #received(event: Extract<LeafEvent, { kind: 'message' }>): void {
    const { message } = event;
    const { failpoint } = this.#options;
    if (failpoint === undefined) this.#step(event);
    else if (message.kind === 'ack') {
      failpoint('ack.take.before');
      this.#step(event);
      failpoint('ack.take.after');
    } else if (message.kind === 'claimed' && message.cursor !== undefined) {
      failpoint('claim.confirmed.before');
      this.#step(event);
      failpoint('claim.confirmed.after');
    } else this.#step(event);
  }

  #nextWrite(): Write {
    this.#write ??= { records: [], sync: false, effects: [] };
    return this.#write;
  }

  /** Adds a record to the next write; gives it where effects have to wait for it. */
  #enqueue(record: JournalRecord, sync: boolean): Write | undefined {
    const write = this.#nextWrite();
    write.records.push(record);
    write.sync ||= sync;
    this.#syncing ||= sync;
    this.#arrangeWrite();
    return sync ? write : undefined;
  }

  /** What somebody waits for is written at once; the rest with it, or by itself after a while. */
  #arrangeWrite(): void {
    if (this.#writing || this.#write === undefined) return;
    if (this.#dueWrite() === undefined) {
      this.#lazy ??= setTimeout(() => (this.#writing ? undefined : void this.#writeOut()), LAZY_MS);
    } else {
      this.#writing = true;
      setImmediate(() => void this.#writeOut());
    }
  }

  async #writeOut(): Promise<void> {
    this.#writing = true;
    clearTimeout(this.#lazy);
    this.#lazy = undefined;
    for (let write = this.#write; write !== undefined; write = this.#dueWrite()) {
      this.#write = undefined;
      // What could not be written before the end has not happened: nobody is told that it has.
      if (write.records.length > 0 && !(await this.#put(write))) continue;
      for (const effect of write.effects) this.#carryOut(effect);
      this.#syncing = this.#dueWrite() !== undefined;
    }
    this.#writing = false;
    this.#arrangeWrite();
  }

  /** The next write, where it is not to wait. */
  #dueWrite(): Write | undefined {
    const write = this.#write;
    if (write === undefined) return undefined;
    return this.#stopping || write.sync || write.effects.length > 0 ? write : undefined;
  }

  /** Writes until it succeeds: what depends on it waits, new offers are refused in the meantime. */
  async #put(write: Write): Promise<boolean> {
    const failpoint = write.sync ? this.#options.failpoint : undefined;
    failpoint?.('journal.append.before');
    for (;;) {
      try {
        if (this.#journal.wantsCompaction) await this.#compact(write);
        await this.#journal.append(write.records, write.sync);
        if (this.#journalFault !== undefined) this.#options.log.info('the journal can be written again');
        this.#journalFault = undefined;
        failpoint?.('journal.append.after');
        return true;
      } catch (error) {
        const text = error instanceof Error ? error.message : String(error);
        if (this.#journalFault === undefined)
          this.#options.log.error(`the journal cannot be written: ${text}`, { journal: this.#journal.path });
        this.#journalFault = text;
        if (this.#stopping) return false;
        await new Promise((resolve) => setTimeout(resolve, JOURNAL_RETRY_MS));
      }
    }
  }

  /** Begins the journal anew; where that fails it stays as it is, and the write is appended like any other. */
  async #compact(write: Write): Promise<void> {
    const records = this.#snapshot(write);
    try {
      await this.#journal.compact(records);
      write.records.length = 0;
    } catch (error) {
      const text = error instanceof Error ? error.message : String(error);
      this.#options.log.warn(`the journal could not begin anew and grows on: ${text}`, { journal: this.#journal.path });
    }
  }

  /**
   * The journal in its shortest form. It holds everything up to this moment, also what waits for the next write: that
   * must not be written a second time behind it, or an entry would stand in the journal twice. So what waits joins
   * `write`, which is either covered by the snapshot or appended as a whole.
   */
  #snapshot(write: Write): JournalRecord[] {
    const waiting = this.#write;
    this.#write = undefined;
    if (waiting !== undefined) {
      write.records.push(...waiting.records);
      write.effects.push(...waiting.effects);
      write.sync ||= waiting.sync;
    }
    return this.leaf.snapshot();
  }

  #carryOut(effect: LeafEffect): void {
    switch (effect.kind) {
      case 'log':
        this.#options.log[effect.level](effect.text, effect.fields);
        return;
      case 'dial':
        void this.#dial(effect.candidate);
        return;
      case 'hangUp':
        this.#dialer.hangUp(effect.candidate);
        return;
      case 'drop':
        this.links.drop(effect.link, effect.reason, true);
        return;
      case 'send':
        this.#send(effect);
        return;
      case 'accepted':
        this.#offers.get(effect.token)?.resolve();
        this.#offers.delete(effect.token);
        return;
      case 'refusedOffer':
        this.#offers.get(effect.token)?.reject(refusal(13, effect.reason));
        this.#offers.delete(effect.token);
        return;
      case 'run':
        this.#runner.run(effect);
        return;
      case 'items':
        this.#items(effect);
        return;
      case 'piece':
        this.#calls.get(effect.id)?.piece(effect.text);
        return;
      case 'ended': {
        const { id, kind: _kind, ...how } = effect;
        const handlers = this.#calls.get(id);
        this.#calls.delete(id);
        handlers?.ended(how);
        return;
      }
      case 'confirmed':
        this.#options.onConfirmed?.(effect.hub, effect.inventory);
        return;
      case 'persist':
        return;
      default:
        effect satisfies never;
    }
  }

  #send({ link, message }: Extract<LeafEffect, { kind: 'send' }>): void {
    const { failpoint, clock } = this.#options;
    if (message.kind === 'report') {
      this.#ackTimes?.sent(message.incarnation, message.first + message.items.length - 1, clock.now().mono);
      const send = () => this.links.sendReport(link, message);
      if (failpoint === undefined) send();
      else sendBetween(failpoint, 'report.send.before', 'report.send.after', send);
      return;
    }
    const send = () => this.links.send(link, message);
    if (failpoint !== undefined && message.kind === 'claim')
      sendBetween(failpoint, 'claim.send.before', 'claim.send.after', send);
    else send();
  }

  #items({ id, items, bytes }: Extract<LeafEffect, { kind: 'items' }>): void {
    const handlers = this.#calls.get(id);
    if (handlers === undefined) return;
    handlers.items(items).then(
      () => this.#step({ kind: 'taken', id, bytes }),
      () => {
        if (this.#calls.delete(id)) this.#step({ kind: 'cancel', id });
      },
    );
  }

  async #dial(index: number): Promise<void> {
    const candidate = this.#options.candidates[index];
    if (candidate === undefined) return;
    if ('connect' in candidate) {
      const identity = { role: this.#options.role, node: candidate.name };
      this.links.adopt(candidate.connect(), 'dialer', index, 'hub>leaf', identity);
      return;
    }
    try {
      const stream = await this.#dialer.dial(index, candidate, () => this.#connected(index));
      if (this.#stopping) stream.destroy('stopping');
      else this.links.adoptStream(stream, 'dialer', index, 'hub>leaf');
    } catch (error) {
      if (this.#stopping) return;
      const code = error instanceof DialError ? error.code : undefined;
      if (code === 'ABORTED') {
        this.#step({ kind: 'calledOff', candidate: index });
        return;
      }
      const reason = error instanceof Error ? error.message : String(error);
      this.#step({ kind: 'down', candidate: index, reason, ...(code === 'REFUSED' ? { absent: true } : {}) });
    }
  }

  #connected(index: number): void {
    if (!this.#stopping) this.#step({ kind: 'connected', candidate: index });
  }
}

const refusal = (c: Code, text: string): CsmError => new CsmError(problem(c, text));
