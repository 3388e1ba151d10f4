/** The master: link table, its own hub, the core, and the database behind it. */
import type { Mono, Role } from '@csm/model';
import type { Message, Way } from '@csm/protocol';
import { Core, type CoreEffect } from '../../src/core.ts';
import type { Order } from '../../src/fanout/origin.ts';
import { Hub, type HubEffect } from '../../src/hub.ts';
import { isStall, type LinkId, type Peer } from '../../src/link/link.ts';
import type { Admission, LinkEffect } from '../../src/link/table.ts';
import { Process } from './process.ts';
import type { Planned } from './scheduler.ts';
import type { World } from './world.ts';

/** The master's own hub is linked to its core in memory, under a number no connection has. */
const OWN = 0;

export class MasterProcess extends Process {
  readonly listens = 0;
  readonly core: Core;
  readonly hub: Hub;
  #events: (() => void)[] = [];
  readonly #serving = new Map<string, Planned>();

  constructor(world: World, node: string) {
    super(world, { role: 'master', node, host: node });
    const { database, config } = world;
    this.core = new Core(database.known(), database.linkedHubs(), config.interval, this.now());
    world.breakage.master(this);
    this.hub = new Hub(node, this.session);
    this.core.hubUp(OWN, node, { session: this.session, address: 'here', version: '1.1' }, this.now());
    this.hub.trunkUp(config.window);
    this.planRun();
  }

  admission(peer: { readonly role: Role }): Admission {
    if (peer.role === 'master') return { ok: false, refusal: { code: 'role', reason: 'one master is enough' } };
    if (peer.role === 'aggregator')
      return { ok: true, way: 'hub>core', leader: true, credit: this.world.config.window };
    return { ok: true, way: 'leaf>hub', leader: true, credit: 0 };
  }

  leads(): boolean {
    return true;
  }

  incarnation(): string {
    return this.session;
  }

  dialWay(): Way {
    return 'core>hub';
  }

  wakeAt(): Mono | undefined {
    const core = this.core.wakeAt();
    const hub = this.hub.wakeAt();
    return core === undefined || (hub !== undefined && hub < core) ? hub : core;
  }

  tick(lateBy: number): void {
    this.#events.push(() => {
      if (isStall(lateBy, this.world.config.interval)) this.core.stalled(this.now());
      this.core.tick(this.now());
      this.hub.tick(this.now());
    });
  }

  order(order: Order): void {
    this.#push(() => this.core.order(order, this.now()));
  }

  override beforeFrame(link: LinkId): void {
    if (this.table.get(link)?.peer?.role !== 'aggregator') this.hub.heard(link, this.now());
  }

  heard(effect: Extract<LinkEffect, { kind: 'up' | 'message' | 'down' }>): void {
    const { link } = effect;
    if (effect.kind === 'up') {
      const { peer } = effect;
      this.#events.push(() => this.#up(link, peer));
    } else if (effect.kind === 'message') {
      const { message, bytes } = effect;
      this.#events.push(() => {
        this.core.hubMessage(link, message, this.now());
        this.hub.leafMessage(link, message, bytes, this.now());
      });
    } else if (effect.wasUp) {
      const { reason, planned } = effect;
      this.#events.push(() => {
        this.core.hubDown(link, reason, planned, this.now());
        this.hub.leafDown(link, reason, planned, this.now());
      });
    }
  }

  failed(): void {}

  run(): void {
    const events = this.#events;
    this.#events = [];
    for (const event of events) event();
    for (;;) {
      const up = this.hub.flush();
      for (const effect of up) this.#hubEffect(effect);
      const down = this.core.flush(this.now());
      for (const effect of down) this.#coreEffect(effect);
      if (up.length === 0 && down.length === 0) return;
    }
  }

  /** SIGTERM: says bye to everybody. */
  leave(): void {
    this.enter(() => {
      for (const link of this.table.links()) this.step({ kind: 'drop', link: link.id, reason: 'stopped', bye: true });
      this.die();
    });
  }

  #up(link: LinkId, peer: Peer): void {
    const { role, node, session, address, version } = peer;
    if (role === 'aggregator') this.core.hubUp(link, node, { session, address, version }, this.now());
    else this.hub.leafUp(link, peer);
  }

  #hubEffect(effect: HubEffect): void {
    switch (effect.kind) {
      case 'up':
        this.core.hubMessage(OWN, JSON.parse(JSON.stringify(effect.message)) as Message, this.now());
        break;
      case 'send':
        this.send(effect.link, effect.message);
        break;
      case 'drop':
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: false });
        break;
      case 'close':
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: true });
        break;
      case 'beatAll':
        for (const link of this.table.links())
          if (link.phase === 'up' && link.peer?.role !== 'aggregator') this.beat(link.id);
        break;
      case 'take':
        break; // it has no tap
      case 'log':
        this.world.log(this.node, effect);
        break;
      default:
        effect satisfies never;
    }
  }

  #coreEffect(effect: CoreEffect): void {
    const { database } = this.world;
    switch (effect.kind) {
      case 'send':
        if (!this.world.breakage.sends(effect.message)) break;
        if (effect.link !== OWN) this.send(effect.link, effect.message);
        else this.hub.trunkMessage(JSON.parse(JSON.stringify(effect.message)) as Message, this.now());
        break;
      case 'drop':
        this.world.note(`${this.node} drops a hub: ${effect.reason}`);
        this.step({ kind: 'drop', link: effect.link, reason: effect.reason, bye: false });
        break;
      case 'record':
        database.record(
          this,
          effect.record,
          (answer) => this.#push(() => this.core.recorded(answer)),
          () => this.#push(() => this.core.recordFailed(this.now())),
        );
        break;
      case 'commit':
        this.world.breakage.commit(this, effect.batches, {
          done: (results) => this.#push(() => this.core.committed(results)),
          failed: () => this.#push(() => this.core.commitFailed(this.now())),
        });
        break;
      case 'touch':
        database.touch(this, effect.seen);
        break;
      case 'serve':
        this.#serve(effect.call.id);
        break;
      case 'parts':
        this.world.commandParts(effect.id, effect.parts);
        break;
      case 'ended':
        this.world.commandEnded(effect.id);
        break;
      case 'abort':
        this.#abort(effect.id);
        break;
      case 'room':
        break;
      case 'log':
        this.world.log(this.node, effect);
        break;
      default:
        effect satisfies never;
    }
  }

  /** Answers a call after a while; every third in parts, one after the other. */
  #serve(id: string): void {
    const { random } = this;
    const { clock } = this.world;
    const parts = random.chance(0.3) ? 3 : 0;
    const next = (left: number): void => {
      const planned = clock.after(random.between(1, 30), () => {
        this.#serving.delete(id);
        this.#push(() => {
          if (left === 0) this.core.calls.ended(id, { answer: id });
          else this.core.calls.items(id, [left], 10);
        });
        if (left > 0) next(left - 1);
      });
      this.#serving.set(id, planned);
    };
    next(parts);
  }

  #abort(id: string): void {
    const planned = this.#serving.get(id);
    if (planned !== undefined) planned.cancelled = true;
    this.#serving.delete(id);
  }

  #push(event: () => void): void {
    this.enter(() => this.#events.push(event));
  }
}
