/**
 * A bare TLS server that reads one frame of each client and nothing else: what a hub's part in a failover cannot cost
 * less than. Run as `node bare-hub.js <JSON>`; says `{"port"}` once it listens, and `{"times"}`, wall ms of each frame,
 * once it has read as many as it was ordered to.
 */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer } from 'node:tls';

export interface BareHubOrder {
  readonly caFile: string;
  /** Certificate and key. */
  readonly credFile: string;
  readonly frames: number;
}

const HASH = 0x23;

const { caFile, credFile, frames } = JSON.parse(process.argv[2] ?? '{}') as BareHubOrder;
const pem = readFileSync(credFile);
const times: number[] = [];
const tls = { ca: readFileSync(caFile), cert: pem, key: pem, minVersion: 'TLSv1.3' } as const;
const server = createServer({ ...tls, requestCert: true, rejectUnauthorized: true }, (socket) => {
  let missing = -1;
  socket.on('error', () => undefined);
  socket.on('data', (chunk) => {
    const head = chunk.indexOf(HASH);
    missing =
      missing < 0 ? Number(chunk.toString('latin1', 0, head)) - (chunk.length - head - 1) : missing - chunk.length;
    if (missing > 0) return;
    times.push(performance.timeOrigin + performance.now());
    if (times.length === frames) process.stdout.write(`${JSON.stringify({ times })}\n`);
  });
});
server.listen(0, '127.0.0.1', 4096, () => {
  process.stdout.write(`${JSON.stringify({ port: (server.address() as AddressInfo).port })}\n`);
});
process.once('SIGTERM', () => process.exit(0));
