/** `npm run faults`: plays faults and prints a line for each. */
import { randomInt } from 'node:crypto';
import { FAULTS } from './kinds/index.ts';
import { missing } from './needs.ts';
import { HELP, readFaultOptions } from './options.ts';
import { headLine, rowLine, rowOf } from './report.ts';
import { runFaults } from './run.ts';

const EXIT_USAGE = 9;
const EXIT_FAILED = 1;
const SEED_MAX = 2 ** 31 - 1;

/** Gives the exit code. */
export async function faultsMain(argv: readonly string[]): Promise<number> {
  let options: ReturnType<typeof readFaultOptions>;
  try {
    options = readFaultOptions(argv, FAULTS, randomInt(SEED_MAX));
  } catch (error) {
    process.stderr.write(`faults: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_USAGE;
  }
  const { names, db, seed, short, json, list, help, keep } = options;
  const say = (text: string): void => void process.stdout.write(`${text}\n`);
  if (help) {
    say(HELP);
    return 0;
  }
  if (list) {
    for (const { name, what, needs } of FAULTS) {
      const why = missing(needs, db);
      say(`${name.padEnd(24)} ${what}${why === undefined ? '' : ` (skipped: ${why})`}`);
    }
    return 0;
  }
  const abort = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => abort.abort());
  const began = performance.now();
  if (!json) {
    say(`seed ${seed}, ${db}, interval 0.5 s; times are median/longest in ms`);
    say(headLine());
  }
  const faults = FAULTS.filter(({ name }) => names.length === 0 || names.includes(name));
  let wrong: string[];
  try {
    wrong = await runFaults({
      faults,
      db,
      seed,
      short,
      keep,
      signal: abort.signal,
      onResult: (result) => say(json ? JSON.stringify({ ...rowOf(result), db, seed }) : rowLine(rowOf(result))),
      onSkip: (name, why) => say(json ? JSON.stringify({ name, skipped: why, db, seed }) : `${name}: skipped, ${why}`),
      onRound: (name, what) => {
        if (process.stderr.isTTY || process.env['CSM_FAULTS_TRACE'] !== undefined)
          process.stderr.write(`${Math.round((performance.now() - began) / 1000)} s: ${name}: ${what}\n`);
      },
    });
  } catch (error) {
    if (!abort.signal.aborted) throw error;
    process.stderr.write('called off\n');
    return EXIT_FAILED;
  }
  for (const words of wrong) process.stderr.write(`${words}\n`);
  const seconds = Math.round((performance.now() - began) / 1000);
  if (!json)
    say(wrong.length === 0 ? `all as it must be, ${seconds} s` : `${wrong.length} things are wrong, ${seconds} s`);
  return wrong.length === 0 ? 0 : EXIT_FAILED;
}
