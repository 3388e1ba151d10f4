/** How long to wait before the next attempt. */

/** First pause at most. Unit: ms. Smaller finds a restarted peer sooner and asks more of a dead one. */
export const DEFAULT_BACKOFF_BASE = 500;
/** Longest pause. Unit: ms. Larger spares a network that is down and delays the return of its nodes. */
export const DEFAULT_BACKOFF_CAP = 30_000;

export interface Backoff {
  readonly base: number;
  readonly cap: number;
}

/**
 * Full jitter: a pause drawn evenly from [0, min(cap, base · 2^attempt)), so that a thousand nodes that lost one peer
 * do not return in one instant. `attempt` counts from 0; `random01` is in [0, 1). Result: whole milliseconds.
 */
export function backoffDelay(attempt: number, { base, cap }: Backoff, random01: number): number {
  // 2^attempt passes every cap long before it could overflow.
  const ceiling = Math.min(cap, base * 2 ** Math.min(Math.max(attempt, 0), 52));
  return Math.floor(random01 * ceiling);
}
