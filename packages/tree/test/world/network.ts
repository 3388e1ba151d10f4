/**
 * Connections between processes: in each direction frames arrive in order, after a latency. Between two hosts the
 * network may be cut (both ends see their connections close, dials are refused) or frozen in one or both directions
 * (nothing arrives, nobody is told, dials time out; what was sent arrives when it thaws, as TCP would have it).
 */
import type { Identity, LinkId } from '../../src/link/link.ts';
import type { Random } from './random.ts';
import type { Scheduler } from './scheduler.ts';

/** What the network needs of a process. */
export interface Party {
  readonly host: string;
  readonly identity: Identity;
  readonly alive: boolean;
  readonly stopped: boolean;
  /** Tag of the listener in this process's link table; undefined: it does not listen. */
  readonly listens: number | undefined;
  opened(link: LinkId, side: 'dialer' | 'listener', tag: number, peer: Party): void;
  frame(link: LinkId, text: string): void;
  closed(link: LinkId, reason: string): void;
  /** A dial under `tag` came to nothing. */
  failed(tag: number, reason: string): void;
}

interface Item {
  readonly at: number;
  readonly text: string | undefined;
}

interface End {
  readonly party: Party;
  readonly link: LinkId;
  open: boolean;
  /** On its way to this end; undefined text is the close. */
  readonly inbound: Item[];
  lastAt: number;
}

interface Connection {
  readonly ends: readonly [End, End];
}

export interface NetworkConfig {
  /** Least and most latency of a frame, ms. */
  readonly latency: readonly [number, number];
  /** A dial that is not answered fails after this, ms. */
  readonly dialTimeout: number;
}

export class Network {
  readonly config: NetworkConfig;
  readonly #clock: Scheduler;
  readonly #random: Random;
  readonly #byLink = new Map<LinkId, { readonly connection: Connection; readonly side: 0 | 1 }>();
  readonly #cut = new Set<string>();
  readonly #frozen = new Set<string>();
  #nextLink = 1;
  frames = 0;

  constructor(config: NetworkConfig, clock: Scheduler, random: Random) {
    this.config = config;
    this.#clock = clock;
    this.#random = random;
  }

  /** Gives what hangs up: true where the dial was still under way, of which nothing is heard then. */
  dial(from: Party, to: () => Party | undefined, tag: number): () => boolean {
    const deadline = this.#clock.now + this.config.dialTimeout;
    let over = false;
    const fail = (reason: string): void => {
      over = true;
      from.failed(tag, reason);
    };
    const later = (): void => {
      if (this.#clock.now >= deadline) fail('dial timed out');
      else this.#clock.at(Math.min(deadline, this.#clock.now + 100), attempt);
    };
    const attempt = (): void => {
      if (over || !from.alive) return;
      const target = to();
      if (target !== undefined && this.#isFrozen(from, target)) later();
      else if (target === undefined || !target.alive || target.listens === undefined || this.#isCut(from, target))
        fail('connection refused');
      else if (target.stopped) later();
      else {
        over = true;
        this.#connect(from, target, target.listens, tag);
      }
    };
    this.#clock.after(2 * this.#latency(), attempt);
    return () => {
      const inTime = !over;
      over = true;
      return inTime;
    };
  }

  send(link: LinkId, text: string): void {
    const there = this.#byLink.get(link);
    if (there === undefined || !there.connection.ends[there.side].open) return;
    this.frames++;
    this.#post(there.connection, other(there.side), text);
  }

  /** This end is done: nothing more arrives here, the other end sees the close after what was sent. */
  close(link: LinkId): void {
    const there = this.#byLink.get(link);
    if (there === undefined) return;
    this.#byLink.delete(link);
    const end = there.connection.ends[there.side];
    end.open = false;
    end.inbound.length = 0;
    this.#post(there.connection, other(there.side), undefined);
  }

  /** The process is gone: its kernel closes its sockets, and a part of what it had just sent may never arrive. */
  died(party: Party): void {
    for (const [link, { connection, side }] of this.#byLink) {
      if (connection.ends[side].party !== party) continue;
      const peer = connection.ends[other(side)];
      peer.inbound.length = this.#random.between(0, peer.inbound.length);
      this.close(link);
    }
  }

  cut(a: string, b: string): void {
    this.#cut.add(pair(a, b));
    for (const [, { connection, side }] of this.#byLink) {
      const [x, y] = connection.ends;
      if (side === 1 || !sameHosts(x, y, a, b)) continue;
      for (const end of [x, y]) {
        end.inbound.length = 0;
        this.#postTo(end, undefined);
      }
    }
  }

  join(a: string, b: string): void {
    this.#cut.delete(pair(a, b));
  }

  /** Nothing arrives at `to` from `from` any more. */
  freeze(from: string, to: string): void {
    this.#frozen.add(`${from}>${to}`);
  }

  thaw(from: string, to: string): void {
    if (!this.#frozen.delete(`${from}>${to}`)) return;
    for (const { connection, side } of this.#byLink.values()) {
      const end = connection.ends[side];
      if (end.party.host === to && connection.ends[other(side)].party.host === from) this.#pump(end, from);
    }
  }

  heal(): void {
    this.#cut.clear();
    for (const key of this.#frozen) {
      const [from = '', to = ''] = key.split('>');
      this.thaw(from, to);
    }
  }

  #connect(from: Party, target: Party, listener: number, tag: number): void {
    const end = (party: Party): End => ({ party, link: this.#nextLink++, open: true, inbound: [], lastAt: 0 });
    const connection: Connection = { ends: [end(from), end(target)] };
    const [a, b] = connection.ends;
    this.#byLink.set(a.link, { connection, side: 0 });
    this.#byLink.set(b.link, { connection, side: 1 });
    target.opened(b.link, 'listener', listener, from);
    from.opened(a.link, 'dialer', tag, target);
  }

  #post(connection: Connection, to: 0 | 1, text: string | undefined): void {
    const end = connection.ends[to];
    if (end.open) this.#postTo(end, text);
  }

  #postTo(end: End, text: string | undefined): void {
    const at = Math.max(end.lastAt, this.#clock.now + this.#latency());
    end.lastAt = at;
    end.inbound.push({ at, text });
    const from = this.#peerOf(end);
    this.#clock.at(at, () => this.#pump(end, from));
  }

  #peerOf(end: End): string {
    const there = this.#byLink.get(end.link);
    return there === undefined ? '' : there.connection.ends[other(there.side)].party.host;
  }

  #pump(end: End, from: string): void {
    while (end.open && !this.#frozen.has(`${from}>${end.party.host}`)) {
      const item = end.inbound[0];
      if (item === undefined || item.at > this.#clock.now) return;
      end.inbound.shift();
      if (item.text !== undefined) {
        end.party.frame(end.link, item.text);
        continue;
      }
      end.open = false;
      this.#byLink.delete(end.link);
      end.party.closed(end.link, 'the connection was closed');
    }
  }

  #isCut(a: Party, b: Party): boolean {
    return this.#cut.has(pair(a.host, b.host));
  }

  #isFrozen(a: Party, b: Party): boolean {
    return this.#frozen.has(`${a.host}>${b.host}`) || this.#frozen.has(`${b.host}>${a.host}`);
  }

  #latency(): number {
    return this.#random.between(...this.config.latency);
  }
}

const other = (side: 0 | 1): 0 | 1 => (side === 0 ? 1 : 0);
const pair = (a: string, b: string): string => (a < b ? `${a}~${b}` : `${b}~${a}`);
const sameHosts = (x: End, y: End, a: string, b: string): boolean => pair(x.party.host, y.party.host) === pair(a, b);
