/** What the suite prints: a line for each fault. Pure. */
import type { Verdict } from '../oracle/judge.ts';
import type { RoundResult } from './fault.ts';

export interface FaultResult {
  readonly name: string;
  readonly rounds: readonly RoundResult[];
  readonly verdict: Pick<Verdict, 'listed' | 'lost' | 'doubled' | 'faults'>;
  /** MiB by kind of process. */
  readonly memory: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export interface Spread {
  readonly median: number;
  readonly max: number;
}

/** Milliseconds, whole; undefined of nothing. */
export function spread(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [median, max] = [sorted[Math.floor((sorted.length - 1) / 2)], sorted.at(-1)];
  if (median === undefined || max === undefined) return undefined;
  return { median: Math.round(median), max: Math.round(max) };
}

export interface Row {
  readonly name: string;
  readonly rounds: number;
  readonly made: number;
  readonly lost: number;
  readonly doubled: number;
  /** ms from the fault to the first word of it; null where there was none to be said. */
  readonly detect: Spread | null;
  /** ms from its end until all is whole. */
  readonly recover: Spread | null;
  readonly false_deaths: number;
  readonly memory: Readonly<Record<string, number>>;
  readonly seconds: number;
}

export function rowOf({ name, rounds, verdict, memory, seconds }: FaultResult): Row {
  return {
    name,
    rounds: rounds.length,
    made: verdict.listed,
    lost: verdict.lost,
    doubled: verdict.doubled,
    detect: spread(rounds.map(({ detected }) => detected).filter((ms) => ms !== undefined)) ?? null,
    recover: spread(rounds.map(({ recovered }) => recovered)) ?? null,
    false_deaths: rounds.reduce((sum, round) => sum + round.falseDeaths.length, 0),
    memory,
    seconds: Math.round(seconds * 10) / 10,
  };
}

/** What is wrong with a fault, in words; empty when nothing is. */
export function wrongWith({ name, rounds, verdict }: FaultResult): string[] {
  const dead = rounds
    .filter(({ falseDeaths }) => falseDeaths.length > 0)
    .map(({ what, falseDeaths }) => `${what}: told down without cause: ${[...new Set(falseDeaths)].join(', ')}`);
  return [...verdict.faults, ...dead].map((words) => `${name}: ${words}`);
}

const HEAD = [
  'fault',
  'rounds',
  'made',
  'lost',
  'doubled',
  'detect',
  'recover',
  'false deaths',
  'peak memory MiB',
  's',
];
const WIDTH = [22, 6, 7, 5, 7, 12, 12, 12, 44, 6];

const line = (cells: readonly string[]): string =>
  cells.map((cell, i) => (i === 0 || i === 8 ? cell.padEnd(WIDTH[i] ?? 0) : cell.padStart(WIDTH[i] ?? 0))).join('  ');

export const headLine = (): string => line(HEAD);

/** Times are `median/longest` in ms. */
export function rowLine(row: Row): string {
  const times = (of: Spread | null): string => (of === null ? '-' : `${of.median}/${of.max}`);
  const memory = Object.entries(row.memory)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([kind, mebi]) => `${kind} ${mebi}`)
    .join(', ');
  const counts = [row.rounds, row.made, row.lost, row.doubled].map(String);
  return line([
    row.name,
    ...counts,
    times(row.detect),
    times(row.recover),
    String(row.false_deaths),
    memory,
    row.seconds.toFixed(1),
  ]);
}
