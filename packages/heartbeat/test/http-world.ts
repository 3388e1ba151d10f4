/** The real service over a database, in memory where no other is asked for, on a clock that a test moves, behind its real HTTP door. */
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { type MemoryLog, memoryLog } from '@csm/kit';
import { type Now, wall } from '@csm/model';
import type { Store } from '@csm/store';
import { type Assembled, assemble } from '../src/assemble.ts';
import { hsmRoutes } from '../src/hsm/routes.ts';
import type { DoorLimits } from '../src/http/limits.ts';
import { createHeartbeatServer, type HeartbeatServer, type HeartbeatServerOptions } from '../src/http/server.ts';
import { DEFAULT_PARAMS } from '../src/params/rules.ts';
import type { Setup } from '../src/setup.ts';
import { readHistory, readIncidents } from '../src/store/queries.ts';
import type { Params } from '../src/types.ts';
import { HandTime } from './hand-time.ts';
import { type OpenStore, openInMemory } from './http-engines.ts';

/** Of what only hangs when something is wrong; each request takes a fraction of it. */
const PATIENCE_MS = 30_000;

export interface Reply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** The text as JSON. */
  readonly json: Record<string, unknown>;
}

export interface Asking {
  /** Sent as it is. */
  readonly text?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WorldOptions {
  readonly params?: Partial<Params>;
  readonly limits?: Partial<DoorLimits>;
  readonly maxComponents?: number;
  readonly manager?: 'builtin' | 'none';
  readonly server?: Partial<HeartbeatServerOptions>;
  /** Default: a database in memory. */
  readonly open?: OpenStore;
}

export const beatOf = (Component: string, more: Readonly<Record<string, unknown>> = {}) => ({
  Component,
  Hostname: 'nid000001',
  NID: '1',
  Status: 'OK',
  Timestamp: 'Jan 1, 0000',
  ...more,
});

/** A clock whose wall may step, as one does that is set. */
export class SteppedTime extends HandTime {
  #stepped = 0;

  override now(): Now {
    const { mono, wall: shown } = super.now();
    return { mono, wall: wall(shown + this.#stepped) };
  }

  stepWall(ms: number): void {
    this.#stepped += ms;
  }
}

export class HttpWorld {
  readonly time = new SteppedTime();
  readonly log: MemoryLog = memoryLog();
  readonly #undo: (() => Promise<unknown>)[] = [];
  #store: Store | undefined;
  #assembled: Assembled | undefined;
  #server: HeartbeatServer | undefined;

  static async start(options: WorldOptions = {}): Promise<HttpWorld> {
    const world = new HttpWorld();
    try {
      await world.#start(options);
    } catch (error) {
      await world.close();
      throw error;
    }
    return world;
  }

  async #start({
    params,
    limits,
    maxComponents = 1_000,
    manager = 'builtin',
    server,
    open = openInMemory,
  }: WorldOptions): Promise<void> {
    const { time, log } = this;
    const store = await open(() => time.now().wall);
    this.#store = store;
    this.#undo.push(() => store.close());
    const setup: Setup = {
      listen: { host: '127.0.0.1', port: 0 },
      tls: { cert_file: undefined, key_file: undefined, ca_file: undefined, identity: 'none' },
      manager: { kind: manager, sm_url: undefined, sm_timeout: 10, sm_retries: 3, discover: true },
      max_components: maxComponents,
      history_keep: 86_400_000,
      flush_interval: 2_000,
      limits: { body: 65_536, connections: 1_000 },
      params: { ...DEFAULT_PARAMS, Sm_url: '', Nosm: manager === 'none' ? '1' : '0', ...params },
      special: [],
      bus: undefined,
      clearOnGap: false,
    };
    const assembled = await assemble({ store, setup, time, log, cutOff: async () => undefined });
    this.#assembled = assembled;
    this.#undo.push(() => assembled.service.stop());
    const { service, notifications } = assembled;
    const made = createHeartbeatServer({
      listen: { host: '127.0.0.1', port: 0 },
      log,
      records: {
        history: (filter) => readHistory(store, filter),
        incidents: (filter) => readIncidents(store, filter),
        changes: store.changes,
      },
      routes: hsmRoutes({ store, service, subscriptionsChanged: () => notifications.refresh() }),
      wallNow: () => time.now().wall,
      ...(limits === undefined ? {} : { limits }),
      ...server,
    });
    made.serve(service);
    this.#server = made;
    this.#undo.push(() => made.close());
    await made.listen();
  }

  get server(): HeartbeatServer {
    if (this.#server === undefined) throw new Error('the world has no server');
    return this.#server;
  }

  get service(): Assembled['service'] {
    if (this.#assembled === undefined) throw new Error('the world has no service');
    return this.#assembled.service;
  }

  get store(): Store {
    if (this.#store === undefined) throw new Error('the world has no store');
    return this.#store;
  }

  /** Moves the clock so many ms on; what is due on the way is done in its order. */
  async pass(ms: number): Promise<void> {
    const end = this.time.ms + ms;
    while (this.time.next <= end) {
      this.time.moveTo(this.time.next);
      await this.settle();
    }
    this.time.moveTo(end);
    await this.settle();
  }

  /** Lets what was begun without the clock come to its end. */
  async settle(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await new Promise(setImmediate);
  }

  /** `path` is from the root; a body is sent as JSON. */
  ask(method: string, path: string, body?: unknown, asking: Asking = {}): Promise<Reply> {
    return askAt(this.server.url, method, path, body, asking);
  }

  /** A heartbeat; fails when it does not count. */
  async beat(Component: string, more: Readonly<Record<string, unknown>> = {}): Promise<void> {
    const { status, text } = await this.ask('POST', '/hmi/v1/heartbeat', beatOf(Component, more));
    if (status !== 200) throw new Error(`the heartbeat of ${Component} was refused: ${status} ${text}`);
  }

  /** What became of a component, oldest first, such as `started` or `dead`; all that waits is written before. */
  async story(name: string): Promise<string[]> {
    for (const deadline = performance.now() + PATIENCE_MS; ; ) {
      await this.settle();
      const { waiting } = this.service.health();
      if (waiting.store === 0) break;
      if (performance.now() > deadline) throw new Error(`changes wait to be stored: ${waiting.store}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return (await readHistory(this.store, { names: [name] })).map(({ kind }) => kind).reverse();
  }

  async close(): Promise<void> {
    for (const step of this.#undo.splice(0).reverse()) await step();
  }
}

export function askAt(
  url: string,
  method: string,
  path: string,
  body?: unknown,
  { text, headers }: Asking = {},
): Promise<Reply> {
  const sent = text ?? (body === undefined ? undefined : JSON.stringify(body));
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    // The target as it stands: a URL would tidy it up.
    const asked = request({ hostname, port, method, path, headers: { ...headers }, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.once('error', reject);
      response.once('end', () => {
        const whole = Buffer.concat(chunks).toString();
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: whole,
          get json() {
            return JSON.parse(whole) as Record<string, unknown>;
          },
        });
      });
    });
    asked.setTimeout(PATIENCE_MS, () => asked.destroy(new Error(`${method} ${path} is not answered`)));
    asked.once('error', reject);
    if (sent !== undefined && headers?.['content-length'] === undefined && headers?.['transfer-encoding'] === undefined)
      asked.setHeader('content-length', Buffer.byteLength(sent));
    asked.end(sent);
  });
}

/** Sends bytes as they are and gives all that comes back until the other end closes. */
export function sendRaw(url: string, bytes: string | Buffer): Promise<string> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname);
    const chunks: Buffer[] = [];
    socket.setTimeout(PATIENCE_MS, () => socket.destroy(new Error('the connection stays open')));
    socket.on('data', (chunk: Buffer) => chunks.push(chunk));
    socket.once('error', reject);
    socket.once('close', () => resolve(Buffer.concat(chunks).toString()));
    socket.write(bytes);
  });
}
