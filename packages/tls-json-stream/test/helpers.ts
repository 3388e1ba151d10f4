import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { initCa, issue, readPem } from '@csm/pki';
import {
  type CloseReason,
  type DialOptions,
  dial,
  type JsonStream,
  type Listener,
  type ListenOptions,
  listen,
  type Refusal,
  type TlsSettings,
} from '../src/index.ts';

export interface Certificates {
  readonly server: TlsSettings;
  readonly client: TlsSettings;
  /** The client again, renewed: another certificate of the same daemon. */
  readonly renewed: TlsSettings;
  readonly expired: TlsSettings;
  /** Of another CA, which it trusts too. */
  readonly foreign: TlsSettings;
  /** A server and a client of that other CA. */
  readonly foreignServer: TlsSettings;
}

async function make(): Promise<Certificates> {
  const dir = await mkdtemp(join(tmpdir(), 'tls-json-stream-'));
  try {
    const other = join(dir, 'other');
    await Promise.all([initCa(dir, { name: 'test CA' }), initCa(other, { name: 'other CA' })]);
    const ca = await readFile(join(dir, 'ca.pem'), 'utf8');
    const otherCa = await readFile(join(other, 'ca.pem'), 'utf8');
    const names = ['localhost', '127.0.0.1', '::1'];
    const get = async (from: string, trusts: string, node: string, options: object = {}): Promise<TlsSettings> => {
      const { file } = await issue(from, { role: 'compute', node, ...options });
      const { cert, key } = await readPem(file, { expired: 'accept' });
      return { ca: trusts, cert, key };
    };
    const old = { validFrom: Date.now() - 2 * 86_400_000, days: 1, names };
    const [server, client, renewed, expired, foreign, foreignServer] = await Promise.all([
      get(dir, ca, 'server', { names }),
      get(dir, ca, 'n001'),
      get(dir, ca, 'n001-new'),
      get(dir, ca, 'old', old),
      get(other, ca + otherCa, 'alien'),
      get(other, otherCa, 'alien-server', { names }),
    ]);
    return { server, client, renewed, expired, foreign, foreignServer };
  } finally {
    await rm(dir, { recursive: true, force: true });
  }
}

let made: Promise<Certificates> | undefined;
/** One set for the whole run. */
export function certificates(): Promise<Certificates> {
  made ??= make();
  return made;
}

/** Waits for a condition; fails after `patience` ms. */
export async function until(what: string, condition: () => boolean, patience = 4000): Promise<void> {
  const end = performance.now() + patience;
  while (!condition()) {
    if (performance.now() > end) throw new Error(`this did not happen in ${patience} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** A stream with everything that came from it. */
export interface Witness {
  readonly stream: JsonStream;
  readonly messages: unknown[];
  readonly closes: CloseReason[];
  batches: number;
  drains: number;
}

export function watch(stream: JsonStream, onMessage?: (value: unknown) => void): Witness {
  const witness: Witness = { stream, messages: [], closes: [], batches: 0, drains: 0 };
  stream.start({
    onMessage: (value) => {
      witness.messages.push(value);
      onMessage?.(value);
    },
    onBatchEnd: () => {
      witness.batches += 1;
    },
    onClose: (reason) => witness.closes.push(reason),
    onDrain: () => {
      witness.drains += 1;
    },
  });
  return witness;
}

/** A listener, what came to it, and a way to dial it. `close` leaves nothing behind. */
export interface House {
  readonly listener: Listener;
  readonly streams: JsonStream[];
  readonly refusals: Refusal[];
  dial(options?: Partial<DialOptions>): Promise<JsonStream>;
  /** Both ends of one connection. */
  pair(options?: Partial<DialOptions>): Promise<[dialed: JsonStream, listened: JsonStream]>;
  /** A bare TCP connection that is destroyed with the house. */
  raw(): Promise<Socket>;
  close(): Promise<void>;
}

export async function house(options: Partial<ListenOptions> = {}): Promise<House> {
  const all = await certificates();
  const streams: JsonStream[] = [];
  const dialed: JsonStream[] = [];
  const raws: Socket[] = [];
  const refusals: Refusal[] = [];
  const listener = await listen({
    host: '127.0.0.1',
    port: 0,
    tls: all.server,
    onStream: (stream) => streams.push(stream),
    onRefused: (refusal) => refusals.push(refusal),
    ...options,
  });
  const { port } = listener.address;
  const self: House = {
    listener,
    streams,
    refusals,
    async dial(extra = {}) {
      const stream = await dial({ host: '127.0.0.1', port, tls: all.client, ...extra });
      dialed.push(stream);
      return stream;
    },
    async pair(extra) {
      const before = streams.length;
      const stream = await self.dial(extra);
      await until('the listener has the stream', () => streams.length > before);
      return [stream, streams.at(-1) as JsonStream];
    },
    async raw() {
      const socket = connect({ port, host: '127.0.0.1' });
      raws.push(socket);
      socket.on('error', () => undefined);
      await new Promise<void>((resolve) => socket.once('connect', resolve));
      return socket;
    },
    async close() {
      for (const socket of raws) socket.destroy();
      for (const stream of [...dialed, ...streams]) stream.destroy('the test is over');
      await Promise.all([...dialed, ...streams].map((stream) => stream.close()));
      await listener.close();
    },
  };
  return self;
}

/** Runs `body` with a house that is closed afterwards. */
export async function withHouse(options: Partial<ListenOptions>, body: (h: House) => Promise<void>): Promise<void> {
  const h = await house(options);
  try {
    await body(h);
  } finally {
    await h.close();
  }
}

/** A plain TCP server on a free port for the time of `body`. */
export async function withTcp(
  onSocket: (socket: Socket) => void,
  body: (port: number) => Promise<void>,
): Promise<void> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    await body((server.address() as AddressInfo).port);
  } finally {
    for (const socket of sockets) socket.destroy();
    await new Promise((resolve) => server.close(resolve));
  }
}
