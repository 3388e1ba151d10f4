/** An aggregator: link table and hub for the nodes, and one link to the master, dialled again whenever it is lost. */
import type { Mono, Role } from '@csm/model';
import type { Message, Way } from '@csm/protocol';
import { backoffDelay } from '../../src/backoff.ts';
import { Hub, type HubEffect } from '../../src/hub.ts';
import type { LinkId, Peer } from '../../src/link/link.ts';
import type { Admission, LinkEffect } from '../../src/link/table.ts';
import { type CopiedReport, Tap } from '../../src/tap/tap.ts';
import { idOf } from './database.ts';
import { Process } from './process.ts';
import type { World } from './world.ts';

export const LISTENER = 0;
const TRUNK = 1;

type HubEvent =
  | { readonly kind: 'leafUp'; readonly link: LinkId; readonly peer: Peer }
  | { readonly kind: 'leafDown'; readonly link: LinkId; readonly reason: string; readonly planned: boolean }
  | { readonly kind: 'leafMessage'; readonly link: LinkId; readonly message: Message; readonly bytes: number }
  | { readonly kind: 'trunkUp'; readonly link: LinkId; readonly credit: number }
  | { readonly kind: 'trunkDown'; readonly link: LinkId }
  | { readonly kind: 'trunkMessage'; readonly link: LinkId; readonly message: Message }
  | { readonly kind: 'tick' };

export class AggregatorProcess extends Process {
  readonly listens = LISTENER;
  readonly hub: Hub;
  /** Draining before a planned end: nobody new is let in. */
  draining = false;
  /** The world's own account of credit that nodes hold and did not use, by link. */
  readonly granted = new Map<LinkId, number>();
  #events: HubEvent[] = [];
  #trunk: LinkId | undefined;
  #attempt = 0;

  constructor(world: World, node: string) {
    super(world, { role: 'aggregator', node, host: node });
    this.hub = new Hub(
      node,
      this.session,
      world.config.tap === undefined ? undefined : new Tap(['test'], world.config.tap),
    );
    world.breakage.aggregator(this);
    this.enter(() => this.#dial());
  }

  admission(peer: { readonly role: Role }): Admission {
    if (this.draining) return { ok: false, refusal: { code: 'role', reason: 'stopping' } };
    if (peer.role === 'master') return { ok: false, refusal: { code: 'role', reason: 'a master links to nobody' } };
    return { ok: true, way: 'leaf>hub', leader: this.hub.leads, credit: 0 };
  }

  leads(): boolean {
    return this.hub.leads;
  }

  incarnation(): string {
    return this.session;
  }

  dialWay(): Way {
    return 'core>hub';
  }

  wakeAt(): Mono | undefined {
    return this.hub.wakeAt();
  }

  tick(): void {
    this.#events.push({ kind: 'tick' });
  }

  override beforeFrame(link: LinkId): void {
    if (this.table.get(link)?.tag === LISTENER) this.hub.heard(link, this.now());
  }

  heard(effect: Extract<LinkEffect, { kind: 'up' | 'message' | 'down' }>): void {
    const { link } = effect;
    if (effect.tag === LISTENER) this.#heardLeaf(effect);
    else if (effect.kind === 'up') {
      this.#trunk = link;
      this.#attempt = 0;
      this.#events.push({ kind: 'trunkUp', link, credit: effect.peer.credit });
    } else if (effect.kind === 'message') {
      if (effect.message.kind !== 'beat') this.#events.push({ kind: 'trunkMessage', link, message: effect.message });
    } else {
      if (effect.wasUp) this.#events.push({ kind: 'trunkDown', link });
      this.#redial();
    }
  }

  failed(): void {
    this.enter(() => this.#redial());
  }

  run(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) this.#apply(event);
    for (let effects = this.hub.flush(); effects.length > 0; effects = this.hub.flush()) {
      for (const effect of effects) this.#effect(effect);
    }
  }

  /** SIGTERM: tells the nodes, waits until they have moved or for two intervals, then closes. */
  leave(): void {
    this.enter(() => {
      this.draining = true;
      for (const link of this.table.links()) {
        if (link.phase === 'up' && link.tag === LISTENER) this.send(link.id, { kind: 'bye', reason: 'stopping' });
      }
      this.#whenMoved(this.world.clock.now + 2 * this.world.config.interval);
    });
  }

  #whenMoved(deadline: number): void {
    this.world.clock.after(20, () =>
      this.enter(() => {
        if (this.hub.active() > 0 && this.world.clock.now < deadline) {
          this.#whenMoved(deadline);
          return;
        }
        this.world.note(`${this.node} closes; ${this.hub.active()} nodes still call it their primary`);
        for (const link of this.table.links())
          this.step({ kind: 'drop', link: link.id, reason: 'stopping', bye: true });
        this.die();
      }),
    );
  }

  #heardLeaf(effect: Extract<LinkEffect, { kind: 'up' | 'message' | 'down' }>): void {
    const { link } = effect;
    if (effect.kind === 'up') this.#events.push({ kind: 'leafUp', link, peer: effect.peer });
    else if (effect.kind === 'message') {
      const { message, bytes } = effect;
      this.#events.push({ kind: 'leafMessage', link, message, bytes });
    } else if (effect.wasUp) {
      const { reason, planned } = effect;
      this.#events.push({ kind: 'leafDown', link, reason, planned });
    }
  }

  #apply(event: HubEvent): void {
    const now = this.now();
    switch (event.kind) {
      case 'leafUp':
        this.hub.leafUp(event.link, event.peer);
        break;
      case 'leafDown':
        this.granted.delete(event.link);
        this.hub.leafDown(event.link, event.reason, event.planned, now);
        break;
      case 'leafMessage':
        this.#account(event.link, event.message);
        this.hub.leafMessage(event.link, event.message, event.bytes, now);
        break;
      case 'trunkUp':
        if (event.link === this.#trunk) this.hub.trunkUp(event.credit);
        break;
      case 'trunkDown':
        if (event.link === this.#trunk) {
          this.#trunk = undefined;
          this.hub.trunkDown();
        }
        break;
      case 'trunkMessage':
        if (event.link === this.#trunk) this.hub.trunkMessage(event.message, now);
        break;
      case 'tick':
        this.hub.tick(now);
        break;
      default:
        event satisfies never;
    }
  }

  #account(link: LinkId, message: Message): void {
    const held = this.granted.get(link);
    const term = this.hub.roster.byLink(link)?.claim?.term;
    if (message.kind === 'credit') this.granted.set(link, (held ?? 0) + message.bytes);
    else if (message.kind === 'claim' || message.kind === 'demoted' || message.kind === 'behind')
      this.granted.delete(link);
    else if (message.kind === 'report' && message.term === term && held !== undefined && held >= message.bytes)
      this.granted.set(link, held - message.bytes);
  }

  #effect(effect: HubEffect): void {
    switch (effect.kind) {
      case 'send':
        this.#account(effect.link, effect.message);
        this.send(effect.link, effect.message);
        break;
      case 'up':
        if (this.#trunk !== undefined) this.send(this.#trunk, effect.message);
        break;
      case 'drop':
        this.world.note(`${this.node} drops a link: ${effect.reason}`);
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: false });
        break;
      case 'close':
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: true });
        break;
      case 'beatAll':
        for (const link of this.table.links()) if (link.phase === 'up' && link.tag === LISTENER) this.beat(link.id);
        break;
      case 'take':
        this.#take(effect.reports);
        break;
      case 'log':
        this.world.log(this.node, effect);
        break;
      default:
        effect satisfies never;
    }
  }

  /** Its sink has them after a while, or never when it dies before. */
  #take(reports: readonly CopiedReport[]): void {
    this.world.clock.after(this.random.between(...this.world.config.writeDelay), () =>
      this.enter(() => {
        for (const { body } of reports) this.world.tapped.add(idOf(body));
        this.hub.taken();
      }),
    );
  }

  #dial(): void {
    this.world.network.dial(this, () => this.world.master, TRUNK);
  }

  #redial(): void {
    const wait = backoffDelay(this.#attempt++, this.world.config.failover.backoff, this.random.next());
    this.world.clock.after(wait, () => this.enter(() => this.#dial()));
  }
}
