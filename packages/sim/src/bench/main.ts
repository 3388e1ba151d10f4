/** `npm run bench`: the benchmarks, each against real daemons and a baseline of the same run. */
import { cpus, loadavg, release, totalmem } from 'node:os';
import { BENCHES, benchNames } from './benches.ts';
import { computeBench } from './compute-bench.ts';
import type { Bench, Figure } from './figure.ts';
import { type BenchOptions, HELP, readOptions } from './options.ts';
import { figureJson, figureLine, HEAD } from './print.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_MISSED = 1;
const EXIT_USAGE = 9;
const EXIT_SIGNAL = 130;

export async function benchMain(argv: readonly string[]): Promise<number> {
  let options: BenchOptions | undefined;
  try {
    options = readOptions(argv, benchNames(BENCHES));
  } catch (error) {
    process.stderr.write(`bench: ${words(error)}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(`${HELP}${listOf(BENCHES)}`);
    return 0;
  }
  const ending = new AbortController();
  // The first ends everything in order, a second one at once; what was started is ended and removed either way.
  const stop = () => (ending.signal.aborted ? process.exit(EXIT_SIGNAL) : ending.abort());
  for (const name of SIGNALS) process.on(name, stop);
  try {
    const missed = await runAll([...BENCHES, computeBench(options.compute)], options, ending.signal);
    if (ending.signal.aborted) return EXIT_SIGNAL;
    return missed.length === 0 ? 0 : EXIT_MISSED;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}

/** Gives the names of figures that miss what they must reach, and of benchmarks that failed. */
async function runAll(benches: readonly Bench[], options: BenchOptions, signal: AbortSignal): Promise<string[]> {
  const { json, quick, names } = options;
  const began = performance.now();
  const missed: string[] = [];
  const note = (text: string): void => {
    process.stderr.write(`${text}\n`);
  };
  const emit = (figure: Figure): void => {
    process.stdout.write(`${json ? figureJson(figure) : figureLine(figure)}\n`);
    if (figure.holds === false) missed.push(figure.name);
  };
  note(machine());
  if (!json) process.stdout.write(`${HEAD}\n`);
  for (const bench of benches) {
    const wanted = new Set(bench.names.filter((name) => names.includes(name)));
    if (wanted.size === 0 || signal.aborted) continue;
    try {
      await bench.run({ quick, signal, note }, wanted, emit);
    } catch (error) {
      if (signal.aborted) break;
      // The others are worth having all the same.
      note(`${[...wanted].join(', ')} failed: ${words(error)}`);
      missed.push(...wanted);
    }
  }
  const took = `${((performance.now() - began) / 60_000).toFixed(1)} min`;
  note(missed.length === 0 ? `done in ${took}` : `done in ${took}; not reached: ${missed.join(', ')}`);
  return missed;
}

function machine(): string {
  const model = cpus()[0]?.model ?? 'unknown CPU';
  const memory = (totalmem() / 1024 ** 3).toFixed(0);
  const load = loadavg().map((one) => one.toFixed(2));
  return `${cpus().length} x ${model}, ${memory} GiB, Linux ${release()}, Node ${process.version}, load ${load.join(' ')}`;
}

function listOf(benches: readonly Bench[]): string {
  const rows = [...benches, computeBench({})].map(({ names, about }) => `  ${names.join(', ')}\n      ${about}\n`);
  return `\nBenchmarks:\n${rows.join('')}`;
}

const words = (error: unknown): string => (error instanceof Error ? error.message : String(error));
