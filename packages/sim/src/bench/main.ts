/** `npm run bench -- <name>`: the benchmarks, each against real daemons. */
import { cpus, loadavg, release } from 'node:os';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { computeCost } from './compute-cost.ts';
import { computeCostText } from './print.ts';

const HELP = `npm run bench -- compute-cost [--seconds N] [--runs N] [--settle N] [--interval S] [--heartbeat S]
                              [--sample FILE] [-o table|json]

What a compute daemon costs its node, beside a bare Node with two TLS links; ends with 1 when a limit is broken.
  --seconds    how long is measured (default 600)
  --runs       how often; medians are told (default 1)
  --settle     between the last start and the beginning of the measurement, seconds (default 20)
  --interval   seconds between rounds of the quickest bucket, instead of the sample's
  --heartbeat  heartbeat interval in seconds, instead of the sample's
  --sample     configuration of the daemon (default etc/csm_compute.cfg)
  -o           table (default) or json
`;

const SAMPLE = fileURLToPath(new URL('../../../../../etc/csm_compute.cfg', import.meta.url));
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const EXIT_BROKEN = 1;
const EXIT_USAGE = 9;
const EXIT_SIGNAL = 130;

export async function benchMain(argv: readonly string[]): Promise<number> {
  let options: ReturnType<typeof read>;
  try {
    options = read(argv);
  } catch (error) {
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  const { output, ...measured } = options;
  const ending = new AbortController();
  // The first ends everything in order, a second one at once; what was started is ended and removed either way.
  const stop = () => (ending.signal.aborted ? process.exit(EXIT_SIGNAL) : ending.abort());
  for (const name of SIGNALS) process.on(name, stop);
  const note = (text: string) => process.stderr.write(`${text}\n`);
  try {
    const cost = await computeCost({ ...measured, signal: ending.signal, note });
    const machine = {
      cpus: cpus().length,
      model: cpus()[0]?.model ?? '',
      node: process.version,
      kernel: release(),
      load: loadavg(),
    };
    const text = computeCostText(cost);
    const where = `on ${machine.cpus} x ${machine.model}, Linux ${machine.kernel}, Node ${machine.node}, load ${machine.load.map((l) => l.toFixed(2)).join(' ')}`;
    process.stdout.write(
      output === 'json'
        ? `${JSON.stringify({ benchmark: 'compute-cost', machine, ...cost }, null, 2)}\n`
        : `${text}\n${where}\n`,
    );
    return cost.limits.every(({ holds }) => holds) ? 0 : EXIT_BROKEN;
  } catch (error) {
    if (ending.signal.aborted) return EXIT_SIGNAL;
    process.stderr.write(`bench: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_BROKEN;
  } finally {
    for (const name of SIGNALS) process.off(name, stop);
  }
}

/** What the command line asks; undefined for help. Throws an `Error` that names option, value and what is allowed. */
export function read(argv: readonly string[]) {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      seconds: { type: 'string', default: '600' },
      runs: { type: 'string', default: '1' },
      settle: { type: 'string', default: '20' },
      interval: { type: 'string' },
      heartbeat: { type: 'string' },
      sample: { type: 'string', default: SAMPLE },
      output: { type: 'string', short: 'o', default: 'table' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  if (positionals.length !== 1 || positionals[0] !== 'compute-cost')
    throw new Error(`the benchmark is '${positionals.join(' ')}'; allowed is compute-cost`);
  if (values.output !== 'table' && values.output !== 'json')
    throw new Error(`-o is '${values.output}'; allowed is table or json`);
  const { interval, heartbeat } = values;
  return {
    output: values.output,
    sample: values.sample,
    seconds: number('seconds', values.seconds, 1, 86_400),
    runs: number('runs', values.runs, 1, 100),
    settle: number('settle', values.settle, 0, 3600),
    ...(interval === undefined ? {} : { interval: number('interval', interval, 1, 86_400) }),
    ...(heartbeat === undefined ? {} : { heartbeat: number('heartbeat', heartbeat, 0.2, 3600) }),
  };
}

function number(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= least && value <= most) || (name === 'runs' && !Number.isInteger(value)))
    throw new Error(`--${name} is '${text}'; allowed is a number from ${least} to ${most}`);
  return value;
}
