/**
 * Clients of a bare server: links that each send a beat every interval, evenly spread, and read what comes back. Run
 * as `node clients.js <JSON>`; orders are `connect`, `beat` (every 0 ms: none any more) and `count`. Ends with 1 when a
 * link does.
 */
import { readFileSync } from 'node:fs';
import { connect, createSecureContext, type TLSSocket } from 'node:tls';
import { BEAT, BEAT_BYTES } from './beat.ts';
import { serveOrders } from './orders.ts';
import { nextBeat } from './pace.ts';

export interface BareClientsFiles {
  readonly caFile: string;
  /** Certificate and key, the same for all its links. */
  readonly credFile: string;
}

/** Handshakes at once. */
const CONNECTING = 64;

const { caFile, credFile } = JSON.parse(process.argv[2] ?? '{}') as BareClientsFiles;
const pem = readFileSync(credFile);
const secureContext = createSecureContext({ ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' });
const sockets: TLSSocket[] = [];
let timers: NodeJS.Timeout[] = [];
let sent = 0;
let bytes = 0;

function fail(why: string): void {
  process.stderr.write(`a link ended: ${why}\n`);
  process.exit(1);
}

function link(port: number): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port, secureContext });
    socket.setNoDelay(true);
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('closed'));
    socket.on('data', (chunk) => {
      bytes += chunk.length;
    });
    socket.once('secureConnect', () => {
      sockets.push(socket);
      resolve();
    });
  });
}

async function connectAll(port: number, count: number): Promise<void> {
  let left = count;
  const some = async (): Promise<void> => {
    while (left-- > 0) await link(port);
  };
  await Promise.all(Array.from({ length: CONNECTING }, some));
}

/** Each link by a clock of its own. */
function beat(intervalMs: number): void {
  for (const timer of timers) clearTimeout(timer);
  timers = [];
  if (intervalMs === 0) return;
  for (const [i, socket] of sockets.entries()) {
    let due = performance.now() + Math.random() * intervalMs;
    const wait = (): void => {
      timers[i] = setTimeout(one, Math.ceil(due - performance.now()));
    };
    const one = (): void => {
      sent++;
      socket.write(BEAT);
      due = nextBeat(due, performance.now(), intervalMs);
      wait();
    };
    wait();
  }
}

serveOrders(async (order) => {
  const number = (name: string): number => {
    const value = order[name];
    if (typeof value !== 'number') throw new Error(`${name} is ${String(value)}; allowed is a number`);
    return value;
  };
  switch (order['do']) {
    case 'connect':
      await connectAll(number('port'), number('links'));
      return { links: sockets.length };
    case 'beat':
      beat(number('intervalMs'));
      return {};
    case 'count':
      return { sent, answered: Math.floor(bytes / BEAT_BYTES) };
    default:
      throw new Error(`do is '${String(order['do'])}'; allowed are connect, beat, count`);
  }
});
