/** Bounds the log lines that strangers can cause: a burst, then so many a second; what is left out is counted. */
import type { Mono } from '@csm/model';

/** Lines at once, and lines a second from then on. */
export const LINES_BURST = 100;
export const LINES_A_SECOND = 5;

export class LineLimit {
  #room = LINES_BURST;
  #at: Mono | undefined;
  #leftOut = 0;

  /** How many lines were left out since the last one that was let through; undefined when this one is left out too. */
  take(now: Mono): number | undefined {
    const grown = this.#at === undefined ? 0 : ((now - this.#at) / 1000) * LINES_A_SECOND;
    this.#room = Math.min(LINES_BURST, this.#room + grown);
    this.#at = now;
    if (this.#room < 1) {
      this.#leftOut++;
      return undefined;
    }
    this.#room--;
    const leftOut = this.#leftOut;
    this.#leftOut = 0;
    return leftOut;
  }
}
