/** A graph of one line of text. */
import { type Point, usualGap } from './bins.ts';

const BLOCKS = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
/** For terminals without Unicode; rising ink. */
const ASCII = ['_', '.', '-', ':', '=', '+', '*', '#'];

/** The time that a whole column of sparklines covers, so that those below each other can be compared; ms UTC. */
export interface Span {
  readonly from: number;
  readonly to: number;
  /** Characters. */
  readonly width: number;
}

/** The span of several series: no wider than one character a sample, and at most `room` characters. */
export function spanOf(all: readonly (readonly Point[])[], room: number): Span {
  let [from, to] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  const gaps: number[] = [];
  for (const points of all) {
    const [first, last] = [points[0], points.at(-1)];
    if (first === undefined || last === undefined) continue;
    from = Math.min(from, first.time);
    to = Math.max(to, last.time);
    const gap = usualGap(points.map(({ time }) => time));
    if (gap > 0) gaps.push(gap);
  }
  gaps.sort((a, b) => a - b);
  const gap = gaps[Math.floor((gaps.length - 1) / 2)] ?? 0;
  const samples = gap === 0 ? 1 : Math.round((to - from) / gap) + 1;
  return { from, to, width: Math.max(1, Math.min(Math.floor(room), samples)) };
}

/**
 * A character for each part of the span: the mean of what lies in it, between the least and the greatest of the line.
 * A blank where there are no samples; a single missing one is bridged, for samples do not come to the millisecond.
 */
export function sparkline(points: readonly Point[], span: Span, isAscii: boolean): string {
  const levels = columns(points, span);
  const known = levels.filter((level) => level !== undefined);
  const [least, most] = [Math.min(...known), Math.max(...known)];
  const marks = isAscii ? ASCII : BLOCKS;
  return levels.map((level) => (level === undefined ? ' ' : (marks[mark(level, least, most)] ?? ' '))).join('');
}

/** All values alike are drawn in the middle. */
function mark(level: number, least: number, most: number): number {
  if (most <= least) return 3;
  // Halved first: the difference of two finite numbers need not be finite.
  const share = (level / 2 - least / 2) / (most / 2 - least / 2);
  return Math.min(7, Math.floor(share * 8));
}

function columns(points: readonly Point[], { from, to, width }: Span): (number | undefined)[] {
  const sums = new Float64Array(width);
  const counts = new Uint32Array(width);
  for (const { time, avg } of points) {
    const share = to > from ? (time - from) / (to - from) : 0;
    const at = Math.max(0, Math.min(width - 1, Math.round(share * (width - 1))));
    const n = (counts[at] ?? 0) + 1;
    counts[at] = n;
    // A running mean does not overflow.
    sums[at] = (sums[at] ?? 0) + (avg - (sums[at] ?? 0)) / n;
  }
  const levels = Array.from(sums, (sum, i) => (counts[i] === 0 ? undefined : sum));
  return levels.map((level, i) => (level !== undefined || levels[i + 1] === undefined ? level : levels[i - 1]));
}

/** Whether a terminal of this locale shows what is not ASCII; the first variable that is set decides, as POSIX has it. */
export function isUtf8(env: { readonly [name: string]: string | undefined }): boolean {
  const locale = [env['LC_ALL'], env['LC_CTYPE'], env['LANG']].find((value) => value !== undefined && value !== '');
  return locale !== undefined && /utf-?8/i.test(locale);
}
