import type { Mono } from '@csm/model';
import type { Backoff } from '../backoff.ts';
import type { LinkId } from '../link/link.ts';

/** Where a node may link to, in its order of preference. */
export interface Candidate {
  readonly name: string;
  phase: 'idle' | 'dialing' | 'up';
  /** Failed dials since the link last stood for an interval. */
  attempt: number;
  /** When it may be dialled again. */
  retryAt: Mono;
  dialedAt: Mono;
  /** Of a dial under way: when it is no reason any more to wait for it alone. */
  slowAt: Mono;
  link?: LinkId;
  upAt: Mono;
  /** Whether it reaches the leader, by its own word, and since when we believe so. */
  leader: boolean;
  leaderSince: Mono;
  /** Of a master that leads: under which term; absent where it tells none. */
  term?: number;
  /** It said goodbye, and closes or is drained; nothing is claimed there unless no other is linked. */
  draining: boolean;
  /** Why it is not up, in words. */
  reason?: string;
  refused: boolean;
  /** A dial was hung up since it was up last. */
  calledOff: boolean;
}

export interface FailoverConfig {
  /** Heartbeat interval, ms. */
  readonly interval: number;
  readonly backoff: Backoff;
  /** While nobody listens there: such a dial costs next to nothing. */
  readonly absent: Backoff;
  /** After all links were lost, from the claim until the next one is made, ms; up to as much again by chance. */
  readonly secondaryWait: number;
  /** Base of the wait after a refusal, ms; the peer will hardly change its mind at once. */
  readonly refusedRetry: number;
  /** How long the configured primary must be back and well before the node returns to it, ms. */
  readonly returnAfter: number;
  /** The return of many nodes is spread over this, ms. */
  readonly returnSpread: number;
  /**
   * The candidates are masters, of which one leads. They are few, and so are those that dial them: all are linked at
   * once, and the one that says that it leads is claimed without waiting. Default: they are hubs.
   */
  readonly masters?: boolean;
}

export interface FailoverState {
  readonly config: FailoverConfig;
  readonly candidates: Candidate[];
  /** The highest term of this node that it ever used or heard of. */
  term: number;
  /** The candidate that holds our newest claim. */
  primary?: number;
  /** `sent`: no answer yet; `held`: the hub agrees but reaches no leader; `confirmed`: the leader knows. */
  claim: 'none' | 'sent' | 'held' | 'confirmed';
  /** Since all links were lost: a second one is not made before this. */
  restUntil: Mono;
  /** A move that waits for its moment. */
  move?: { readonly to: number; readonly at: Mono; readonly why: 'leader' | 'return' | 'rebalance' };
  stopping: boolean;
}

export type FailoverEvent =
  | { readonly kind: 'start' }
  | { readonly kind: 'tick' }
  | {
      readonly kind: 'up';
      readonly candidate: number;
      readonly link: LinkId;
      readonly leader: boolean;
      readonly term?: number;
    }
  | { readonly kind: 'connected'; readonly candidate: number }
  /** `absent`: nobody listens there. `silent`: a link is lost because nothing was heard on it. */
  | {
      readonly kind: 'down';
      readonly candidate: number;
      readonly reason: string;
      readonly refused: boolean;
      readonly absent?: boolean;
      readonly silent?: boolean;
    }
  /** A dial has ended because it was hung up. */
  | { readonly kind: 'calledOff'; readonly candidate: number }
  | { readonly kind: 'claimed'; readonly candidate: number; readonly term: number; readonly confirmed: boolean }
  | { readonly kind: 'behind'; readonly candidate: number; readonly term: number }
  | { readonly kind: 'demoted'; readonly candidate: number; readonly term: number }
  | { readonly kind: 'leader'; readonly candidate: number; readonly leader: boolean }
  | { readonly kind: 'bye'; readonly candidate: number }
  /** Our incarnation changed: the primary must hear of it by a claim. */
  | { readonly kind: 'reclaim' }
  | { readonly kind: 'rebalance'; readonly spread: number }
  | { readonly kind: 'stop' };

export type FailoverEffect =
  | { readonly kind: 'dial'; readonly candidate: number }
  /** End a dial that is under way: `calledOff` follows, or `up` or `down` where it was over already. */
  | { readonly kind: 'hangUp'; readonly candidate: number }
  | { readonly kind: 'drop'; readonly candidate: number; readonly reason: string }
  /** Send the claim; store the term, but do not wait for it. */
  | { readonly kind: 'claim'; readonly candidate: number; readonly term: number; readonly why: string }
  /** No link holds our claim any more. */
  | { readonly kind: 'orphaned' };

export function initialFailover(names: readonly string[], term: number, config: FailoverConfig): FailoverState {
  const zero = 0 as Mono;
  const candidates = names.map(
    (name): Candidate => ({
      name,
      phase: 'idle',
      attempt: 0,
      retryAt: zero,
      dialedAt: zero,
      slowAt: zero,
      upAt: zero,
      leader: false,
      leaderSince: zero,
      draining: false,
      calledOff: false,
      refused: false,
    }),
  );
  return { config, candidates, term, claim: 'none', restUntil: zero, stopping: false };
}
