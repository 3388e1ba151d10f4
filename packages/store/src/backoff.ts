/** Pauses between retries. */

/** Full jitter: a random pause below min(maxMs, firstMs · 2^failures), so that many do not retry in step. */
export function fullJitter(failures: number, firstMs: number, maxMs: number, random: number): number {
  return Math.floor(random * Math.min(maxMs, firstMs * 2 ** Math.min(failures, 30)));
}
