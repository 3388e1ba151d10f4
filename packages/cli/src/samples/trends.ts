/** What a table shows of samples: a row for each node and metric, however many samples there are. */
import { compareNames } from '@csm/nodeset';
import { type Bins, type Point, TimeBins } from './bins.ts';
import { type Sample, timeOf } from './sample.ts';

export interface TrendRow {
  readonly node: string;
  readonly metric: string;
  readonly last: number;
  readonly min: number;
  readonly avg: number;
  readonly max: number;
  readonly points: readonly Point[];
}

interface Series {
  readonly node: string;
  readonly metric: string;
  readonly bins: Bins;
  lastTime: number;
  last: number;
  min: number;
  max: number;
  /** Running: a sum would lose digits. */
  avg: number;
  count: number;
}

/** Rows of one table: nobody reads more, and each takes some KiB until the end. */
export const ROWS_MAX = 10_000;
/** Bins of a row; a sparkline is shorter. */
const BINS = 64;

export class Trends {
  readonly #bins: TimeBins;
  readonly #nodes = new Map<string, Map<string, Series>>();
  /** Metrics in the order of their first appearance. */
  readonly #order = new Map<string, number>();
  readonly #most: number;
  #size = 0;
  /** Samples with values for which no row was left. */
  cut = 0;

  /** `stepMs` when the samples are known to stand on such steps. */
  constructor(stepMs?: number, most = ROWS_MAX) {
    this.#bins = new TimeBins(BINS, stepMs);
    this.#most = most;
  }

  get size(): number {
    return this.#size;
  }

  add(sample: Sample): void {
    const time = timeOf(sample);
    let isCut = false;
    for (const [metric, value] of Object.entries(sample.values)) {
      const series = this.#series(sample.node, metric, value);
      if (series === undefined) isCut = true;
      else this.#count(series, time, value);
    }
    if (isCut) this.cut++;
  }

  /** By node in natural order, then by metric as the samples have them. */
  rows(): TrendRow[] {
    const rows: TrendRow[] = [];
    for (const node of [...this.#nodes.keys()].sort(compareNames)) {
      const all = [...(this.#nodes.get(node)?.values() ?? [])];
      all.sort((a, b) => (this.#order.get(a.metric) ?? 0) - (this.#order.get(b.metric) ?? 0));
      for (const { metric, last, min, avg, max, bins } of all) {
        rows.push({ node, metric, last, min, avg, max, points: this.#bins.points(bins) });
      }
    }
    return rows;
  }

  #series(node: string, metric: string, value: number): Series | undefined {
    let metrics = this.#nodes.get(node);
    const known = metrics?.get(metric);
    if (known !== undefined) return known;
    if (this.#size >= this.#most) return undefined;
    this.#size++;
    if (!this.#order.has(metric)) this.#order.set(metric, this.#order.size);
    const bins = this.#bins.series();
    const lastTime = Number.NEGATIVE_INFINITY;
    const series = { node, metric, bins, lastTime, last: value, min: value, max: value, avg: 0, count: 0 };
    if (metrics === undefined) {
      metrics = new Map();
      this.#nodes.set(node, metrics);
    }
    metrics.set(metric, series);
    return series;
  }

  #count(series: Series, time: number, value: number): void {
    this.#bins.add(series.bins, time, value);
    series.min = Math.min(series.min, value);
    series.max = Math.max(series.max, value);
    series.count++;
    series.avg += value / series.count - series.avg / series.count;
    if (time < series.lastTime) return;
    series.lastTime = time;
    series.last = value;
  }
}
