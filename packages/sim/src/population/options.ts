/** What a population of simulated nodes is to do, read from a command line. */
import { parseArgs } from 'node:util';
import { expand } from '@csm/nodeset';
import { parseVersion } from '@csm/protocol';

export interface Hub {
  readonly name: string;
  readonly host: string;
  readonly port: number;
}

export interface PopulationOptions {
  readonly nodes: readonly string[];
  /** First choice first; every second node takes them the other way round, unless `sameFirst`. */
  readonly hubs: readonly Hub[];
  readonly sameFirst: boolean;
  /** Directory of the CA, with `compute-<node>.pem` of each node. */
  readonly pki: string;
  /** Directory of the journals. */
  readonly state: string;
  readonly intervalMs: number;
  readonly returnAfterMs: number;
  /** Milliseconds between two samples of the environment; 0 for none. */
  readonly sampleMs: number;
  /** Numbered reports a second, of all nodes together; bytes of the body of each. */
  readonly rate: number;
  readonly size: number;
  /** Reports a node makes at once. */
  readonly burst: number;
  /** A node with so many reports not yet acknowledged makes no more for now; 0 for no bound. */
  readonly window: number;
  /** Directory for the lists of accepted reports; none are kept without it. */
  readonly lists: string | undefined;
  /** Milliseconds a command takes. */
  readonly latencyMs: number;
  /** Nodes of a process of their own, which `silence` stops. */
  readonly silent: readonly string[];
  /** Nodes that end and start again, a second. */
  readonly churn: number;
  readonly seed: number;
  /** Processes at least; more where open files do not suffice. */
  readonly processes: number;
  /** Orders come as lines of JSON on the standard input, answers go to the standard output. */
  readonly control: boolean;
  readonly speak: string | undefined;
}

export const HELP = `csm-sim --nodes n[01-16] --aggregators host:port,host:port --pki DIR --state DIR [options]

Simulated compute nodes that speak the real protocol, each with its own identity, journal and two links: for trying out
CSM and for measuring it. Nothing of framing, claims, outbox or retries is simulated.
  --nodes         node set; each node needs DIR/compute-<node>.pem (csm cert issue compute <nodes>)
  --aggregators   first choice first; every second node takes them the other way round
  --same-first    every node has the same first choice
  --pki           directory of the CA
  --state         directory for the journals
  --interval      heartbeat interval, seconds (default 15)
  --return-after  seconds until a node returns to its first choice (default 300)
  --sample        seconds between two samples of the environment (default 600; 0 for none)
  --rate          numbered reports a second, of all nodes together (default 0); the master needs the feature that
                  stores them: csmd --feature packages/sim/dist/src/numbered/index.js
  --size          bytes of the body of such a report (default 300)
  --burst         such reports a node makes at once (default 1)
  --window        a node with so many not yet acknowledged makes no more for now (default 0: no bound)
  --lists         directory for the lists of accepted reports, on disk before they count
  --latency       milliseconds a command takes (default 0)
  --silent        nodes of these that fall silent, all together, on the order 'silence'
  --churn         nodes a second that end and start again (default 0)
  --seed          of all chance (default 1)
  --processes     at least so many processes (default 1); more where the limit of open files asks for it
  --control       orders are read from the standard input, a line of JSON each; answers are lines of JSON
  --speak         another minor version of the protocol
`;

/** Throws an `Error` that names option, value and what is allowed; undefined for help. */
export function readOptions(argv: readonly string[]): PopulationOptions | undefined {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string' },
      aggregators: { type: 'string' },
      'same-first': { type: 'boolean', default: false },
      pki: { type: 'string' },
      state: { type: 'string' },
      interval: { type: 'string', default: '15' },
      'return-after': { type: 'string', default: '300' },
      sample: { type: 'string', default: '600' },
      rate: { type: 'string', default: '0' },
      size: { type: 'string', default: '300' },
      burst: { type: 'string', default: '1' },
      window: { type: 'string', default: '0' },
      lists: { type: 'string' },
      latency: { type: 'string', default: '0' },
      silent: { type: 'string', default: '' },
      churn: { type: 'string', default: '0' },
      seed: { type: 'string', default: '1' },
      processes: { type: 'string', default: '1' },
      control: { type: 'boolean', default: false },
      speak: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  const given = (name: 'nodes' | 'aggregators' | 'pki' | 'state'): string => {
    const value = values[name];
    if (value === undefined || value === '') throw new Error(`--${name} is not given; it is needed`);
    return value;
  };
  const nodes = setOf('nodes', given('nodes'));
  const silent = values.silent === '' ? [] : setOf('silent', values.silent);
  const strangers = silent.filter((node) => !nodes.includes(node));
  if (strangers.length > 0) throw new Error(`--silent names ${strangers[0]}; allowed are nodes of --nodes`);
  if (values.speak !== undefined && parseVersion(values.speak) === undefined)
    throw new Error(`--speak is '${values.speak}'; allowed is a version such as 1.2`);
  return {
    nodes,
    hubs: given('aggregators').split(',').map(hostPort),
    sameFirst: values['same-first'],
    pki: given('pki'),
    state: given('state'),
    intervalMs: number('interval', values.interval, 0.2, 60) * 1000,
    returnAfterMs: number('return-after', values['return-after'], 1, 604_800) * 1000,
    sampleMs: number('sample', values.sample, 0, 86_400) * 1000,
    rate: number('rate', values.rate, 0, 1_000_000),
    size: whole('size', values.size, 16, 200_000),
    burst: whole('burst', values.burst, 1, 1000),
    window: whole('window', values.window, 0, 1_000_000),
    lists: values.lists,
    latencyMs: number('latency', values.latency, 0, 600_000),
    silent,
    churn: number('churn', values.churn, 0, 1000),
    seed: whole('seed', values.seed, 0, 2 ** 31 - 1),
    processes: whole('processes', values.processes, 1, 64),
    control: values.control,
    speak: values.speak,
  };
}

/** The command line of a process that takes a part of the nodes. */
export function partArgv(options: PopulationOptions, nodes: string): string[] {
  const { hubs, lists, speak } = options;
  const seconds = (ms: number): string => String(ms / 1000);
  const argv = ['--nodes', nodes, '--aggregators', hubs.map(({ name }) => name).join(',')];
  argv.push('--pki', options.pki, '--state', options.state);
  argv.push('--interval', seconds(options.intervalMs), '--return-after', seconds(options.returnAfterMs));
  argv.push('--sample', seconds(options.sampleMs), '--size', String(options.size));
  argv.push('--burst', String(options.burst), '--window', String(options.window));
  argv.push('--latency', String(options.latencyMs), '--seed', String(options.seed), '--control');
  if (options.sameFirst) argv.push('--same-first');
  if (lists !== undefined) argv.push('--lists', lists);
  if (speak !== undefined) argv.push('--speak', speak);
  return argv;
}

function setOf(name: string, text: string): string[] {
  try {
    return expand(text);
  } catch (error) {
    throw new Error(`--${name} is '${text}': ${error instanceof Error ? error.message : String(error)}`);
  }
}

function hostPort(text: string): Hub {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match?.[1] === undefined || port < 1 || port > 65_535)
    throw new Error(`--aggregators holds '${text}'; allowed is host:port`);
  return { name: text, host: match[1].replace(/^\[|\]$/g, ''), port };
}

function number(name: string, text: string, least: number, most: number): number {
  const value = text.trim() === '' ? Number.NaN : Number(text);
  if (!(value >= least && value <= most))
    throw new Error(`--${name} is '${text}'; allowed is a number from ${least} to ${most}`);
  return value;
}

function whole(name: string, text: string, least: number, most: number): number {
  const value = number(name, text, least, most);
  if (!Number.isInteger(value)) throw new Error(`--${name} is '${text}'; allowed is a whole number`);
  return value;
}
