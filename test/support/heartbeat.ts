/** A daemon of the role `heartbeat` for tests: its own process, its own database, reached over HTTP and its socket. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Client } from '@csm/client';
import { CSMD, type Ended, freePorts, until } from './daemons.ts';

export interface HeartbeatOptions {
  /** Below `csm` of its file; without it there is no file. */
  readonly config?: object;
  readonly args?: readonly string[];
  readonly env?: NodeJS.ProcessEnv;
}

export class HeartbeatDaemon {
  readonly port: number;
  readonly socket: string;
  readonly child: ChildProcess;
  readonly ended: Promise<Ended>;
  readonly #out = { stdout: '', stderr: '' };
  #client: Client | undefined;

  constructor(directory: string, name: string, port: number, { config, args = [], env = {} }: HeartbeatOptions) {
    this.port = port;
    this.socket = join(directory, `${name}.sock`);
    const file = join(directory, `${name}.cfg`);
    const net = { local_client_listen: { socket: this.socket } };
    const listen = { host: '127.0.0.1', port };
    const common = { node_name: name, state_dir: join(directory, name), listen, net };
    if (config !== undefined) writeFileSync(file, JSON.stringify({ csm: { ...common, ...config } }), { mode: 0o600 });
    const from = config === undefined ? [] : ['--file', file];
    this.child = spawn(process.execPath, [CSMD, '--role', 'heartbeat', ...from, ...args], {
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of ['stdout', 'stderr'] as const) {
      this.child[stream]?.setEncoding('utf8').on('data', (text: string) => {
        this.#out[stream] += text;
      });
    }
    this.ended = new Promise((resolve) => {
      this.child.once('close', (code, signal) => resolve({ code, signal, ...this.#out }));
    });
  }

  get log(): string {
    return this.#out.stdout + this.#out.stderr;
  }

  get isRunning(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  /** Of its socket. */
  get client(): Client {
    this.#client ??= new Client({ socket: this.socket });
    return this.#client;
  }

  /** Waits until it answers to a probe, whatever the answer is. */
  async started(): Promise<this> {
    await until('the heartbeat service answers', async () => {
      if (!this.isRunning) throw new Error(`it has ended: ${this.log.slice(-2000)}`);
      return (await this.get('/hmi/v1/liveness')).status === 204;
    });
    return this;
  }

  async ask(method: string, path: string, body?: unknown): Promise<{ status: number; text: string; json: unknown }> {
    const answer = await fetch(`http://127.0.0.1:${this.port}${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(20_000),
    });
    const text = await answer.text();
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return { status: answer.status, text, json: isJson ? (JSON.parse(text) as unknown) : undefined };
  }

  get(path: string) {
    return this.ask('GET', path);
  }

  /** A heartbeat; gives the status. */
  async beat(name: string, status = 'OK'): Promise<number> {
    const body = { Component: name, Hostname: name, NID: '1', Status: status, Timestamp: new Date().toISOString() };
    return (await this.ask('POST', '/hmi/v1/heartbeat', body)).status;
  }

  /** What became of a component, oldest first. */
  async story(name: string): Promise<string[]> {
    const { json } = await this.get(`/hmi/v1/components/${name}/history`);
    const { History = [] } = (json ?? {}) as { readonly History?: readonly { readonly Change: string }[] };
    return History.map(({ Change }) => Change).reverse();
  }

  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<Ended> {
    this.#client?.close();
    this.#client = undefined;
    if (this.isRunning) {
      this.child.kill('SIGCONT');
      this.child.kill(signal);
    }
    return this.ended;
  }
}

/** A directory in which such daemons are started; all of it ends with it. */
export class HeartbeatSite {
  readonly directory = mkdtempSync(join(tmpdir(), 'csm-hb-'));
  readonly #daemons: HeartbeatDaemon[] = [];

  /** Once more with the same name: on the database of the one before. */
  async start(name: string, options: HeartbeatOptions, port?: number): Promise<HeartbeatDaemon> {
    const [free = 0] = port === undefined ? await freePorts(1) : [port];
    const daemon = new HeartbeatDaemon(this.directory, name, free, options);
    this.#daemons.push(daemon);
    return daemon;
  }

  async close(): Promise<void> {
    for (const daemon of this.#daemons) {
      const late = setTimeout(() => daemon.child.kill('SIGKILL'), 20_000);
      await daemon.stop();
      clearTimeout(late);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
