/**
 * The least that an aggregator must do for a command: a mutual TLS 1.3 server that writes a frame to each link and
 * reads one answer of each. Run as `node asker.js <JSON>`; orders are `listen`, `linked`, answered once it has exactly so
 * many links, and `ask`, answered once every link has.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { COMMAND, RESULT } from './command.ts';
import { serveOrders } from './orders.ts';
import type { BareServerFiles } from './server.ts';

const { caFile, credFile } = JSON.parse(process.argv[2] ?? '{}') as BareServerFiles;
const pem = readFileSync(credFile);
const tls = { ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' } as const;
const links = new Set<TLSSocket>();
let missing = 0;
let answered: () => void = () => undefined;
let changed: () => void = () => undefined;
const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (socket) => {
  let have = 0;
  links.add(socket);
  changed();
  socket.setNoDelay(true);
  socket.on('data', (chunk) => {
    have += chunk.length;
    for (; have >= RESULT.length; have -= RESULT.length) if (--missing === 0) answered();
  });
  // Its clients tell when a link ends that should not.
  socket.on('error', () => undefined);
  socket.once('close', () => {
    links.delete(socket);
    changed();
  });
});

serveOrders(async (order) => {
  switch (order['do']) {
    case 'listen':
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port: 0, host: '127.0.0.1', backlog: 4096 }, resolve);
      });
      return { port: (server.address() as AddressInfo).port };
    case 'linked':
      await new Promise<void>((resolve) => {
        changed = () => {
          if (links.size === order['links']) resolve();
        };
        changed();
      });
      return {};
    case 'ask': {
      missing = links.size;
      const all = new Promise<void>((resolve) => {
        answered = resolve;
      });
      for (const link of links) link.write(COMMAND);
      if (missing > 0) await all;
      return { links: links.size };
    }
    default:
      throw new Error(`do is '${String(order['do'])}'; allowed are listen, linked, ask`);
  }
});
