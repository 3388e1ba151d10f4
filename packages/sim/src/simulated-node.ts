/**
 * One simulated node: the real lower end of the tree (links, claims, outbox, at-most-once commands) under other
 * collectors. Nothing of framing, claims, outbox or retries is made here.
 */
import { readFileSync } from 'node:fs';
import { isObject, mono, wall } from '@csm/model';
import { type Candidate, type CommandHandler, LeafShell, type Log } from '@csm/tree';
import { inventoryOf, KERNEL, sha256 } from './simulated-inventory.ts';
import { sampleOf } from './simulated-samples.ts';

export interface SimulatedNodeOptions {
  readonly node: string;
  readonly candidates: readonly Candidate[];
  readonly caFile: string;
  /** Certificate and key in one PEM file. */
  readonly credFile: string;
  readonly stateDir: string;
  readonly intervalMs: number;
  readonly returnAfterMs: number;
  /** Milliseconds between two samples of its environment; 0 for none. */
  readonly sampleMs: number;
  readonly log: Log;
  readonly speak?: string;
}

const hashOf = (node: string): string => sha256(JSON.stringify(inventoryOf(node)));
const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };

/** Starts a node and reports its made-up inventory whenever the master does not have it. */
export async function simulateNode(options: SimulatedNodeOptions): Promise<LeafShell> {
  const { node, stateDir, log } = options;
  const pem = readFileSync(options.credFile, 'utf8');
  const tls = { ca: readFileSync(options.caFile, 'utf8'), cert: pem, key: pem };
  let sent: string | undefined;
  const leaf: LeafShell = await LeafShell.start({
    role: 'compute',
    node,
    candidates: options.candidates,
    tls: () => tls,
    revoked: () => new Set(),
    log,
    clock,
    journal: `${stateDir}/compute-${node}.journal`,
    intervalMs: options.intervalMs,
    returnAfterMs: options.returnAfterMs,
    outboxBytes: 16 * 1024 * 1024,
    ...(options.speak === undefined ? {} : { speak: options.speak }),
    commands: commandsOf(node, () => leaf),
    onConfirmed: (_hub, known) => {
      const document = inventoryOf(node);
      const hash = hashOf(node);
      if (hash === known || hash === sent) return;
      sent = hash;
      const time = clock.now().wall;
      leaf
        .offer({
          kind: 'node.inventory',
          urgency: 'normal',
          time,
          body: {
            hash,
            document,
          },
        })
        .catch((error: unknown) => {
          sent = undefined;
          log.warn('the inventory was not accepted', {
            node,
            error,
          });
        });
    },
  });
  if (options.sampleMs > 0) sampleEvery(options.sampleMs, node, leaf);
  return leaf;
}

/** At once, and then as an aligned bucket does: at multiples of the interval. What is not accepted is one sample less. */
function sampleEvery(ms: number, node: string, leaf: LeafShell): void {
  const wait = () => setTimeout(sample, ms - (Date.now() % ms)).unref();
  const sample = () => {
    const time = clock.now().wall;
    leaf
      .offer({ kind: 'environment.sample', urgency: 'sample', time, body: sampleOf(node, time) })
      .catch(() => undefined);
    wait();
  };
  sample();
}

function commandsOf(node: string, leaf: () => LeafShell): Record<string, CommandHandler> {
  return {
    ping: async () => ({ code: 0, text: 'alive' }),
    'node.collect': async () => ({ code: 0, text: 'unchanged', body: { changed: false } }),
    rebalance: async (input) => {
      leaf().rebalance((isObject(input) && typeof input['spread'] === 'number' ? input['spread'] : 5) * 1000);
      return { code: 0, text: 'moves to its first choice unless it is there' };
    },
    run: async (input) => {
      const argv = isObject(input) && Array.isArray(input['argv']) ? input['argv'].join(' ') : '?';
      return { code: 0, text: '', body: { exit: 0, output: `${answerOf(argv, node)}\n` } };
    },
  };
}

/** A simulated node runs no program: it knows a few answers by heart and says of the rest that it is simulated. */
function answerOf(argv: string, node: string): string {
  if (argv === 'hostname') return node;
  if (argv === 'uname -r') return KERNEL;
  return `simulated node, nothing was run: ${argv}`;
}
