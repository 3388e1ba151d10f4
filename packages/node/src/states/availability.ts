/**
 * How long nodes were in which state, and how often they failed, out of the rows of their history.
 *
 * A failure begins with SOFT_FAILURE or HARD_FAILURE and lasts until the node is IN_SERVICE or DISCOVERED again, so that
 * its repair counts. Mean time between failures: the time without failure over their number; mean time to repair: the
 * time with failure over their number. Time before a node was known, or after it was deleted, does not count.
 */
import { isFailure, NODE_STATES, type NodeState } from './table.ts';

/** One row of the history. */
export interface Step {
  /** Wall ms. */
  readonly time: number;
  readonly from: NodeState | null;
  readonly to: NodeState | null;
}

export interface Period {
  readonly from: number;
  readonly to: number;
}

export interface Sum {
  readonly ms: { readonly [state in NodeState]: number };
  readonly failures: number;
  /** With failure, ms. */
  readonly failedMs: number;
}

export const NO_TIME: Sum = {
  ms: Object.fromEntries(NODE_STATES.map((state) => [state, 0])) as Record<NodeState, number>,
  failures: 0,
  failedMs: 0,
};

export function add(a: Sum, b: Sum): Sum {
  return {
    ms: Object.fromEntries(NODE_STATES.map((state) => [state, a.ms[state] + b.ms[state]])) as Record<NodeState, number>,
    failures: a.failures + b.failures,
    failedMs: a.failedMs + b.failedMs,
  };
}

/** One node, fed with its rows from the beginning of the period to now, oldest first. */
export class NodeTime {
  readonly #period: Period;
  readonly #ms = { ...NO_TIME.ms };
  #failures = 0;
  #failedMs = 0;
  #failing = false;
  #at: number;
  #known = false;

  constructor(period: Period) {
    this.#period = period;
    this.#at = period.from;
  }

  step({ time, from, to }: Step): void {
    this.#until(time, from);
    const counts = time < this.#period.to;
    if (to === null || to === 'IN_SERVICE' || to === 'DISCOVERED') this.#failing = false;
    else if (isFailure(to) && !this.#failing) {
      this.#failing = true;
      if (counts) this.#failures++;
    }
    this.#known = true;
  }

  /** `state`: the one it is in now; null when it is not known any more. */
  end(state: NodeState | null): Sum {
    this.#until(this.#period.to, state);
    return { ms: this.#ms, failures: this.#failures, failedMs: this.#failedMs };
  }

  /** It was in this state from the last step until `time`. */
  #until(time: number, state: NodeState | null): void {
    const end = Math.min(Math.max(time, this.#at), this.#period.to);
    const ms = end - this.#at;
    this.#at = end;
    if (state === null) return;
    // What failed before the period began goes on failing; it is no failure of this period.
    if (!this.#known && isFailure(state)) this.#failing = true;
    this.#ms[state] += ms;
    if (this.#failing) this.#failedMs += ms;
  }
}

const HOUR_MS = 3_600_000;
const rounded = (value: number): number => Math.round(value * 1000) / 1000;

export interface Told {
  readonly hours: { readonly [state: string]: number };
  readonly percent: { readonly [state: string]: number };
  readonly failures: number;
  readonly mtbf_hours: number | null;
  readonly mttr_hours: number | null;
}

/** In hours and percent; states without time are left out. */
export function told({ ms, failures, failedMs }: Sum): Told {
  const total = NODE_STATES.reduce((sum, state) => sum + ms[state], 0);
  const states = NODE_STATES.filter((state) => ms[state] > 0);
  return {
    hours: Object.fromEntries(states.map((state) => [state, rounded(ms[state] / HOUR_MS)])),
    percent: Object.fromEntries(states.map((state) => [state, rounded((100 * ms[state]) / total)])),
    failures,
    mtbf_hours: failures === 0 ? null : rounded((total - failedMs) / failures / HOUR_MS),
    mttr_hours: failures === 0 ? null : rounded(failedMs / failures / HOUR_MS),
  };
}
