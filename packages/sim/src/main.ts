/** `csm-sim`: simulated compute nodes in one process, each with its own identity, journal and links. */
import { mkdirSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { expand } from '@csm/nodeset';
import type { LeafShell, Log } from '@csm/tree';
import { simulateNode } from './simulated-node.ts';

const HELP = `csm-sim --nodes n[01-16] --aggregators host:port,host:port --pki DIR --state DIR [--interval S] [--return-after S] [--sample S]

Simulated compute nodes that speak the real protocol: for trying out CSM and for measuring it.
  --nodes         node set; each node needs DIR/compute-<node>.pem (csm cert issue compute <nodes>)
  --aggregators   first choice first; every second node takes them the other way round
  --pki           directory of the CA
  --state         directory for the journals
  --interval      heartbeat interval, seconds (default 15)
  --return-after  seconds until a node returns to its first choice (default 300)
  --sample        seconds between two samples of the environment (default 600; 0 for none)
  --speak         another minor version of the protocol, for tests
`;

const line = (level: string) => (text: string, fields?: Readonly<Record<string, unknown>>) => {
  process.stdout.write(
    `${new Date().toISOString()} ${level} ${text}${fields === undefined ? '' : ` ${JSON.stringify(fields)}`}\n`,
  );
};
const log: Log = { error: line('error'), warn: line('warn'), info: () => undefined, debug: () => undefined };

function hostPort(text: string): { name: string; host: string; port: number } {
  const match = /^(.+):(\d{1,5})$/.exec(text);
  if (match?.[1] === undefined) throw new Error(`--aggregators holds '${text}'; allowed is host:port`);
  return { name: text, host: match[1].replace(/^\[|\]$/g, ''), port: Number(match[2]) };
}

/** Runs until SIGTERM or SIGINT. */
export async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      nodes: { type: 'string' },
      aggregators: { type: 'string' },
      pki: { type: 'string' },
      state: { type: 'string' },
      interval: { type: 'string', default: '15' },
      'return-after': { type: 'string', default: '300' },
      sample: { type: 'string', default: '600' },
      speak: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const { nodes, aggregators, pki, state } = values;
  if (values.help || nodes === undefined || aggregators === undefined || pki === undefined || state === undefined) {
    process.stdout.write(HELP);
    return values.help ? 0 : 8;
  }
  mkdirSync(state, { recursive: true, mode: 0o700 });
  const hubs = aggregators.split(',').map(hostPort);
  const leaves: LeafShell[] = [];
  for (const [i, node] of expand(nodes).entries()) {
    leaves.push(
      await simulateNode({
        node,
        candidates: i % 2 === 0 ? hubs : hubs.toReversed(),
        caFile: `${pki}/ca.pem`,
        credFile: `${pki}/compute-${node}.pem`,
        stateDir: state,
        intervalMs: Number(values.interval) * 1000,
        sampleMs: Number(values.sample) * 1000,
        returnAfterMs: Number(values['return-after']) * 1000,
        log,
        ...(values.speak === undefined ? {} : { speak: values.speak }),
      }),
    );
  }
  const signal = await new Promise<string>((resolve) => {
    process.once('SIGTERM', () => resolve('SIGTERM'));
    process.once('SIGINT', () => resolve('SIGINT'));
  });
  await Promise.all(leaves.map((leaf) => leaf.stop(signal)));
  return 0;
}
