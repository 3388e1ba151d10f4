/**
 * How a hub shares the leader's credit among its nodes.
 *
 * The leader gives a hub a window of W bytes and refills it as it commits. Half of the window at most lies idle at the
 * nodes: every node that is primary here may hold a standing share of it, so that a rare report leaves without asking.
 * The rest is lent to nodes that `want` more, first come first served, a whole want at a time. A node wants what its
 * next frame is short of and sends it at once, so what is lent comes back, and the node at the head of the line is
 * always served. Where many joined before and hold the whole idle half, a node goes without a standing share and asks.
 *
 * A standing share is filled up with the acknowledgement of what was sent on it, so that both leave in one write: a
 * frame apart would cost this hub and the node as much as the acknowledgement does. Who sends more until then asks.
 *
 * Whatever a node asks for, no more than two full frames are granted to it and unused: who wants again and again and
 * sends nothing takes nothing from the others.
 *
 * What flows up a trunk was granted here before, so the hub needs no store of its own and never pauses a socket.
 */
import { MAX_REPORT_BYTES } from '@csm/protocol';

/** Holds what a round of collectors makes at once: what leaves without asking costs one frame up and none down. */
export const STANDING_MAX = 16 * 1024;
/** Granted to one node and not yet used, at most. */
export const OUTSTANDING_MAX = 2 * MAX_REPORT_BYTES;

interface Share {
  /** Granted as a standing share and not yet used. */
  idle: number;
  /** Granted for a want and not yet used. */
  lent: number;
  /** Bytes it asked for and still waits for. */
  want: number;
}

export interface Grant<Key> {
  readonly key: Key;
  readonly bytes: number;
}

export class CreditShare<Key> {
  #window = 0;
  #pool = 0;
  /** Sum of all idle shares: never above half the window. */
  #idle = 0;
  readonly #shares = new Map<Key, Share>();
  /** Who waits for a grant, longest first. */
  readonly #queue = new Set<Key>();

  get pool(): number {
    return this.#pool;
  }

  /** Granted to `key` and not yet used. */
  outstanding(key: Key): number {
    const share = this.#shares.get(key);
    return share === undefined ? 0 : share.idle + share.lent;
  }

  /**
   * A (new) connection to the leader: its window replaces all earlier ones. Nobody waits any longer: each node asks
   * again once the leader has confirmed it.
   */
  reset(window: number): void {
    this.#window = window;
    this.#pool = window;
    for (const share of this.#shares.values()) {
      this.#pool -= share.idle + share.lent;
      share.want = 0;
    }
  }

  /** A node chose this hub as its primary. */
  join(key: Key): void {
    if (this.#shares.has(key)) return;
    this.#shares.set(key, { idle: 0, lent: 0, want: 0 });
    this.#queue.add(key);
  }

  /** Its link is gone, or serves as a secondary again: what it did not use comes back. */
  leave(key: Key): void {
    const share = this.#shares.get(key);
    if (share === undefined) return;
    this.#pool += share.idle + share.lent;
    this.#idle -= share.idle;
    this.#shares.delete(key);
    this.#queue.delete(key);
  }

  /** A frame charged with `bytes` came from the node. False: it had no credit for it. */
  used(key: Key, bytes: number): boolean {
    const share = this.#shares.get(key);
    if (share === undefined || bytes > share.idle + share.lent) return false;
    const lent = Math.min(share.lent, bytes);
    share.lent -= lent;
    share.idle -= bytes - lent;
    this.#idle -= bytes - lent;
    if (share.want > 0) this.#queue.add(key);
    return true;
  }

  /** Something the node sent is stored, and it is told so: what its standing share lacks goes with that word. */
  stored(key: Key): void {
    const share = this.#shares.get(key);
    if (share !== undefined && share.idle + share.lent < this.#standing() / 2) this.#queue.add(key);
  }

  /** The node is short of `bytes`. Replaces what it wanted before. */
  want(key: Key, bytes: number): void {
    const share = this.#shares.get(key);
    if (share === undefined) return;
    share.want = Math.max(0, bytes);
    this.#queue.add(key);
  }

  /** The leader has room for `bytes` again. */
  refill(bytes: number): void {
    this.#pool = Math.min(this.#window, this.#pool + bytes);
  }

  /** What can be granted now; the caller sends it. */
  grants(): Grant<Key>[] {
    const out: Grant<Key>[] = [];
    if (this.#half() === 0) return out; // no leader yet: the line waits
    for (const key of this.#queue) {
      const share = this.#shares.get(key);
      const bytes = share === undefined ? 0 : this.#due(share);
      if (bytes > this.#pool) break;
      this.#queue.delete(key);
      if (share === undefined || bytes === 0) continue;
      this.#pool -= bytes;
      if (share.want > 0) {
        share.lent += bytes;
        share.want -= bytes;
        if (share.want > 0) this.#queue.add(key);
      } else {
        share.idle += bytes;
        this.#idle += bytes;
      }
      out.push({ key, bytes });
    }
    return out;
  }

  #half(): number {
    return Math.floor(this.#window / 2);
  }

  #standing(): number {
    return Math.min(STANDING_MAX, Math.floor(this.#half() / Math.max(1, this.#shares.size)));
  }

  /**
   * What a node in the line gets: its want, of which half the window is always to be had; else its standing share.
   * A want beyond the node's bound waits outside the line until the node has sent something.
   */
  #due(share: Share): number {
    if (share.want > 0)
      return Math.min(share.want, this.#half(), Math.max(0, OUTSTANDING_MAX - share.idle - share.lent));
    const bytes = Math.max(0, this.#standing() - share.idle - share.lent);
    return this.#idle + bytes > this.#half() ? 0 : bytes;
  }
}
