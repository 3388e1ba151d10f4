/**
 * Two clocks, never mixed. Deadlines are reckoned on the monotonic one, records carry the other.
 * Both count milliseconds; the brands make a mistaken assignment a compile error.
 */

/** Milliseconds on the process's monotonic clock. Means nothing in another process. */
export type Mono = number & { readonly __clock: 'mono' };

/** Integer milliseconds since 1970-01-01T00:00:00 UTC. */
export type Wall = number & { readonly __clock: 'wall' };

/** The present moment as machines receive it. */
export interface Now {
  readonly mono: Mono;
  readonly wall: Wall;
}

export const mono = (ms: number): Mono => ms as Mono;
export const wall = (ms: number): Wall => ms as Wall;

/** `base` moved by `ms`; the only arithmetic a deadline needs. */
export const after = (base: Mono, ms: number): Mono => (base + ms) as Mono;

/** The earlier of two optional moments. */
export function earliest(a: Mono | undefined, b: Mono | undefined): Mono | undefined {
  if (a === undefined) return b;
  if (b === undefined) return a;
  return a < b ? a : b;
}
