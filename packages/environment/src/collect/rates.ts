/**
 * From two readings of one item to its values. Pure.
 *
 * | the counter…                                   | gives                                                        |
 * |------------------------------------------------|--------------------------------------------------------------|
 * | was not there at the reading before            | nothing                                                      |
 * | grew                                           | its growth; more than can be true is a fault of that value    |
 * | fell, and beginning again at 0 explains it      | its growth through the wrap                                  |
 * | fell otherwise: it was set back                | nothing this round                                           |
 * | could have wrapped more than once in this time  | nothing: no growth can be told                               |
 *
 * A share of time never passes 100 %: kernels add a long request's whole time when it ends, clocks of the kernel and
 * ours differ, and time counters move in ticks.
 */
import type { Values } from '../items.ts';
import type { Counter, Reading } from './reading.ts';

/** Counters of a reading with the monotonic ms it was made at. */
export interface Before {
  readonly counters: ReadonlyMap<string, Counter>;
  readonly mono: number;
}

/** A share of time that fell: up to twice 100 % its counter has wrapped, beyond that it was set back. */
const PERCENT_SLACK = 2;

/** Kernel shares of time may step back a little (iowait, idle): as much as 10 s in ticks of a hundredth. */
const BACKSTEP_MAX = 1000;

/** Values of a round, and what counters grew more than can be true → in words. */
export interface Reckoned {
  readonly values: Values;
  readonly faults: ReadonlyMap<string, string>;
}

/** Values of a reading made at `mono`; `before` is the reading its rates are reckoned from, undefined at the first. */
export function toValues(now: Reading, mono: number, before: Before | undefined): Reckoned {
  const values: Record<string, number> = {};
  const faults = new Map<string, string>();
  for (const [name, value] of now.gauges) values[name] = rounded(value);
  if (before === undefined) return { values, faults };
  const shares = new Map<string, number>();
  for (const [name, counter] of now.counters) {
    const old = before.counters.get(name);
    if (old === undefined) continue;
    const seconds = ((counter.at ?? mono) - (old.at ?? before.mono)) / 1000;
    if (!(seconds > 0)) continue;
    if (counter.metric.kind === 'share') {
      shares.set(name, counter.value - old.value);
      continue;
    }
    const value = growth(counter, old, seconds);
    if (value === undefined) continue;
    if (value <= counter.metric.max) values[name] = rounded(value);
    else faults.set(name, `${name} grew to ${Number(value.toPrecision(6))} ${counter.metric.unit}${atMost(counter)}`);
  }
  // Parts of a sum that is not whole would all be wrong.
  if (shares.size === shareCount(now.counters) && shares.size === shareCount(before.counters))
    addShares(shares, values);
  return { values, faults };
}

const shareCount = (counters: ReadonlyMap<string, Counter>): number =>
  [...counters.values()].filter(({ metric }) => metric.kind === 'share').length;

const atMost = ({ metric }: Counter): string => `, at most ${metric.max} can be true`;

/** What a counter gave between two readings, in the metric's unit; undefined when that cannot be told. */
function growth({ metric, value, modulus }: Counter, old: Counter, seconds: number): number | undefined {
  const { kind, scale = 1 } = metric;
  const per = kind === 'rate' ? scale / seconds : scale;
  if (kind === 'rate' && (modulus * scale) / seconds <= metric.max) return undefined;
  const grown = value - old.value;
  const result = (grown < 0 ? grown + modulus : grown) * per;
  const isTime = metric.unit === '%';
  if (grown < 0 && result > metric.max * (isTime ? PERCENT_SLACK : 1)) return undefined;
  return isTime ? Math.min(result, metric.max) : result;
}

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
