/**
 * The least that any aggregator must do: a mutual TLS 1.3 server that answers every frame with one of the same size.
 * Run as `node server.js <JSON>`; orders are `listen`, `count` and `collect`.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';
import { BEAT, BEAT_BYTES } from './beat.ts';
import { collectAll } from './collect.ts';
import { serveOrders } from './orders.ts';

export interface BareServerFiles {
  readonly caFile: string;
  /** Certificate and key. */
  readonly credFile: string;
}

const { caFile, credFile } = JSON.parse(process.argv[2] ?? '{}') as BareServerFiles;
const pem = readFileSync(credFile);
let frames = 0;
let links = 0;
const server = createServer(
  {
    ca: readFileSync(caFile),
    cert: pem,
    key: pem,
    minVersion: 'TLSv1.3',
    requestCert: true,
    rejectUnauthorized: true,
  },
  (socket) => {
    let have = 0;
    links++;
    socket.setNoDelay(true);
    socket.on('data', (chunk) => {
      have += chunk.length;
      for (; have >= BEAT_BYTES; have -= BEAT_BYTES) {
        frames++;
        socket.write(BEAT);
      }
    });
    // Its clients tell when a link ends that should not.
    socket.on('error', () => undefined);
    socket.once('close', () => links--);
  },
);

serveOrders(async (order) => {
  switch (order['do']) {
    case 'listen':
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: 0, host: '127.0.0.1', backlog: 1024 }, resolve);
      });
      return { port: (server.address() as AddressInfo).port };
    case 'count':
      return { frames, links };
    case 'collect':
      await collectAll();
      return {};
    default:
      throw new Error(`do is '${String(order['do'])}'; allowed are listen, count, collect`);
  }
});
