/**
 * A whole cluster in one thread: the real machines on a fake clock, a network in memory, disks and a database that
 * survive crashes. One seed is one history. Beside it the world keeps the truth that the invariants are held against:
 * what was accepted, what was executed, how each command and call ended.
 */
import type { Problem } from '@csm/model';
import { NodeSet } from '@csm/nodeset';
import type { ResultPart } from '@csm/protocol';
import { HUB_WINDOW } from '../../src/core.ts';
import type { FailoverConfig } from '../../src/failover/state.ts';
import type { LogEffect } from '../../src/log-effect.ts';
import type { OutboxLimits, Urgency } from '../../src/outbox/state.ts';
import { AggregatorProcess } from './aggregator-process.ts';
import { type Breakage, UNBROKEN } from './breakage.ts';
import { Database } from './database.ts';
import { Journal } from './journal.ts';
import { MasterProcess } from './master-process.ts';
import { Network, type NetworkConfig, type Party } from './network.ts';
import { NodeProcess } from './node-process.ts';
import type { Process } from './process.ts';
import { Random } from './random.ts';
import { Scheduler } from './scheduler.ts';

type Span = readonly [number, number];

export interface WorldConfig {
  readonly master: string;
  readonly aggregators: readonly string[];
  /** What nodes link to, first choice first. */
  readonly candidates: readonly string[];
  readonly nodes: readonly string[];
  readonly interval: number;
  readonly failover: Omit<FailoverConfig, 'interval'>;
  readonly outbox: OutboxLimits;
  readonly patience: number;
  readonly network: NetworkConfig;
  /** ms a journal write takes. */
  readonly writeDelay: Span;
  /** ms a transaction takes. */
  readonly databaseDelay: Span;
  /** ms a command takes. */
  readonly runTime: Span;
  /** Bytes of reports a hub may have under way. */
  readonly window: number;
  /** Journal lines after which it is written anew in its shortest form. */
  readonly compactAfter: number;
  /** Clocks of the hosts differ by up to this, ms. */
  readonly clockSkew: number;
  /** Aggregators hand copies on, and keep at most so many under way. */
  readonly tap: { readonly bytes: number; readonly count: number } | undefined;
  /** Even and odd nodes begin with different aggregators. */
  readonly alternate: boolean;
}

export const DEFAULTS: WorldConfig = {
  master: 'M',
  aggregators: ['A', 'B'],
  candidates: ['A', 'B'],
  nodes: ['n1', 'n2', 'n3'],
  interval: 1000,
  failover: {
    backoff: { base: 100, cap: 1000 },
    absent: { base: 100, cap: 1000 },
    secondaryWait: 1000,
    refusedRetry: 2000,
    returnAfter: 5000,
    returnSpread: 1000,
  },
  outbox: { bytes: 1_000_000, frameItems: 100, frameBytes: 8192 },
  patience: 3000,
  network: { latency: [1, 5], dialTimeout: 1000 },
  writeDelay: [0, 4],
  databaseDelay: [1, 10],
  runTime: [5, 400],
  window: HUB_WINDOW,
  compactAfter: 60,
  clockSkew: 3000,
  tap: undefined,
  alternate: false,
};

export interface Offer {
  readonly node: string;
  readonly id: string;
  readonly urgency: Urgency;
  accepted: boolean;
  /** Its journal was lost: it may be gone. */
  excused: boolean;
}

export interface Command {
  readonly id: string;
  readonly nodes: readonly string[];
  readonly begunAt: number;
  readonly within: number;
  parts: ResultPart[];
  ended: boolean;
  /** The master that carried it died. */
  abandoned: boolean;
}

export class World {
  readonly config: WorldConfig;
  readonly random: Random;
  readonly clock = new Scheduler();
  readonly network: Network;
  readonly database: Database;
  readonly breakage: Breakage;
  readonly disks = new Map<string, Journal>();
  readonly nodes = new Map<string, NodeProcess>();
  readonly aggregators = new Map<string, AggregatorProcess>();
  readonly offers: Offer[] = [];
  readonly commands = new Map<string, Command>();
  readonly calls = new Map<string, { ends: number; problem?: Problem; excused: boolean; node: string }>();
  readonly ledger: { readonly node: string; readonly id: string }[] = [];
  /** Reports that the sink of an aggregator has. */
  readonly tapped = new Set<string>();
  readonly faults: string[] = [];
  readonly lines: string[] = [];
  #master: MasterProcess | undefined;
  #unique = 0;
  #backup: (() => void) | undefined;

  constructor(seed: number, config: Partial<WorldConfig> = {}, breakage: Partial<Breakage> = {}) {
    this.config = { ...DEFAULTS, ...config };
    this.breakage = { ...UNBROKEN, ...breakage };
    this.random = new Random(seed);
    this.network = new Network(this.config.network, this.clock, this.random.fork('network'));
    this.database = new Database(this.clock, this.random.fork('database'), this.config.databaseDelay);
    this.database.onTelling = ({ what, daemons, cause, planned, hub }) => {
      const who =
        daemons.length === 0 ? '' : ` ${NodeSet.of(daemons.map((d) => d.replace('compute/', ''))).toString()}`;
      this.note(`told ${what}${hub === undefined ? '' : ` ${hub}`}${who}: ${cause}${planned ? ' (planned)' : ''}`);
    };
  }

  get master(): MasterProcess | undefined {
    return this.#master?.alive === true ? this.#master : undefined;
  }

  unique(prefix: string): string {
    return `${prefix}${++this.#unique}`;
  }

  candidatesOf(node: string): readonly string[] {
    const { alternate, candidates } = this.config;
    const odd = Number(/\d+$/.exec(node)?.[0] ?? '1') % 2 === 1;
    return alternate && !odd ? [...candidates].reverse() : candidates;
  }

  skew(host: string): number {
    let hash = 7;
    for (const char of host) hash = (hash * 31 + (char.codePointAt(0) ?? 0)) % 1009;
    return Math.round((hash / 1009 - 0.5) * 2 * this.config.clockSkew);
  }

  hub(name: string): Party | undefined {
    return name === this.config.master ? this.master : this.aggregators.get(name);
  }

  process(host: string): Process | undefined {
    return host === this.config.master ? this.#master : (this.aggregators.get(host) ?? this.nodes.get(host));
  }

  processes(): Process[] {
    const all: Process[] = [...this.nodes.values(), ...this.aggregators.values()];
    if (this.#master !== undefined) all.unshift(this.#master);
    return all;
  }

  start(host: string, node = host): void {
    if (this.process(host)?.alive === true) return;
    const { master, aggregators } = this.config;
    if (host === master) this.#master = new MasterProcess(this, host);
    else if (aggregators.includes(host)) this.aggregators.set(host, new AggregatorProcess(this, host));
    else {
      const disk = this.disks.get(host) ?? new Journal();
      this.disks.set(host, disk);
      this.nodes.set(host, new NodeProcess(this, { role: 'compute', node, host }, disk));
    }
  }

  startAll(): void {
    const { master, aggregators, nodes } = this.config;
    for (const host of [master, ...aggregators, ...nodes]) this.start(host);
  }

  kill(host: string): void {
    const process = this.process(host);
    if (process === undefined || !process.alive) return;
    process.die();
  }

  /** Whatever way a process ends: nobody answers for what it carried. */
  ended(process: Process): void {
    this.network.died(process);
    if (process === this.#master) {
      this.database.ownerDied(process);
      for (const command of this.commands.values()) if (!command.ended) command.abandoned = true;
    }
    for (const call of this.calls.values()) if (call.node === process.node && call.ends === 0) call.excused = true;
  }

  /** SIGTERM. */
  leave(host: string): void {
    const process = this.process(host);
    if (process?.alive === true) process.leave();
  }

  /** The node comes back without what it had on disk. */
  loseJournal(host: string): void {
    this.kill(host);
    this.disks.get(host)?.lose();
    for (const offer of this.offers) if (offer.node === host) offer.excused = true;
  }

  backup(): void {
    this.#backup = this.database.backup();
  }

  /**
   * The database is put back to the last backup; what was stored since is gone. That takes its time, in which no master
   * is there, and after which nothing that was sent to the old one is still on its way.
   */
  setBack(): void {
    if (this.#backup === undefined) return;
    this.kill(this.config.master);
    const before = new Set(this.database.rows.map((row) => row.id));
    this.#backup();
    const after = new Set(this.database.rows.map((row) => row.id));
    for (const offer of this.offers) if (before.has(offer.id) && !after.has(offer.id)) offer.excused = true;
    this.clock.after(1500, () => this.start(this.config.master));
  }

  offer(node: string, urgency: Urgency, bytes = 0): void {
    const process = this.nodes.get(node);
    if (process?.alive !== true) return;
    const id = `${node}.${this.offers.length}`;
    const token = this.offers.length;
    this.offers.push({ node, id, urgency, accepted: false, excused: false });
    process.offer(token, { kind: 'test', urgency, time: this.clock.now, body: { id, pad: 'x'.repeat(bytes) } });
  }

  /** `count` reports, one every `ms`. */
  stream(node: string, count: number, ms: number, urgency: Urgency): void {
    this.offer(node, urgency);
    if (count > 1) this.clock.after(ms, () => this.stream(node, count - 1, ms, urgency));
  }

  /** Goes on with a command that a dead master carried, in the time that is left of it. */
  resume(): void {
    const wall = this.master?.now().wall ?? 0;
    const left = [...this.commands.values()].find((c) => c.abandoned && c.begunAt + c.within > wall);
    if (left !== undefined) this.run(left.id, left.nodes, left.within);
  }

  /** Runs a command. */
  run(id: string, nodes: readonly string[], within: number): void {
    const master = this.master;
    if (master === undefined) return;
    const before = this.commands.get(id);
    const { wall } = master.now();
    const left = before === undefined ? within : before.begunAt + within - wall;
    const command: Command = {
      id,
      nodes,
      within,
      parts: [],
      ended: false,
      abandoned: false,
      begunAt: before?.begunAt ?? wall,
    };
    this.commands.set(id, command);
    const begun = before === undefined ? {} : { begunAt: before.begunAt as typeof wall };
    master.order({ id, command: 'run', input: { id }, nodes: NodeSet.of(nodes), within: left, ...begun });
  }

  call(node: string, id: string, repeatable: boolean, within: number): void {
    const process = this.nodes.get(node);
    if (process?.alive !== true) return;
    this.calls.set(id, { ends: 0, excused: false, node });
    const caller = { user: 'u', uid: 1, gid: 1, groups: [], pid: 1, vouchedBy: `compute/${node}` };
    process.call({ id, call: 'test', input: {}, caller, trace: id, within, repeatable });
  }

  accepted(_node: string, token: number): void {
    const offer = this.offers[token];
    if (offer !== undefined) offer.accepted = true;
  }

  callEnded(id: string, how: { readonly problem?: Problem }): void {
    const call = this.calls.get(id);
    if (call === undefined) return;
    call.ends++;
    if (how.problem !== undefined) call.problem = how.problem;
  }

  commandParts(id: string, parts: readonly ResultPart[]): void {
    const command = this.commands.get(id);
    if (command === undefined) return;
    command.parts.push(...parts);
    for (const { nodes, code, text } of parts) this.note(`command ${id}: ${nodes} code ${code}: ${text}`);
  }

  commandEnded(id: string): void {
    const command = this.commands.get(id);
    if (command === undefined) return;
    if (command.ended) this.fault(`command ${id} ended twice`);
    command.ended = true;
    this.note(`command ${id} ended`);
  }

  heal(): void {
    this.network.heal();
    this.database.health = 'ok';
    for (const process of this.processes()) {
      if (process.alive) process.cont();
      else this.start(process.host, process.node);
    }
  }

  advance(ms: number): void {
    this.clock.advanceTo(this.clock.now + ms);
  }

  /** Something a machine must never do. */
  fault(text: string): void {
    if (this.faults.length < 20 && !this.faults.includes(text)) this.faults.push(text);
  }

  note(text: string): void {
    const at = (this.clock.now / 1000).toFixed(3).padStart(8);
    this.lines.push(`${at} ${text}`);
  }

  log(host: string, { level, text }: LogEffect): void {
    if (level !== 'debug') this.note(`${host} ${level}: ${text}`);
  }
}
