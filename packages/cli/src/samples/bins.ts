/**
 * Samples of many series in a bounded number of bins, on one time axis that all share. When a sample lies outside, the
 * axis doubles the width of its bins until it holds it: nothing must be known before of when samples begin and end.
 */

/** One series: what fell into each bin. */
export interface Bins {
  readonly count: Uint32Array;
  readonly sum: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  /** Sum of times since the origin at the first sample, ms: a bin's samples stand at their mean time. */
  readonly times: Float64Array;
}

/** What a bin holds, ms UTC. */
export interface Point {
  readonly time: number;
  readonly avg: number;
  readonly min: number;
  readonly max: number;
}

/** Larger ones are told as this: sums and differences of what is drawn stay finite. */
const VALUE_MAX = 1e290;

export class TimeBins {
  readonly size: number;
  readonly #all: Bins[] = [];
  #width: number;
  /** Where the first bin begins, and the first sample ever, ms UTC. */
  #origin: number | undefined;
  #base = 0;

  /** `size` bins, an even number, of at first `width` ms each, such as the step of the samples. */
  constructor(size: number, width = 1000) {
    this.size = size;
    this.#width = width;
  }

  /** ms of one bin. */
  get width(): number {
    return this.#width;
  }

  /** A series without samples. */
  series(): Bins {
    const bins: Bins = {
      count: new Uint32Array(this.size),
      sum: new Float64Array(this.size),
      min: new Float64Array(this.size),
      max: new Float64Array(this.size),
      times: new Float64Array(this.size),
    };
    this.#all.push(bins);
    return bins;
  }

  /** Forgets a series. */
  drop(bins: Bins): void {
    const at = this.#all.indexOf(bins);
    if (at >= 0) this.#all.splice(at, 1);
  }

  /** `time` in ms UTC, both finite. */
  add(bins: Bins, time: number, given: number): void {
    const at = this.#bin(time);
    const value = Math.max(-VALUE_MAX, Math.min(VALUE_MAX, given));
    const before = bins.count[at] ?? 0;
    bins.min[at] = before === 0 ? value : Math.min(bins.min[at] ?? value, value);
    bins.max[at] = before === 0 ? value : Math.max(bins.max[at] ?? value, value);
    bins.count[at] = before + 1;
    bins.sum[at] = (bins.sum[at] ?? 0) + value;
    bins.times[at] = (bins.times[at] ?? 0) + (time - this.#base);
  }

  /** Makes bins of at least so many ms, for good. */
  coarsen(ms: number): void {
    while (this.#width < ms) this.#double(false);
  }

  /** The bins that hold something, by time. */
  points(bins: Bins): Point[] {
    const points: Point[] = [];
    for (let at = 0; at < this.size; at++) {
      const n = bins.count[at] ?? 0;
      if (n === 0) continue;
      const [sum = 0, min = 0, max = 0, times = 0] = [bins.sum[at], bins.min[at], bins.max[at], bins.times[at]];
      points.push({ time: this.#base + times / n, avg: sum / n, min, max });
    }
    return points;
  }

  #bin(time: number): number {
    let origin = this.#origin;
    if (origin === undefined) {
      this.#base = time;
      origin = Math.floor(time / this.#width) * this.#width;
    }
    while (time < origin) {
      origin -= this.size * this.#width;
      this.#double(true);
    }
    while (time >= origin + this.size * this.#width) this.#double(false);
    this.#origin = origin;
    return Math.floor((time - origin) / this.#width);
  }

  /** Twice the span, to the left or to the right; pairs of bins become one. */
  #double(toLeft: boolean): void {
    this.#width *= 2;
    for (const bins of this.#all) halve(bins, toLeft ? this.size / 2 : 0);
  }
}

/** Merges pairs of bins; the result begins at `offset`. */
function halve(bins: Bins, offset: number): void {
  const size = bins.count.length;
  const old = { ...bins, count: bins.count.slice(), sum: bins.sum.slice(), times: bins.times.slice() };
  const [min, max] = [bins.min.slice(), bins.max.slice()];
  for (const list of [bins.count, bins.sum, bins.min, bins.max, bins.times]) list.fill(0);
  for (let at = 0; at < size; at++) {
    const n = old.count[at] ?? 0;
    if (n === 0) continue;
    const to = offset + (at >> 1);
    const isFirst = bins.count[to] === 0;
    bins.min[to] = isFirst ? (min[at] ?? 0) : Math.min(bins.min[to] ?? 0, min[at] ?? 0);
    bins.max[to] = isFirst ? (max[at] ?? 0) : Math.max(bins.max[to] ?? 0, max[at] ?? 0);
    bins.count[to] = (bins.count[to] ?? 0) + n;
    bins.sum[to] = (bins.sum[to] ?? 0) + (old.sum[at] ?? 0);
    bins.times[to] = (bins.times[to] ?? 0) + (old.times[at] ?? 0);
  }
}

/** The usual time between two samples, ms: the median of what lies between neighbours; 0 for less than two. */
export function usualGap(times: readonly number[]): number {
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  gaps.sort((a, b) => a - b);
  return gaps[Math.floor((gaps.length - 1) / 2)] ?? 0;
}
