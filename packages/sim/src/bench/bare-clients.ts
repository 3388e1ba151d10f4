/**
 * Clients with a link to each of two bare servers; when the first is lost, a client writes one frame, as large as a
 * claim, to the second. Run as `node bare-clients.js <JSON>`; says `{"linked"}` once all links stand.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';

export interface BareClientsOrder {
  readonly ports: readonly [number, number];
  readonly caFile: string;
  /** Certificate and key of all of them. */
  readonly credFile: string;
  readonly clients: number;
}

/** Handshakes under way at once. */
const AT_ONCE = 64;

const { ports, caFile, credFile, clients } = JSON.parse(process.argv[2] ?? '{}') as BareClientsOrder;
const pem = readFileSync(credFile);
const tls = { ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' } as const;

function link(port: number): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ ...tls, host: '127.0.0.1', port }, () => resolve(socket));
    socket.once('error', reject);
    socket.on('error', () => undefined);
    socket.setNoDelay(true);
    socket.resume();
  });
}

const waiting = Array.from({ length: clients }).entries();
async function some(): Promise<void> {
  for (const _ of waiting) {
    const [first, second] = await Promise.all([link(ports[0]), link(ports[1])]);
    first.once('close', () => {
      const text = JSON.stringify({ kind: 'claim', term: 2, incarnation: randomUUID() });
      second.write(`${text.length}#${text}`, 'latin1');
    });
  }
}
await Promise.all(Array.from({ length: AT_ONCE }, some));
process.stdout.write(`${JSON.stringify({ linked: clients })}\n`);
process.once('SIGTERM', () => process.exit(0));
