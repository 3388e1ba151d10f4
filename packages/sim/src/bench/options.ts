/** The command line of the benchmarks. */
import { parseArgs } from 'node:util';
import { COMPUTE_COST, type ComputeOptions } from './compute-bench.ts';

export const HELP = `npm run bench -- [name …] [--json] [--quick]

Measures CSM on this machine: real daemons as processes of their own, simulated nodes with real links, and beside them
the least that anything could cost, in the same run. All benchmarks but compute-cost when none is named. Medians of
three runs; a run in which others had more than 15 % of the machine is repeated, as often as there are runs. Ends with
1 when a figure misses what it must reach.
  --json   a line of JSON for each figure: name, value, unit, baseline, ratio, nodes, seconds and, where something is
           asked, must and holds
  --quick  fewer nodes, one short run: whether all of it works; nothing is judged

Only with compute-cost:
  --seconds    how long is measured (default 600)
  --runs       how often; medians are told (default 1)
  --settle     between the last start and the beginning of the measurement, seconds (default 20)
  --interval   seconds between rounds of the quickest bucket, instead of the sample's
  --heartbeat  heartbeat interval in seconds, instead of the sample's
  --sample     configuration of the daemon (default etc/csm_compute.cfg)
`;

export interface BenchOptions {
  readonly names: readonly string[];
  readonly json: boolean;
  readonly quick: boolean;
  readonly compute: ComputeOptions;
}

const COMPUTE_NUMBERS = {
  seconds: [1, 86_400],
  runs: [1, 100],
  settle: [0, 3600],
  interval: [1, 86_400],
  heartbeat: [0.2, 3600],
} as const;

/**
 * What the command line asks; undefined for help. `known`: the names that can be asked for beside compute-cost. Throws
 * an `Error` that names option, value and what is allowed.
 */
export function readOptions(argv: readonly string[], known: readonly string[]): BenchOptions | undefined {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      json: { type: 'boolean', default: false },
      quick: { type: 'boolean', default: false },
      seconds: { type: 'string' },
      runs: { type: 'string' },
      settle: { type: 'string' },
      interval: { type: 'string' },
      heartbeat: { type: 'string' },
      sample: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const allowed = [...known, COMPUTE_COST];
  for (const name of positionals)
    if (!allowed.includes(name)) throw new Error(`the benchmark is '${name}'; allowed is ${allowed.join(', ')}`);
  const compute: Record<string, number | string> = {};
  for (const [name, [least, most]] of Object.entries(COMPUTE_NUMBERS)) {
    const text = values[name as keyof typeof COMPUTE_NUMBERS];
    if (text !== undefined) compute[name] = number(name, text, least, most);
  }
  if (values.sample !== undefined) compute['sample'] = values.sample;
  const [first] = Object.keys(compute);
  if (first !== undefined && !positionals.includes(COMPUTE_COST))
    throw new Error(`--${first} is given without ${COMPUTE_COST}; allowed is with it only`);
  const { json, quick } = values;
  return { names: positionals.length === 0 ? known : positionals, json, quick, compute };
}

function number(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= least && value <= most) || (name === 'runs' && !Number.isInteger(value)))
    throw new Error(`--${name} is '${text}'; allowed is a number from ${least} to ${most}`);
  return value;
}
