import { after, type DaemonId, type Mono, type Role, type Wall } from '@csm/model';
import type { Way } from '@csm/protocol';

/** A shell's number for one connection; never used again within a process. */
export type LinkId = number;

/** Silent intervals after which a peer counts as lost. */
export const MISSED_BEATS = 3;
export const INTERVAL_MIN = 200;
export const INTERVAL_MAX = 3_600_000;
export const INTERVAL_DEFAULT = 15_000;

/** Who the peer's certificate says it is, and what is wrong with that certificate, in words. */
export interface Identity {
  readonly role: Role;
  readonly node: string;
  readonly fault?: string;
}

/** The other end of a link that is up. */
export interface Peer {
  readonly role: Role;
  readonly node: string;
  readonly daemon: DaemonId;
  readonly incarnation: string;
  readonly session: string;
  readonly version: string;
  readonly address: string;
  readonly since: Wall;
  /** How far the peer's clock is ahead of ours, ms, with half a round trip of error; absent before 1.1. */
  readonly clockOffset?: number;
  /** From a hub: whether it reached the leader when it said welcome. */
  readonly leader: boolean;
  /** From a hub: bytes that may be sent at first. */
  readonly credit: number;
  /** From a leading master since 1.3: the term under which it leads. */
  readonly term?: number;
}

export type Phase = 'greeting' | 'probing' | 'up';

/** One connection. Liveness needs only these few fields, so a frame costs two assignments and no allocation. */
export interface Link {
  readonly id: LinkId;
  readonly side: 'dialer' | 'listener';
  /** The shell's own mark, handed back with every effect: which candidate was dialled, or which listener. */
  readonly tag: number;
  readonly address: string;
  readonly identity: Identity;
  readonly openedAt: Mono;
  phase: Phase;
  way: Way;
  interval: number;
  heardAt: Mono;
  sentAt: Mono;
  peer?: Peer;
  /** The peer said goodbye: its loss is no failure. */
  bye?: string;
  /** It is lost for its silence. */
  silent?: boolean;
  /** While probing: the older link of the same daemon that was asked for a beat. */
  rival?: LinkId;
  /** When we ourselves last woke from a sleep that is long for this link. */
  stalledAt?: Mono;
}

/** A listener looks at its links in so many steps of an interval: fewer wake it less often, and let it beat later. */
const LISTENER_STEPS = 8;

/**
 * When we beat by our own clock: one interval after the last frame we sent. A listener beats in answer to its dialer
 * (`owesAnswer`), whose interval is the same: it leaves it at least a step to be first, and does what is due in one step
 * at once. So its own beats are at most a quarter of an interval late: two of them fit in the three after which it is lost.
 */
export function beatDue({ side, sentAt, interval }: Link): Mono {
  if (side === 'dialer') return after(sentAt, interval);
  const step = interval / LISTENER_STEPS;
  return (Math.ceil(sentAt / step + LISTENER_STEPS + 1) * step) as Mono;
}

/**
 * Whether a listener beats in answer to a beat: the read has the link at hand, which makes it half as dear as a beat by
 * its own clock. Not within half an interval of another frame: nobody can draw more than two beats an interval from it.
 */
export const owesAnswer = (link: Link, now: Mono): boolean =>
  link.side === 'listener' && now - link.sentAt >= link.interval / 2;

/**
 * When the peer counts as lost: three intervals after the last frame. After a stall of our own (we were stopped, or
 * busy) nothing is believed until one more interval has passed, in which the waiting frames are read.
 */
export function lostDue(link: Link): Mono {
  const due = after(link.heardAt, MISSED_BEATS * link.interval);
  if (link.stalledAt === undefined) return due;
  const trust = after(link.stalledAt, link.interval);
  return trust > due ? trust : due;
}

/** A timer that fired later than half an interval says that we ourselves were asleep. */
export const isStall = (lateBy: number, interval: number): boolean => lateBy > interval / 2;
