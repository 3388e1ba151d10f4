/**
 * How long from acceptance to acknowledgement, of a few nodes: acknowledgements are cumulative, so the n-th one of a
 * node answers its n-th acceptance.
 */
import type { LeafShell } from '@csm/tree';

/** How often the counts are looked at, ms: the figures are up to so much too long. */
const LOOK_MS = 5;
/** Times kept; beyond it the oldest go. */
const KEPT_MAX = 100_000;

interface Watched {
  readonly leaf: () => LeafShell | undefined;
  /** When the acceptances not yet acknowledged were seen, oldest first. */
  readonly waiting: number[];
  accepted: number;
  /** Acknowledgements up to here are taken into account. */
  answered: number;
}

export class LatencyWatch {
  #times: number[] = [];
  readonly #watched: Watched[];
  #timer: NodeJS.Timeout | undefined;

  constructor(leaves: readonly (() => LeafShell | undefined)[]) {
    this.#watched = leaves.map((leaf) => ({ leaf, waiting: [], accepted: -1, answered: 0 }));
  }

  start(): void {
    this.#timer ??= setInterval(() => this.#look(), LOOK_MS);
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
  }

  /** The times since the last call, ms. */
  take(): number[] {
    const times = this.#times;
    this.#times = [];
    return times;
  }

  #look(): void {
    const now = performance.now();
    for (const one of this.#watched) {
      const counters = one.leaf()?.leaf.outbox.counters;
      if (counters === undefined) continue;
      const { accepted, acknowledged } = counters;
      // A node that began anew, or that we see for the first time: what it has under way is not timed.
      if (accepted < one.accepted || one.accepted < 0) {
        Object.assign(one, { accepted, answered: accepted });
        one.waiting.length = 0;
        continue;
      }
      for (; one.accepted < accepted; one.accepted++) one.waiting.push(now);
      for (; one.answered < acknowledged; one.answered++) {
        const since = one.waiting.shift();
        if (since !== undefined) this.#times.push(Math.round((now - since) * 10) / 10);
      }
    }
    if (this.#times.length > KEPT_MAX) this.#times = this.#times.slice(-KEPT_MAX);
  }
}
