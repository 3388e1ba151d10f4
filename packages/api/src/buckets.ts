/** Allowances that fill again with time, one for each key. Time is an argument. */
export class Buckets {
  readonly #most: number;
  readonly #everyMs: number;
  readonly #keys: number;
  readonly #left = new Map<string, { tokens: number; at: number }>();

  /** `most` at once, one more every `everyMs`; no more than `keys` are remembered, the longest unused is forgotten. */
  constructor(most: number, everyMs: number, keys: number) {
    this.#most = most;
    this.#everyMs = everyMs;
    this.#keys = keys;
  }

  /** Takes one; false when there was none. `now` in ms. */
  take(key: string, now: number): boolean {
    const tokens = this.#tokens(key, now);
    const isThere = tokens >= 1;
    this.#left.delete(key);
    if (this.#left.size >= this.#keys) {
      const oldest = this.#left.keys().next().value;
      if (oldest !== undefined) this.#left.delete(oldest);
    }
    this.#left.set(key, { tokens: isThere ? tokens - 1 : tokens, at: now });
    return isThere;
  }

  /** Milliseconds until there is one; 0 when there is. */
  wait(key: string, now: number): number {
    return Math.max(0, Math.ceil((1 - this.#tokens(key, now)) * this.#everyMs));
  }

  #tokens(key: string, now: number): number {
    const left = this.#left.get(key);
    return left === undefined ? this.#most : Math.min(this.#most, left.tokens + (now - left.at) / this.#everyMs);
  }
}
