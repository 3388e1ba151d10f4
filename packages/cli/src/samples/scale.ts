/** Marks along an axis where a person would put them. */

export interface Scale {
  readonly from: number;
  readonly to: number;
  readonly ticks: readonly number[];
}

/**
 * A scale that holds both numbers, with steps of 1, 2 or 5 (or, for bytes, powers of two) and at most `most` of them.
 * It begins at 0 where that is not far: the eye compares heights.
 */
export function valueScale(min: number, max: number, most: number, isBinary = false): Scale {
  const low = min > 0 && min < max * 0.75 ? 0 : min;
  // Half the size around one value that never changes.
  const isFlat = max - low <= Math.max(Math.abs(max) * 1e-9, TINY);
  const pad = isFlat ? Math.max(Math.abs(max) / 2, 1) : 0;
  const [from, to] = [low === 0 ? 0 : low - pad, max + pad];
  const step = niceStep((to - from) / most, isBinary);
  const first = Math.floor(from / step);
  const last = Math.ceil(to / step);
  const ticks: number[] = [];
  // Products, not sums: 0.1 added thrice is not 0.3.
  for (let i = first; i <= last; i++) ticks.push(Number((i * step).toPrecision(12)) + 0);
  return { from: ticks[0] ?? from, to: ticks.at(-1) ?? to, ticks };
}

/** Below it numbers have too few digits left to be divided. */
const TINY = 1e-280;

/** The least nice number that is not below. */
function niceStep(least: number, isBinary: boolean): number {
  if (isBinary && least >= 1) return 2 ** Math.ceil(Math.log2(least));
  const power = 10 ** Math.floor(Math.log10(least));
  return ([1, 2, 5, 10].find((n) => n * power >= least * (1 - 1e-9)) ?? 10) * power;
}

const S = 1000;
const M = 60 * S;
const H = 60 * M;
const D = 24 * H;
const TIME_STEPS = [
  [0.001, 0.01, 0.1, 1, 2, 5, 10, 15, 30].map((n) => n * S),
  [1, 2, 5, 10, 15, 30].map((n) => n * M),
  [1, 2, 3, 6, 12].map((n) => n * H),
  [1, 2, 7, 14, 28, 91, 182, 365, 1826, 3652, 36_525, 365_250].map((n) => n * D),
].flat();

export interface TimeTick {
  /** ms UTC */
  readonly time: number;
  readonly label: string;
}

/** Round moments (UTC) within a span, at most `most` + 1; `from` is not behind `to`, ms UTC. */
export function timeTicks(from: number, to: number, most: number): TimeTick[] {
  const step = TIME_STEPS.find((s) => (to - from) / s <= most) ?? Math.ceil((to - from) / most);
  const ticks: TimeTick[] = [];
  for (let time = Math.ceil(from / step) * step; time <= to; time += step)
    ticks.push({ time, label: label(time, step) });
  return ticks;
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** As much of a moment as tells it from its neighbours; a day's beginning is told as the day. */
function label(time: number, step: number): string {
  const iso = new Date(time).toISOString();
  const day = `${MONTHS[Number(iso.slice(5, 7)) - 1] ?? ''} ${Number(iso.slice(8, 10))}`;
  if (step >= 91 * D) return `${day} ${iso.slice(0, 4)}`;
  if (step >= D || time % D === 0) return day;
  if (step >= M) return iso.slice(11, 16);
  return step >= S ? iso.slice(11, 19) : iso.slice(11, 23);
}
