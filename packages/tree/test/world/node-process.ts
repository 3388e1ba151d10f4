/**
 * A node's daemon: link table and leaf, its journal, and an executor whose deeds are written where no crash reaches.
 *
 * As in the real shell, what a step wants on disk is appended before the effects that stand behind it leave, while
 * effects of other steps leave at once; only reports and wants never overtake one that waits. Records that need not be waited for
 * may be lost with the process until the next write that must be.
 */
import type { Mono } from '@csm/model';
import { type Message, reportText, type Way } from '@csm/protocol';
import type { CallOrder } from '../../src/calls/entry.ts';
import type { Answer } from '../../src/fanout/merge.ts';
import { Leaf, type LeafEffect, type LeafEvent, type LeafMessage, type Report } from '../../src/leaf.ts';
import type { Admission, LinkEffect } from '../../src/link/table.ts';
import { recover } from '../../src/outbox/recovery.ts';
import type { JournalRecord } from '../../src/outbox/state.ts';
import type { Journal } from './journal.ts';
import { Process, type ProcessConfig } from './process.ts';
import type { World } from './world.ts';

/** A hub reckons credit by these: a want that overtook another would replace it. */
const IN_ORDER: ReadonlySet<string> = new Set(['report', 'want']);

interface Write {
  records: JournalRecord[];
  sync: boolean;
  /** It replaces the journal. */
  compaction: boolean;
  readonly effects: LeafEffect[];
}

export class NodeProcess extends Process {
  readonly leaf: Leaf;
  readonly listens = undefined;
  readonly #journal: Journal;
  /** Written, but not yet forced to the disk. */
  #unsynced: JournalRecord[] = [];
  /** What is being written, and what is written next. */
  #writing: Write | undefined;
  #write: Write | undefined;
  #syncing = false;
  /** What hangs up the last dial of each candidate. */
  readonly #dials = new Map<number, () => boolean>();

  constructor(world: World, config: ProcessConfig, journal: Journal) {
    super(world, config);
    this.#journal = journal;
    const found = journal.read();
    if (found.length === 0) {
      const begin: JournalRecord = { r: 'incarnation', incarnation: world.unique(`${config.host}-i`), format: 1 };
      journal.append([begin]);
      found.push(begin);
    }
    const { interval, failover, outbox, patience } = world.config;
    this.leaf = new Leaf(
      {
        node: config.node,
        candidates: world.candidatesOf(config.node),
        failover: { ...failover, interval },
        patience,
        random: () => this.random.next(),
        newIncarnation: () => world.unique(`${config.host}-i`),
        hash: (command, input) => `${command} ${JSON.stringify(input)}`,
      },
      recover(found, outbox),
      this.now(),
    );
    this.#push({ kind: 'start' });
  }

  admission(): Admission {
    return { ok: false, refusal: { code: 'role', reason: 'a node accepts no links' } };
  }

  leads(): boolean {
    return false;
  }

  incarnation(): string {
    return this.leaf.outbox.incarnation;
  }

  dialWay(): Way {
    return 'hub>leaf';
  }

  wakeAt(): Mono | undefined {
    return this.leaf.wakeAt();
  }

  tick(): void {
    const at = this.leaf.wakeAt();
    if (at !== undefined && at <= this.now().mono) this.#step({ kind: 'tick' });
  }

  offer(token: number, report: Report): void {
    this.#push({ kind: 'offers', offers: [{ token, report }] });
  }

  call(order: CallOrder): void {
    this.#push({ kind: 'call', order });
  }

  rebalance(spread: number): void {
    this.#push({ kind: 'rebalance', spread });
  }

  /** SIGTERM: says bye on every link, then ends. */
  leave(): void {
    this.enter(() => {
      this.#step({ kind: 'stop' });
      for (const link of this.table.links()) this.step({ kind: 'drop', link: link.id, reason: 'stopped', bye: true });
      this.die();
    });
  }

  heard(effect: Extract<LinkEffect, { kind: 'up' | 'message' | 'down' }>): void {
    const { kind, link, tag: candidate } = effect;
    if (kind === 'up') this.#step({ kind, candidate, link, peer: effect.peer });
    else if (kind === 'message') this.#step({ kind, candidate, link, message: effect.message });
    else {
      const { reason, refusal } = effect;
      this.#step({ kind, candidate, reason, ...(refusal === undefined ? {} : { refusal }) });
    }
  }

  failed(candidate: number, reason: string): void {
    this.#push({ kind: 'down', candidate, reason });
  }

  run(): void {}

  /** What was only handed to the system is lost from some point on. */
  override die(): void {
    if (this.alive) {
      const { random } = this;
      const writing = this.#writing;
      if (writing?.compaction === true) {
        if (random.chance(0.5)) this.#journal.replace(writing.records);
        else this.#journal.appendTorn(this.#unsynced, random);
      } else this.#journal.appendTorn([...this.#unsynced, ...(writing?.records ?? [])], random);
    }
    super.die();
  }

  #step(event: LeafEvent): void {
    if (!this.alive) return;
    let held: Write | undefined;
    for (const effect of this.#effectsOf(event)) {
      if (effect.kind === 'persist') {
        if (this.world.breakage.keeps(effect.record)) held = this.#enqueue(effect.record, !effect.lazy) ?? held;
      } else if (held !== undefined) held.effects.push(effect);
      else if (this.#syncing && effect.kind === 'send' && IN_ORDER.has(effect.message.kind))
        this.#nextWrite().effects.push(effect);
      else this.#carryOut(effect);
    }
  }

  #effectsOf(event: LeafEvent): readonly LeafEffect[] {
    const again = event.kind === 'message' ? this.world.breakage.repeats(this, event.message) : undefined;
    return again === undefined ? this.leaf.step(event, this.now()) : [again];
  }

  #nextWrite(): Write {
    this.#write ??= { records: [], sync: false, compaction: false, effects: [] };
    return this.#write;
  }

  #enqueue(record: JournalRecord, sync: boolean): Write | undefined {
    const write = this.#nextWrite();
    write.records.push(record);
    write.sync ||= sync;
    this.#syncing ||= sync;
    if (this.#writing === undefined) this.#planWrite();
    return sync ? write : undefined;
  }

  #planWrite(): void {
    this.#writing = { records: [], sync: false, compaction: false, effects: [] };
    this.world.clock.after(0, () => this.enter(() => this.#writeOut()));
  }

  #writeOut(): void {
    const write = this.#write;
    this.#write = undefined;
    this.#writing = write;
    if (write === undefined) return;
    if (this.#journal.size > this.world.config.compactAfter) {
      write.records = this.leaf.snapshot().filter((record) => this.world.breakage.keeps(record));
      write.compaction = true;
    }
    const ms = this.random.between(...this.world.config.writeDelay);
    this.world.clock.after(ms, () => this.#written(write));
  }

  #written(write: Write): void {
    if (!this.alive) return;
    if (write.compaction) {
      this.#unsynced = [];
      this.#journal.replace(write.records);
    } else {
      this.#unsynced.push(...write.records);
      if (write.sync) this.#journal.append(this.#unsynced.splice(0));
    }
    this.#writing = { records: [], sync: false, compaction: false, effects: [] };
    this.enter(() => {
      for (const effect of write.effects) if (this.alive) this.#carryOut(effect);
      this.#syncing = this.#write !== undefined;
      this.#writeOut();
    });
  }

  #carryOut(effect: LeafEffect): void {
    switch (effect.kind) {
      case 'dial':
        this.#dial(effect.candidate);
        break;
      case 'hangUp':
        this.#hangUp(effect.candidate);
        break;
      case 'drop':
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: true });
        break;
      case 'send':
        this.send(effect.link, asReceived(effect.message));
        break;
      case 'accepted':
        this.world.accepted(this.node, effect.token);
        break;
      case 'refusedOffer':
        this.world.note(`${this.node} refused an offer: ${effect.reason}`);
        break;
      case 'run':
        this.#execute(effect);
        break;
      case 'ended':
        this.world.callEnded(effect.id, effect);
        break;
      case 'confirmed':
        this.world.note(`${this.host} is confirmed at ${effect.hub}, term ${effect.term}`);
        break;
      case 'log':
        this.world.log(this.host, effect);
        break;
      case 'piece':
        // What is asked here has short answers.
        this.world.note(`${this.node} was given a piece of ${effect.id}`);
        break;
      case 'items':
        this.#push({ kind: 'taken', id: effect.id, bytes: effect.bytes });
        break;
      default:
        effect satisfies { kind: 'persist' };
    }
  }

  #dial(candidate: number): void {
    const name = this.leaf.config.candidates[candidate] ?? '?';
    this.#dials.set(
      candidate,
      this.world.network.dial(this, () => this.world.hub(name), candidate),
    );
  }

  /** Told in a moment of its own, as a promise is. */
  #hangUp(candidate: number): void {
    if (this.#dials.get(candidate)?.() === true)
      this.world.clock.after(0, () => this.alive && this.#push({ kind: 'calledOff', candidate }));
  }

  #execute(effect: Extract<LeafEffect, { kind: 'run' }>): void {
    const { id } = effect;
    this.world.ledger.push({ node: this.node, id });
    const answer: Answer = { code: 0, text: `ran ${effect.command}` };
    const [low, high] = this.world.config.runTime;
    this.world.clock.after(this.random.between(low, high), () => this.#push({ kind: 'finished', id, answer }));
  }

  #push(event: LeafEvent): void {
    this.enter(() => this.#step(event));
  }
}

/** A message as its receiver reads it: a report's bodies are JSON until then. */
const asReceived = (message: LeafMessage): Message =>
  message.kind === 'report' ? (JSON.parse(reportText(message)) as Message) : message;
