/** Peers that do not read what they asked for: clients of a stream, and a node that is sent commands. */
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import type { Fault, Round } from '../fault.ts';
import { DEAF, type Ground, INTERVAL_S } from '../ground.ts';
import { RawPeer } from '../raw-peer.ts';

const ROUNDS = 3;
const CLIENTS = 8;
const LASTS_MS = 3_000;
/** What a node that does not read is sent: its system takes some hundred KiB before anything waits at the aggregator. */
const COMMANDS = 150;
const COMMAND_BYTES = 64_000;
/** A daemon that keeps what nobody reads would grow by all that was sent. */
const GROWTH_MAX_MIB = 150;

const times = (short: boolean, of: () => Round): Round[] => Array.from({ length: short ? 1 : ROUNDS }, of);

/** Makes changes: nodes go back to their first choice and tell it. */
async function stir(ground: Ground): Promise<void> {
  try {
    for await (const _ of ground.admin.stream(
      'tree.rebalance',
      { nodes: ground.nodeset, spread: 0 },
      { timeoutSeconds: 5 },
    ));
  } catch {
    // What it gives does not matter here.
  }
}

export const slowClients: Fault = {
  name: 'slow-clients',
  what: `${CLIENTS} clients follow all changes from the first on and never read`,
  needs: [],
  place: 'anywhere',
  rounds: (_ground, _random, short) =>
    times(short, () => {
      const sockets: Socket[] = [];
      return {
        what: 'clients that do not read',
        cut: () => [],
        lasts: short ? 1_000 : LASTS_MS,
        noticed: false,
        async inject(ground) {
          for (let i = 0; i < CLIENTS; i++) {
            const socket = connect(ground.site.socket(i % 2 === 0 ? 'login' : await ground.leader()));
            socket.on('error', () => undefined);
            socket.pause();
            socket.write('GET /csm/v1/changes?since=0 HTTP/1.1\r\nHost: csm\r\n\r\n');
            sockets.push(socket);
          }
          await stir(ground);
        },
        async heal() {
          for (const socket of sockets.splice(0)) socket.destroy();
        },
      };
    }),
};

export const deafNode: Fault = {
  name: 'deaf-node',
  what: 'a node that is linked, beats and claims, and reads nothing of the commands it is sent',
  needs: [],
  place: 'loopback',
  rounds: (_ground, _random, short) =>
    times(short, () => {
      let peer: RawPeer | undefined;
      return {
        what: 'a node that does not read',
        cut: () => [DEAF],
        lasts: 0,
        noticed: true,
        async inject(ground, begins) {
          const { site, tree } = ground;
          const before = memoryOf(ground);
          peer = await RawPeer.link({
            host: '127.0.0.1',
            port: tree.ports.a,
            caFile: site.caFile,
            credFile: site.credFile('compute', DEAF),
            node: DEAF,
            intervalMs: INTERVAL_S * 1000,
          });
          // Before that its commands would fail at once: it is not there.
          await site.until(`${DEAF} is known`, async () => {
            const { connected, primary_aggregator } = await ground.admin.call('node.show', { name: DEAF });
            return connected && primary_aggregator !== null;
          });
          begins();
          const argv = ['true', 'x'.repeat(COMMAND_BYTES)];
          // Commands that nobody answers end at their deadline, or with the link.
          const commands = Array.from({ length: short ? COMMANDS / 3 : COMMANDS }, () =>
            send(ground, argv).catch(() => undefined),
          );
          await Promise.all(commands);
          await pause(100, undefined, { signal: site.signal });
          const grown = memoryOf(ground) - before;
          if (grown > GROWTH_MAX_MIB) throw new Error(`agg-a has grown by ${grown} MiB for a node that does not read`);
        },
        async heal() {
          peer?.close();
        },
      };
    }),
};

async function send(ground: Ground, argv: string[]): Promise<void> {
  const parts = ground.admin.stream('run', { nodes: DEAF, argv, deadline: 2 }, { timeoutSeconds: 10 });
  for await (const _ of parts);
}

const memoryOf = (ground: Ground): number => Math.round(ground.residentKib('agg-a') / 1024);
