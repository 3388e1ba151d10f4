/** `csm-sim`: simulated compute nodes, in one process or in as many as the limit of open files asks for. */
import { readFileSync } from 'node:fs';
import { CsmError, failpoint, mono, parseFailpoint } from '@csm/model';
import { FAILPOINTS, LineLimit, type Log, type PassFailpoint } from '@csm/tree';
import { type Handled, type Order, readOrders, say } from './population/control.ts';
import { Crowd } from './population/crowd.ts';
import { HELP, type PopulationOptions, readOptions } from './population/options.ts';
import { Population } from './population/population.ts';
import { shares } from './population/shares.ts';

const EXIT_USAGE = 9;
const EXIT_FAILED = 1;

const line = (level: string) => (text: string, fields?: Readonly<Record<string, unknown>>) => {
  process.stdout.write(
    `${new Date().toISOString()} ${level} ${text}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}\n`,
  );
};
/** What a thousand nodes have to say of one hub would take more time than what they do about it. */
const limit = new LineLimit();
const warn: Log['warn'] = (text, fields) => {
  const leftOut = limit.take(mono(performance.now()));
  if (leftOut !== undefined) line('warn')(text, leftOut === 0 ? fields : { ...fields, lines_left_out: leftOut });
};
const log: Log = { error: line('error'), warn, info: () => undefined, debug: () => undefined };

/** Runs until SIGTERM, SIGINT or the order to stop. */
export async function main(argv: readonly string[]): Promise<number> {
  let options: PopulationOptions | undefined;
  try {
    options = readOptions(argv);
  } catch (error) {
    process.stderr.write(`csm-sim: ${error instanceof Error ? error.message : String(error)}\n`);
    return EXIT_USAGE;
  }
  if (options === undefined) {
    process.stdout.write(HELP);
    return 0;
  }
  let pass: PassFailpoint | undefined;
  try {
    pass = failpointOf(process.env['CSM_FAILPOINT']);
  } catch (error) {
    if (!(error instanceof CsmError)) throw error;
    process.stderr.write(`csm-sim: ${error.message}; allowed is one of ${error.problem.allowed ?? ''}\n`);
    return EXIT_USAGE;
  }
  return run(options, pass);
}

/** Where this process is to kill itself, as daemons do. */
function failpointOf(text: string | undefined): PassFailpoint | undefined {
  if (text === undefined) return undefined;
  log.warn('this process is to kill itself: CSM_FAILPOINT is set', { at: text });
  return failpoint(parseFailpoint(text, Object.keys(FAILPOINTS.leaf)), () => process.kill(process.pid, 'SIGKILL'));
}

async function run(options: PopulationOptions, pass: PassFailpoint | undefined): Promise<number> {
  let end: (code: number) => void = () => undefined;
  const ended = new Promise<number>((resolve) => {
    end = resolve;
  });
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => end(0));
  const { nodes, silent, processes } = options;
  const openFiles = openFilesLimit();
  const groups = shares(
    nodes.filter((node) => !silent.includes(node)),
    processes,
    openFiles,
  );
  if (silent.length > 0) groups.push([...silent]);
  const failed = (why: string): void => {
    log.error(why);
    end(EXIT_FAILED);
  };
  const crowd = groups.length > 1 ? await Crowd.start(options, groups, failed) : undefined;
  const population = crowd === undefined ? await Population.start(options, log, pass) : undefined;
  if (groups.length > 1)
    line('info')(
      `${nodes.length} nodes in ${groups.length} processes; a process may have ${openFiles} files open, a node needs four`,
    );
  const handle = (order: Order): Promise<Handled> => {
    if (order.do === 'stop') end(0);
    return crowd?.handle(order) ?? carryOut(order, population);
  };
  if (options.control) {
    readOrders(process.stdin, handle);
    // Whoever ordered us about is gone.
    process.stdin.once('end', () => end(0));
  }
  say({ event: 'ready', nodes: nodes.length, processes: groups.length });
  const code = await ended;
  await crowd?.stop();
  await population?.stop('SIGTERM');
  process.stdin.destroy();
  return code;
}

async function carryOut(order: Order, population: Population | undefined): Promise<Handled> {
  if (population === undefined) return undefined;
  switch (order.do) {
    case 'rate':
      population.setRate(order.rate);
      return undefined;
    case 'settle':
      await population.settled();
      return undefined;
    case 'stats':
      return { stats: population.stats() };
    case 'heard':
      return { heard: population.heard() };
    case 'spread':
      population.spread();
      return undefined;
    case 'poison':
      await population.poison(order.node);
      return undefined;
    case 'flood':
      population.flood(order.node, order.on);
      return undefined;
    case 'clock':
      population.shiftClock(order.shift);
      return undefined;
    case 'stop':
      return undefined;
    case 'silence':
      throw new Error("'silence' needs nodes given by --silent");
    default:
      order satisfies never;
      throw new Error(
        `do is '${String((order as { do?: unknown }).do)}'; allowed are rate, settle, stats, heard, spread, poison, flood, clock, silence, stop`,
      );
  }
}

/** The soft limit of this process, as the kernel tells it. */
function openFilesLimit(): number {
  const found = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'utf8'))?.[1];
  return found === undefined ? 1024 : Number(found);
}
