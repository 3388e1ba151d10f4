/** How long to wait before dialling again. */
export interface Backoff {
  /** The span of the first wait, ms. */
  readonly base: number;
  /** No span is longer, ms. */
  readonly cap: number;
}

/**
 * Full jitter: a moment drawn from the whole span, which doubles with each failed attempt. Drawing from all of it, and
 * not from its end, is what spreads ten thousand nodes that lost the same aggregator in one instant.
 * `attempt` counts failures, from 0; `chance` is in [0, 1).
 */
export function backoffDelay(attempt: number, { base, cap }: Backoff, chance: number): number {
  return chance * Math.min(cap, base * 2 ** Math.min(attempt, 30));
}
