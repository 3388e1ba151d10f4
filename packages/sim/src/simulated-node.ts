/**
 * One simulated node: the real lower end of the tree (links, claims, outbox, at-most-once commands) under other
 * collectors. Nothing of framing, claims, outbox or retries is made here.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { code, isObject, type Now, toProblem } from '@csm/model';
import { type Candidate, type CommandHandler, type DialTurn, LeafShell, type Log, type PassFailpoint } from '@csm/tree';
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
  /** Milliseconds a command takes. */
  readonly latencyMs: number;
  readonly clock: { now(): Now };
  readonly log: Log;
  readonly speak?: string;
  /** For fault tests: passed at each failpoint. */
  readonly failpoint?: PassFailpoint | undefined;
  /** When it may dial; default at once. */
  readonly dialTurn?: DialTurn | undefined;
}

const hashOf = (node: string): string => sha256(JSON.stringify(inventoryOf(node)));

/** Starts a node and reports its made-up inventory whenever the master does not have it. */
export async function simulateNode(options: SimulatedNodeOptions): Promise<LeafShell> {
  const { node, stateDir, log, clock, latencyMs } = options;
  const pem = readFileSync(options.credFile, 'utf8');
  const tls = { ca: readFileSync(options.caFile, 'utf8'), cert: pem, key: pem };
  // It never changes, and a population that moves asks for it all at once.
  const hash = hashOf(node);
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
    failpoint: options.failpoint,
    dialTurn: options.dialTurn,
    commands: delayed(
      latencyMs,
      commandsOf(node, () => leaf),
    ),
    // The same as with the real role: these pass no journal.
    repeatable: ['ping', 'rebalance', 'node.collect'],
    onConfirmed: (_hub, known) => {
      if (hash === known || hash === sent) return;
      const document = inventoryOf(node);
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
  if (options.sampleMs > 0) sampleEvery(options.sampleMs, node, leaf, clock);
  return leaf;
}

/** At once, and then as an aligned bucket does: at multiples of the interval. What is not accepted is one sample less. */
function sampleEvery(ms: number, node: string, leaf: LeafShell, clock: SimulatedNodeOptions['clock']): void {
  const wait = () => setTimeout(sample, ms - (Date.now() % ms)).unref();
  const sample = () => {
    const time = clock.now().wall;
    leaf.offer({ kind: 'environment.sample', urgency: 'sample', time, body: sampleOf(node, time) }).then(
      wait,
      // A node that has ended samples no more.
      (error: unknown) => (toProblem(error).code === code.BAD_STATE ? undefined : wait()),
    );
  };
  sample();
}

/** The same commands, each begun only after so many ms. */
function delayed(ms: number, commands: Record<string, CommandHandler>): Record<string, CommandHandler> {
  if (ms === 0) return commands;
  const later =
    (run: CommandHandler): CommandHandler =>
    async (input, context) => {
      await pause(ms, undefined, { signal: context.signal });
      return run(input, context);
    };
  return Object.fromEntries(Object.entries(commands).map(([name, run]) => [name, later(run)]));
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
