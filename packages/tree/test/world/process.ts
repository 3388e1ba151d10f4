/**
 * One process of the world: a link table, the composite above it, and the shell that runs both as the real shells do.
 * The table steps at once on every frame, close and tick; what it hands up waits for the composite, which takes all that
 * waits together. A stopped process reads nothing and fires no timer; when it continues, timers fire before the frames
 * that waited are read, and learn how late they are.
 */
import { type Mono, type Now, type Role, wall } from '@csm/model';
import type { Message, Way } from '@csm/protocol';
import type { Identity, LinkId } from '../../src/link/link.ts';
import { type Above, type LinkEffect, type LinkEvent, LinkTable } from '../../src/link/table.ts';
import type { Party } from './network.ts';
import type { Random } from './random.ts';
import type { Planned } from './scheduler.ts';
import type { World } from './world.ts';

/** Wall time when a world begins. */
export const EPOCH = 1_750_000_000_000;
/** A machine that wants to be woken at a moment that is over, this often in a row, turns in circles. */
const CIRCLES_MAX = 3;
/** As `Links` tells it: by its bytes. */
const PLAIN_BEAT = JSON.stringify({ kind: 'beat' });

export interface ProcessConfig {
  readonly role: Role;
  readonly node: string;
  /** Where it runs; differs from `node` only for twins. */
  readonly host: string;
}

export abstract class Process implements Party {
  readonly world: World;
  readonly role: Role;
  readonly node: string;
  readonly host: string;
  readonly identity: Identity;
  readonly session: string;
  readonly random: Random;
  readonly table: LinkTable;
  abstract readonly listens: number | undefined;
  alive = true;
  stopped = false;
  readonly #bornAt: number;
  #waiting: (() => void)[] = [];
  #timer: Planned | undefined;
  #runPlanned = false;
  #circles = 0;

  constructor(world: World, config: ProcessConfig) {
    this.world = world;
    this.role = config.role;
    this.node = config.node;
    this.host = config.host;
    this.identity = { role: config.role, node: config.node };
    this.session = world.unique(`${config.host}-s`);
    this.random = world.random.fork(this.session);
    this.#bornAt = world.clock.now;
    const { interval } = world.config;
    const self = { role: this.role, node: this.node, session: this.session, version: '1.1' };
    const above: Above = {
      admit: (peer) => this.admission(peer),
      leads: () => this.leads(),
      incarnation: () => this.incarnation(),
    };
    this.table = new LinkTable({ ...self, interval, greetingTimeout: 2 * interval }, above);
  }

  abstract admission(peer: {
    readonly role: Role;
    readonly node: string;
    readonly tag: number;
  }): ReturnType<Above['admit']>;
  abstract leads(): boolean;
  abstract incarnation(): string;
  /** What came up through the table. */
  abstract heard(effect: Extract<LinkEffect, { kind: 'up' | 'message' | 'down' }>): void;
  abstract failed(tag: number, reason: string): void;
  /** Takes all that waits; called once after any number of events of one moment. */
  abstract run(): void;
  abstract wakeAt(): Mono | undefined;
  abstract tick(lateBy: number): void;
  abstract dialWay(tag: number): Way;
  /** SIGTERM. */
  abstract leave(): void;

  now(): Now {
    const { now } = this.world.clock;
    return { mono: (now - this.#bornAt) as Mono, wall: wall(EPOCH + Math.floor(now) + this.world.skew(this.host)) };
  }

  opened(link: LinkId, side: 'dialer' | 'listener', tag: number, peer: Party): void {
    const way: Way = side === 'listener' ? 'leaf>hub' : this.dialWay(tag);
    this.enter(() => this.step({ kind: 'opened', link, side, tag, address: peer.host, identity: peer.identity, way }));
  }

  frame(link: LinkId, text: string): void {
    this.enter(() => {
      const known = this.table.get(link);
      if (known?.phase === 'up') this.beforeFrame(link);
      if (text === PLAIN_BEAT) {
        const answer = this.table.beat(link, this.now().mono);
        if (answer === true) this.beat(link);
        if (answer !== undefined) return;
      }
      this.step({ kind: 'frame', link, value: JSON.parse(text), bytes: text.length });
    });
  }

  /** Any frame of a link that is up, beats too. */
  beforeFrame(_link: LinkId): void {}

  closed(link: LinkId, reason: string): void {
    this.enter(() => this.step({ kind: 'closed', link, reason }));
  }

  /** Something happens to this process now, or as soon as it runs again. */
  enter(what: () => void): void {
    if (!this.alive) return;
    if (this.stopped) {
      this.#waiting.push(what);
      return;
    }
    what();
    this.planRun();
  }

  planRun(): void {
    if (this.#runPlanned) return;
    this.#runPlanned = true;
    this.world.clock.after(0, () => {
      this.#runPlanned = false;
      if (!this.alive) return;
      if (this.stopped) this.#waiting.push(() => {});
      else {
        this.run();
        this.arm();
      }
    });
  }

  step(event: LinkEvent): void {
    for (const effect of this.table.step(event, this.now())) {
      switch (effect.kind) {
        case 'send':
          this.world.network.send(effect.link, JSON.stringify(effect.message));
          break;
        case 'beat':
          this.beat(effect.link);
          break;
        case 'close':
          this.world.network.close(effect.link);
          break;
        default:
          this.heard(effect);
      }
    }
  }

  send(link: LinkId, message: Message): void {
    this.world.network.send(link, JSON.stringify(message));
    this.table.sent(link, this.now().mono);
  }

  /** Beats of a listener say whether the leader is reachable through it. */
  beat(link: LinkId): void {
    const listener = this.table.get(link)?.side === 'listener';
    this.world.network.send(link, JSON.stringify(listener ? { kind: 'beat', leader: this.leads() } : { kind: 'beat' }));
    this.table.sent(link, this.now().mono);
  }

  arm(): void {
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    this.#timer = undefined;
    if (!this.alive || this.stopped) return;
    const wake = this.#wakeAt();
    if (wake === undefined) return;
    if (wake > this.world.clock.now) this.#circles = 0;
    else if (++this.#circles > CIRCLES_MAX) {
      this.world.fault(`${this.role}/${this.host} turns in circles: it wants to be woken at a moment that is over`);
    }
    const at = Math.max(wake, this.world.clock.now + (this.#circles > 1 ? 1 : 0));
    this.#timer = this.world.clock.at(at, () => this.#fire(at));
  }

  stop(): void {
    this.stopped = true;
  }

  cont(): void {
    if (!this.alive || !this.stopped) return;
    this.stopped = false;
    const wake = this.#wakeAt();
    if (wake !== undefined && wake <= this.world.clock.now) this.#fire(wake);
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const what of waiting) if (this.alive) what();
    this.planRun();
  }

  die(): void {
    this.alive = false;
    if (this.#timer !== undefined) this.#timer.cancelled = true;
    this.#waiting = [];
    this.world.ended(this);
  }

  #wakeAt(): number | undefined {
    const own = this.wakeAt();
    const links = this.table.wakeAt();
    const at = own === undefined || (links !== undefined && links < own) ? links : own;
    return at === undefined ? undefined : at + this.#bornAt;
  }

  #fire(planned: number): void {
    this.#timer = undefined;
    if (!this.alive || this.stopped) return;
    const lateBy = this.world.clock.now - planned;
    this.step({ kind: 'tick', lateBy });
    this.tick(lateBy);
    this.planRun();
  }
}
