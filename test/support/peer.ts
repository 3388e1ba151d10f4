/** A peer of a daemon made by hand: TLS and frames are real, what it says is the test's business. */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { isObject, type Role } from '@csm/model';
import { VERSION } from '@csm/protocol';
import { dial, type JsonStream } from 'tls-json-stream';
import { until } from './daemons.ts';

export interface Credentials {
  /** Files. */
  readonly ca: string;
  readonly cred: string;
}

export const tlsOf = ({ ca, cred }: Credentials) => {
  const pem = readFileSync(cred, 'utf8');
  return { ca: readFileSync(ca, 'utf8'), cert: pem, key: pem };
};

export type Said = Readonly<Record<string, unknown>> & { readonly kind: string };

export class RawPeer {
  readonly stream: JsonStream;
  readonly heard: Said[] = [];
  /** How the stream ended, in words. */
  ended: string | undefined;

  private constructor(stream: JsonStream) {
    this.stream = stream;
    stream.start({
      onMessage: (value) => {
        if (isObject(value) && value['kind'] !== 'beat') this.heard.push(value as Said);
      },
      onClose: ({ text }) => {
        this.ended = text;
      },
    });
  }

  /** Connects; resolves once TLS stands, which says nothing yet about what the listener thinks of us. */
  static async connect(port: number, credentials: Credentials): Promise<RawPeer> {
    return new RawPeer(await dial({ host: '127.0.0.1', port, tls: tlsOf(credentials) }));
  }

  /** Connects and greets; resolves when it is welcomed. */
  static async link(
    port: number,
    role: Role,
    node: string,
    credentials: Credentials,
    more: object = {},
  ): Promise<RawPeer> {
    const peer = await RawPeer.connect(port, credentials);
    peer.stream.send({ ...hello(role, node), ...more });
    await peer.hears('welcome');
    return peer;
  }

  hears(kind: string, from = 0): Promise<Said> {
    return until(`a '${kind}'`, () => {
      const found = this.heard.filter((said) => said.kind === kind)[from];
      if (found === undefined && this.ended !== undefined)
        throw new Error(`ended: ${this.ended}; heard ${JSON.stringify(this.heard).slice(0, 500)}`);
      return found;
    });
  }

  /** Resolves with the words when the other end has closed. */
  closed(): Promise<string> {
    return until('it is closed', () => this.ended);
  }

  close(): void {
    this.stream.destroy('the test is over');
  }
}

export const hello = (role: Role, node: string) => ({
  kind: 'hello',
  version: VERSION,
  role,
  node,
  incarnation: randomUUID(),
  session: randomUUID(),
  interval: 3_600_000,
  clock: Date.now(),
});

/** A bare TCP connection, and whether the other end has closed it. */
export interface Bare {
  readonly socket: Socket | TLSSocket;
  readonly received: () => string;
  readonly isClosed: () => boolean;
}

function watched(socket: Socket | TLSSocket): Bare {
  let received = '';
  let closed = false;
  socket.on('data', (chunk: Buffer) => {
    if (received.length < 100_000) received += chunk.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    closed = true;
  });
  return { socket, received: () => received, isClosed: () => closed };
}

/** Connects to a port or a unix socket. */
export function bare(where: number | string): Promise<Bare> {
  return new Promise((resolve, reject) => {
    const socket = typeof where === 'number' ? connectTcp(where, '127.0.0.1') : connectTcp(where);
    const seen = watched(socket);
    socket.once('connect', () => resolve(seen));
    socket.once('error', reject);
  });
}

/** TLS by hand; `cred` undefined shows no certificate. */
export function bareTls(port: number, ca: string, cred?: string): Promise<Bare> {
  return new Promise((resolve, reject) => {
    const own = cred === undefined ? {} : { cert: readFileSync(cred), key: readFileSync(cred) };
    const socket = connectTls({ host: '127.0.0.1', port, ca: readFileSync(ca), ...own });
    const seen = watched(socket);
    socket.once('secureConnect', () => resolve(seen));
    socket.once('error', reject);
  });
}
