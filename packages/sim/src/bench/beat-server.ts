/** The other end of the bare Node's links: mutual TLS 1.3, and a beat on each link every interval. */
import { readFileSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';

export interface BeatServer {
  readonly port: number;
  close(): Promise<void>;
}

const BEAT = '15#{"kind":"beat"}';

/** Listens on a port nobody uses. `credFile` holds certificate and key. */
export async function beatServer(caFile: string, credFile: string, intervalMs: number): Promise<BeatServer> {
  const pem = readFileSync(credFile);
  const sockets = new Set<TLSSocket>();
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
      const beats = setInterval(() => socket.write(BEAT), intervalMs);
      sockets.add(socket);
      socket.on('data', () => undefined);
      // Whoever loses a link tells of it; here it is only gone.
      socket.on('error', () => undefined);
      socket.once('close', () => {
        clearInterval(beats);
        sockets.delete(socket);
      });
    },
  );
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
