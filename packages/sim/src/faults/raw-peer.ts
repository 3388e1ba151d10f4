/** A node that links to an aggregator as any other, claims it, beats, and reads nothing of what it is sent. */
import { readFileSync } from 'node:fs';
import { connect, type TLSSocket } from 'node:tls';
import { VERSION } from '@csm/protocol';

const BEAT_MS = 150;
const GREETING_MS = 10_000;

export interface RawPeerOptions {
  readonly host: string;
  readonly port: number;
  readonly caFile: string;
  readonly credFile: string;
  readonly node: string;
  readonly intervalMs: number;
}

export class RawPeer {
  readonly #socket: TLSSocket;
  readonly #beats: NodeJS.Timeout;
  /** How the link ended; undefined while it stands. */
  ended: string | undefined;

  /** Resolves when it was welcomed; from then on it does not read. */
  static async link(options: RawPeerOptions): Promise<RawPeer> {
    const { host, port, caFile, credFile, node, intervalMs } = options;
    const pem = readFileSync(credFile, 'utf8');
    const socket = connect({
      host,
      port,
      ca: readFileSync(caFile, 'utf8'),
      cert: pem,
      key: pem,
      minVersion: 'TLSv1.3',
    });
    const names = { role: 'compute', node, incarnation: `i-${node}`, session: `s-${node}-${Date.now()}` };
    socket.once('secureConnect', () =>
      write(socket, { kind: 'hello', version: VERSION, ...names, interval: intervalMs, clock: Date.now() }),
    );
    await new Promise<void>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error(`${node} was not welcomed`)), GREETING_MS);
      socket.once('data', (bytes) => {
        clearTimeout(late);
        socket.pause();
        const text = bytes.toString('utf8');
        if (text.includes('"kind":"welcome"')) resolve();
        else reject(new Error(`${node} was answered ${text}`));
      });
      socket.once('error', reject);
    });
    write(socket, { kind: 'claim', term: Date.now(), incarnation: names.incarnation });
    return new RawPeer(socket);
  }

  private constructor(socket: TLSSocket) {
    this.#socket = socket;
    this.#beats = setInterval(() => write(socket, { kind: 'beat' }), BEAT_MS);
    socket.on('error', (error) => {
      this.ended ??= error.message;
    });
    socket.once('close', () => {
      this.ended ??= 'closed';
      clearInterval(this.#beats);
    });
  }

  close(): void {
    clearInterval(this.#beats);
    this.#socket.destroy();
  }
}

function write(socket: TLSSocket, message: object): void {
  const text = JSON.stringify(message);
  socket.write(`${Buffer.byteLength(text)}#${text}`);
}
