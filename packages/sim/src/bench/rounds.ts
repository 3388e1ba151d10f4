/**
 * Runs of a benchmark: as many as are wanted, and some again where others had too much of the machine meanwhile.
 * `Rounds` decides; `measureRounds` runs them.
 */

import type { BenchContext, Figure } from './figure.ts';
import { median } from './figures.ts';
import { foreignShare, readMachineCpu } from './machine-cpu.ts';

/** A run with more of the machine than this in others' hands is repeated. */
export const FOREIGN_MOST = 0.15;

/** One run: a figure and, of the same run, that of the baseline. */
export interface Round {
  readonly value: number;
  readonly baseline?: number;
  /** How long was measured. */
  readonly seconds: number;
}

export interface Measured<T> {
  readonly round: T;
  readonly foreign: number;
}

/** Thrown by a run that measured something else than it should have, because it was disturbed: it is repeated. */
export class Disturbed extends Error {}

/** The rounds that count so far. Pure. */
export class Rounds<T> {
  /** Rounds that were begun again, over the wanted ones. */
  repeated = 0;
  /** Why the last disturbed one was. */
  disturbed: string | undefined;
  readonly #wanted: number;
  readonly #repeats: number;
  readonly #quiet: Measured<T>[] = [];
  readonly #loud: Measured<T>[] = [];
  #begun = 0;

  /** `repeats`: at most so many again. */
  constructor(wanted: number, repeats: number) {
    this.#wanted = wanted;
    this.#repeats = repeats;
  }

  /** Whether another one is needed. */
  get open(): boolean {
    if (this.#quiet.length >= this.#wanted) return false;
    return this.#begun < this.#wanted + this.#repeats;
  }

  add(measured: Measured<T>): void {
    this.#count();
    (measured.foreign > FOREIGN_MOST ? this.#loud : this.#quiet).push(measured);
  }

  /** One that gave no figure at all. */
  lose(why: string): void {
    this.#count();
    this.disturbed = why;
  }

  #count(): void {
    if (this.#begun++ >= this.#wanted) this.repeated++;
  }

  /** As many as were wanted: the quiet ones, and where these are too few the least loud of the others. */
  get best(): readonly Measured<T>[] {
    const loud = this.#loud.toSorted((a, b) => a.foreign - b.foreign);
    return [...this.#quiet, ...loud].slice(0, this.#wanted);
  }
}

export interface RoundsResult<T> {
  readonly rounds: readonly T[];
  /** For `more` of a figure: the largest share of others in the rounds that count, and how many were repeated. */
  readonly more: { readonly rounds: number; readonly foreign: number; readonly repeated: number };
}

/** Runs in a full measurement, in a quick one, and repeats at most. */
export const ROUNDS = 3;
const QUICK_ROUNDS = 1;

/** Carries out the rounds one after another; a quick measurement takes one. */
export async function measureRounds<T>(
  context: BenchContext,
  what: string,
  run: () => Promise<T>,
  wanted = ROUNDS,
): Promise<RoundsResult<T>> {
  const rounds = new Rounds<T>(context.quick ? QUICK_ROUNDS : wanted, context.quick ? 1 : wanted);
  while (rounds.open) {
    context.signal.throwIfAborted();
    const begin = await readMachineCpu(process.pid);
    const round = await run().catch((error: unknown) => {
      if (!(error instanceof Disturbed)) throw error;
      rounds.lose(error.message);
      context.note(`${what}: ${error.message}`);
      return undefined;
    });
    const foreign = foreignShare(begin, await readMachineCpu(process.pid));
    if (round !== undefined) rounds.add({ round, foreign });
    if (foreign > FOREIGN_MOST)
      context.note(`${what}: ${(100 * foreign).toFixed(0)} % of the machine went to others in this run`);
  }
  const { best, repeated, disturbed } = rounds;
  if (best.length === 0) throw new Error(`${what}: no run gave a figure: ${disturbed ?? 'none was begun'}`);
  const foreign = Math.max(...best.map((one) => one.foreign));
  return {
    rounds: best.map(({ round }) => round),
    more: { rounds: best.length, foreign: Number(foreign.toFixed(3)), repeated },
  };
}

/** What a figure must reach: bounds of the value and of its ratio to the baseline, each with the bound itself. */
export interface Bounds {
  readonly value?: { readonly least?: number; readonly most?: number };
  readonly ratio?: { readonly least?: number; readonly most?: number };
}

export interface FigureHead {
  readonly name: string;
  readonly unit: string;
  readonly nodes: number;
  readonly must?: Bounds;
}

/** The figure of several rounds: medians of value, of baseline and of the ratio of each round. Pure. */
export function figureOf(
  head: FigureHead,
  rounds: readonly Round[],
  more: NonNullable<Figure['more']> = {},
  judged = true,
): Figure {
  const value = median(rounds.map((round) => round.value));
  const pairs = rounds.flatMap(({ value: v, baseline }) => (baseline === undefined ? [] : [{ v, baseline }]));
  const baseline = pairs.length === 0 ? null : median(pairs.map((pair) => pair.baseline));
  const ratio = pairs.length === 0 ? null : median(pairs.map((pair) => pair.v / pair.baseline));
  const { name, unit, nodes, must } = head;
  const seconds = rounds.reduce((sum, round) => sum + round.seconds, 0);
  return {
    name,
    value,
    unit,
    baseline,
    ratio,
    nodes,
    seconds,
    ...judgement(must, value, ratio, unit, judged),
    ...(Object.keys(more).length === 0 ? {} : { more }),
  };
}

function judgement(
  must: Bounds | undefined,
  value: number,
  ratio: number | null,
  unit: string,
  judged: boolean,
): Pick<Figure, 'must' | 'holds'> {
  if (must === undefined) return {};
  const words: string[] = [];
  let holds = true;
  const look = (what: string, bounds: Bounds['value'], found: number, of: string): void => {
    // Also where there is no number, nothing is reached.
    if (bounds?.most !== undefined) {
      words.push(`${what} <= ${bounds.most}${of}`);
      holds &&= found <= bounds.most;
    }
    if (bounds?.least !== undefined) {
      words.push(`${what} >= ${bounds.least}${of}`);
      holds &&= found >= bounds.least;
    }
  };
  look('value', must.value, value, ` ${unit}`);
  look('ratio', must.ratio, ratio ?? Number.NaN, '');
  return { must: words.join(', '), ...(judged ? { holds } : {}) };
}
