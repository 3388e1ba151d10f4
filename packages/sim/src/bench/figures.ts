/** From counts to figures: differences over a time, medians over runs, and the judgement. */
import type { Cost } from './process-cost.ts';

/** What a process cost over a time. */
export interface Figures {
  /** Bytes: the most that was seen in that time, at its end, and ever since its start. */
  readonly rssMost: number;
  readonly rssEnd: number;
  readonly rssPeak: number;
  /** Bytes at the end, shared pages in part. */
  readonly pss: number;
  /** Percent of one core; of its own threads, and of the programs it ran. */
  readonly cpuPercent: number;
  readonly childrenPercent: number;
  /** A second, of all its threads; those of programs it ran are not in it. */
  readonly wakeUps: number;
  /** Milliseconds of CPU over the whole time: the thread of the event loop, all others, and programs. */
  readonly loopMs: number;
  readonly othersMs: number;
  readonly childrenMs: number;
  /** How often the event loop's thread woke, and all others, over the whole time. */
  readonly loopWakeUps: number;
  readonly othersWakeUps: number;
}

export interface Limit {
  /** Short, in the name of the figure. */
  readonly name: string;
  readonly what: string;
  readonly unit: string;
  readonly most: number;
  readonly of: (figures: Figures) => number;
}

export interface Verdict {
  readonly what: string;
  readonly unit: string;
  readonly most: number;
  readonly value: number;
  readonly holds: boolean;
}

const MIB = 1024 ** 2;

/** What a compute daemon may cost. The programs it runs count as its own. */
export const COMPUTE_LIMITS: readonly Limit[] = [
  { name: 'rss', what: 'memory in RAM (RSS), the most seen', unit: 'MiB', most: 90, of: (f) => f.rssMost / MIB },
  {
    name: 'cpu',
    what: 'CPU, programs included',
    unit: '% of a core',
    most: 0.3,
    of: (f) => f.cpuPercent + f.childrenPercent,
  },
  { name: 'wake-ups', what: 'wake-ups', unit: 'a second', most: 3, of: (f) => f.wakeUps },
];

/**
 * Figures of process `pid` from the counts at the begin and the end of `seconds`; `seen` are sizes in between, bytes.
 * A thread that began in between counts from zero; what one did that ended in between is missing in all but the
 * percentages.
 */
export function figuresOf(pid: number, begin: Cost, end: Cost, seconds: number, seen: readonly number[] = []): Figures {
  const sums = { loopMs: 0, othersMs: 0, loopWakeUps: 0, othersWakeUps: 0 };
  for (const [id, now] of end.threads) {
    const before = begin.threads.get(id) ?? { cpuMs: 0, wakeUps: 0 };
    sums[id === pid ? 'loopMs' : 'othersMs'] += now.cpuMs - before.cpuMs;
    sums[id === pid ? 'loopWakeUps' : 'othersWakeUps'] += now.wakeUps - before.wakeUps;
  }
  const childrenMs = end.childrenMs - begin.childrenMs;
  const percent = (ms: number): number => ms / seconds / 10;
  return {
    rssMost: Math.max(begin.rss, end.rss, ...seen),
    rssEnd: end.rss,
    rssPeak: end.peak,
    pss: end.pss,
    cpuPercent: percent(end.cpuMs - begin.cpuMs),
    childrenPercent: percent(childrenMs),
    wakeUps: (sums.loopWakeUps + sums.othersWakeUps) / seconds,
    ...sums,
    childrenMs,
  };
}

/** The middle of the values, of an even number the mean of both in the middle. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const half = sorted.length >> 1;
  const high = sorted[half] ?? Number.NaN;
  return sorted.length % 2 === 1 ? high : ((sorted[half - 1] ?? Number.NaN) + high) / 2;
}

/** The median of each figure over several runs. */
export function medianFigures(runs: readonly Figures[]): Figures {
  const [first] = runs;
  if (first === undefined) throw new Error('there is no run');
  const names = Object.keys(first) as (keyof Figures)[];
  return Object.fromEntries(names.map((name) => [name, median(runs.map((run) => run[name]))])) as unknown as Figures;
}

export function judge(figures: Figures, limits: readonly Limit[] = COMPUTE_LIMITS): Verdict[] {
  return limits.map(({ what, unit, most, of }) => {
    const value = of(figures);
    return { what, unit, most, value, holds: value <= most };
  });
}

/** All its CPU, milliseconds. */
export const cpuMs = (f: Figures): number => f.loopMs + f.othersMs + f.childrenMs;
