/**
 * One simulated node: the real lower end of the tree (links, claims, outbox, at-most-once commands) under other
 * collectors. Nothing of framing, claims, outbox or retries is made here.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { isObject, type Json, mono, wall } from '@csm/model';
import { type Candidate, type CommandHandler, LeafShell, type Log } from '@csm/tree';

export interface SimulatedNodeOptions {
  readonly node: string;
  readonly candidates: readonly Candidate[];
  readonly caFile: string;
  /** Certificate and key in one PEM file. */
  readonly credFile: string;
  readonly stateDir: string;
  readonly intervalMs: number;
  readonly returnAfterMs: number;
  readonly log: Log;
  readonly speak?: string;
}

const KERNEL = '6.1.0-simulated';
const clock = { now: () => ({ mono: mono(performance.now()), wall: wall(Date.now()) }) };
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

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
      const hash = sha256(JSON.stringify(document));
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
  return leaf;
}

/** What a node of this name is made of: plausible, the same at every start. */
function inventoryOf(node: string): Json {
  const digest = sha256(node);
  const uuid = digest.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, '$1-$2-$3-$4-$5');
  return {
    machine_model: 'CSM simulated node',
    serial_number: `SIM-${digest.slice(0, 8).toUpperCase()}`,
    architecture: 'x86_64',
    boot_id: uuid,
    kernel_release: KERNEL,
    kernel_version: '#1 SMP simulated',
    os_image_name: 'Simulated Linux 1',
    installed_memory: 256 * 1024 * 1024,
    installed_swap: 0,
    discovered_sockets: 2,
    discovered_cores: 64,
    discovered_threads: 128,
  };
}

function commandsOf(node: string, leaf: () => LeafShell): Record<string, CommandHandler> {
  return {
    ping: async () => ({ code: 0, text: 'alive' }),
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
