/** What a benchmark prints, and what it must reach. Pure. */

/** One figure; a benchmark may give several. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The same quantity of the baseline in the same run, and value / baseline; null where there is none. */
  readonly baseline: number | null;
  readonly ratio: number | null;
  readonly nodes: number;
  /** How long was measured, of all runs. */
  readonly seconds: number;
  /** What it must reach, in words, and whether it does; left out where nothing is asked. */
  readonly must?: string;
  readonly holds?: boolean;
  /** More that a reader wants, such as the share of other processes in the CPU. */
  readonly more?: Readonly<Record<string, number | string>>;
}

export interface BenchContext {
  /** Fewer nodes and shorter runs: whether it works, not what it costs. */
  readonly quick: boolean;
  readonly signal: AbortSignal;
  /** A line on the way, to the standard error. */
  readonly note: (text: string) => void;
}

/** Benchmarks that share one set-up. `wanted` are those of its names that were asked for. */
export interface Bench {
  readonly names: readonly string[];
  readonly about: string;
  run(context: BenchContext, wanted: ReadonlySet<string>, emit: (figure: Figure) => void): Promise<void>;
}
