/**
 * From two readings of one item to its values. Pure.
 *
 * | the counter…                                   | gives                                                        |
 * |------------------------------------------------|--------------------------------------------------------------|
 * | was not there at the reading before            | nothing                                                      |
 * | grew                                           | its growth; more than can be true is a lie and fails the item |
 * | fell, and beginning again at 0 explains it      | its growth through the wrap                                  |
 * | fell otherwise: it was set back                | nothing this round                                           |
 * | could have wrapped more than once in this time  | nothing: no growth can be told                               |
 */
import type { Values } from '../items.ts';
import type { Metric } from './metrics.ts';
import type { Counter, Reading } from './reading.ts';

/** Counters of a reading with the monotonic ms it was made at. */
export interface Before {
  readonly counters: ReadonlyMap<string, Counter>;
  readonly mono: number;
}

/**
 * Clocks of the kernel and ours differ, and a time counter moves in ticks: a share of time may come out above 100 %.
 * Up to twice that it is 100 %.
 */
const PERCENT_SLACK = 2;

/** Kernel shares of time may step back a little (iowait, idle): as much as 10 s in ticks of a hundredth. */
const BACKSTEP_MAX = 1000;

/**
 * Values of a reading made at `mono`; `before` is the reading its rates are reckoned from, undefined at the first.
 * Throws an `Error` that names the value when a counter grew more than can be true.
 */
export function toValues(now: Reading, mono: number, before: Before | undefined): Values {
  const values: Record<string, number> = {};
  for (const [name, value] of now.gauges) values[name] = rounded(value);
  const seconds = before === undefined ? 0 : (mono - before.mono) / 1000;
  if (before === undefined || !(seconds > 0)) return values;
  const shares = new Map<string, number>();
  for (const [name, counter] of now.counters) {
    const old = before.counters.get(name);
    if (old === undefined) continue;
    if (counter.metric.kind === 'share') {
      shares.set(name, counter.value - old.value);
      continue;
    }
    const value = growth(name, counter, old, seconds);
    if (value !== undefined) values[name] = rounded(value);
  }
  addShares(shares, values);
  return values;
}

/** What a counter gave between two readings, in the metric's unit; undefined when that cannot be told. */
function growth(name: string, { metric, value, modulus }: Counter, old: Counter, seconds: number): number | undefined {
  const { kind, scale = 1 } = metric;
  const per = kind === 'rate' ? scale / seconds : scale;
  const max = limit(metric);
  if (kind === 'rate' && (modulus * scale) / seconds <= metric.max) return undefined;
  const grown = value - old.value;
  const result = (grown < 0 ? grown + modulus : grown) * per;
  if (result > max) {
    if (grown < 0) return undefined;
    throw new Error(
      `${name} grew to ${Number(result.toPrecision(6))} ${metric.unit}, at most ${metric.max} can be true`,
    );
  }
  return metric.unit === '%' ? Math.min(result, metric.max) : result;
}

const limit = (metric: Metric): number => (metric.unit === '%' ? metric.max * PERCENT_SLACK : metric.max);

/** Parts of their sum in percent; none when one of them was set back, or none moved. */
function addShares(grown: ReadonlyMap<string, number>, values: Record<string, number>): void {
  let sum = 0;
  for (const by of grown.values()) {
    if (by < -BACKSTEP_MAX) return;
    sum += Math.max(0, by);
  }
  if (sum === 0) return;
  for (const [name, by] of grown) values[name] = rounded((Math.max(0, by) / sum) * 100);
}

/** Six significant digits; whole numbers stay whole. */
export function rounded(value: number): number {
  if (Number.isInteger(value)) return value === 0 ? 0 : value;
  return Number(value.toPrecision(6));
}
