/**
 * A NATS server of the tests' own: on a free port, with JetStream in a directory for temporary files, gone at the end.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { appendFileSync, cpSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@csm/sim';
import { type JetStreamManager, jetstreamManager, type StoredMsg } from '@nats-io/jetstream';
import { connect, type NatsConnection } from '@nats-io/transport-node';

export interface NatsOptions {
  /** Who may connect; everybody when left out. */
  readonly user?: string;
  readonly password?: string;
  /** Default true. */
  readonly jetstream?: boolean;
  /** It encrypts, with a certificate of its own for this IP address; `certificate` is its file. */
  readonly tls?: string;
}

/** A message as it stands in a stream. */
export interface Stored {
  readonly at: number;
  readonly subject: string;
  readonly id: string;
  readonly text: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** Read at once. */
const STEP = 200;

function program(): string | undefined {
  const places = [...(process.env['PATH'] ?? '').split(':'), '/usr/sbin', '/usr/local/bin'];
  return places.map((place) => join(place, 'nats-server')).find((file) => existsSync(file));
}

/** Skips the suite in words where there is no NATS server; fails where all tests are required. */
export function needsNats(this: Mocha.Context): void {
  if (program() !== undefined) return;
  const words = 'skipped: needs nats-server (apt-get install --no-install-recommends nats-server)';
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
  console.log(`      ${words}`);
  this.skip();
}

export class NatsServer {
  readonly directory: string;
  readonly port: number;
  options: NatsOptions;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #log = '';
  #admin: NatsConnection | undefined;
  readonly #atExit: () => void;

  static async start(options: NatsOptions = {}): Promise<NatsServer> {
    const [port = 0] = await freePorts(1);
    const server = new NatsServer(port, options);
    try {
      await server.start();
    } catch (error) {
      await server.remove();
      throw error;
    }
    return server;
  }

  private constructor(port: number, options: NatsOptions) {
    this.port = port;
    this.options = options;
    this.directory = mkdtempSync(join(tmpdir(), 'csm-nats-'));
    this.#atExit = () => {
      this.#process?.kill('SIGKILL');
      rmSync(this.directory, { recursive: true, force: true });
    };
    process.once('exit', this.#atExit);
  }

  get certificate(): string {
    return join(this.directory, 'server.pem');
  }

  /** With what it has stored before. */
  async start(options: NatsOptions = this.options): Promise<void> {
    this.options = options;
    const { user, password, jetstream = true, tls } = options;
    if (tls !== undefined) this.#certify(tls);
    const lines = [
      `listen: 127.0.0.1:${this.port}`,
      ...(jetstream ? [`jetstream { store_dir: "${join(this.directory, 'store')}" }`] : []),
      ...(tls === undefined ? [] : [`tls { cert_file: "${this.certificate}", key_file: "${this.certificate}" }`]),
      ...(user === undefined ? [] : [`authorization { user: "${user}", password: "${password}" }`]),
    ];
    const file = join(this.directory, 'nats.conf');
    writeFileSync(file, `${lines.join('\n')}\n`);
    await until('the NATS server answers', () => this.#begun(file), 60_000).catch((error: Error) => {
      throw new Error(`${error.message}\n${this.#log}`);
    });
  }

  /** SIGKILL is a crash: what the kernel has is not lost. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<void> {
    await this.#admin?.close();
    this.#admin = undefined;
    this.#process?.kill('SIGCONT');
    this.#process?.kill(signal);
    await this.#ended;
    this.#process = undefined;
  }

  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    this.#process?.kill(signal);
  }

  async remove(): Promise<void> {
    await this.stop('SIGKILL');
    process.off('exit', this.#atExit);
    rmSync(this.directory, { recursive: true, force: true });
  }

  /** What it has stored, put aside; the server is stopped. */
  save(): void {
    cpSync(join(this.directory, 'store'), join(this.directory, 'saved'), { recursive: true });
  }

  /** As a machine that lost what it had not written; the server is stopped. */
  restore(): void {
    rmSync(join(this.directory, 'store'), { recursive: true });
    cpSync(join(this.directory, 'saved'), join(this.directory, 'store'), { recursive: true });
  }

  /** A connection for the test itself, until the server is stopped. */
  async connection(): Promise<NatsConnection> {
    if (this.#admin === undefined || this.#admin.isClosed()) {
      const { user, password, tls } = this.options;
      const who = user === undefined || password === undefined ? {} : { user, pass: password };
      const encrypted = tls === undefined ? {} : { tls: { rejectUnauthorized: false } };
      const servers = `127.0.0.1:${this.port}`;
      this.#admin = await connect({ servers, timeout: 30_000, reconnect: false, ...who, ...encrypted });
    }
    return this.#admin;
  }

  async manager(): Promise<JetStreamManager> {
    return jetstreamManager(await this.connection(), { checkAPI: false, timeout: 30_000 });
  }

  /** All messages of a stream, in order; none when there is no such stream. */
  async read(stream: string): Promise<Stored[]> {
    const { streams } = await this.manager();
    const state = await streams.info(stream).then(
      (info) => info.state,
      () => undefined,
    );
    const all: Stored[] = [];
    if (state === undefined) return all;
    for (let first = Math.max(1, state.first_seq); first <= state.last_seq; first += STEP) {
      const count = Math.min(STEP, state.last_seq - first + 1);
      const seqs = Array.from({ length: count }, (_, i) => first + i);
      const found = await Promise.all(seqs.map((seq) => streams.getMessage(stream, { seq })));
      all.push(...found.filter((message) => message !== null).map(storedOf));
    }
    return all;
  }

  /** Key and certificate in one file, for one IP address. */
  #certify(ip: string): void {
    const file = this.certificate;
    const what = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
    const whose = ['-subj', '/CN=bus', '-addext', `subjectAltName=IP:${ip}`];
    const made = spawnSync('openssl', ['req', ...what, ...whose, '-keyout', `${file}.key`, '-out', file]);
    if (made.status !== 0) throw new Error(`openssl failed: ${made.stderr.toString()}`);
    appendFileSync(file, readFileSync(`${file}.key`));
  }

  /** Starts the process unless it runs; whether it answers. The port may be taken for a moment: then it begins again. */
  async #begun(file: string): Promise<boolean> {
    const running = this.#process;
    if (running === undefined || running.exitCode !== null || running.signalCode !== null) {
      const child = spawn(program() ?? '', ['-c', file], { stdio: ['ignore', 'ignore', 'pipe'] });
      this.#process = child;
      child.stderr?.setEncoding('utf8').on('data', (text: string) => {
        this.#log = (this.#log + text).slice(-20_000);
      });
      this.#ended = new Promise((resolve) => child.once('close', () => resolve()));
    }
    try {
      const nc = await this.connection();
      // JetStream recovers its streams before the port is open, but subscribes to their subjects a moment later.
      if (this.options.jetstream !== false) await jetstreamManager(nc, { timeout: 1_000 });
      return true;
    } catch {
      return false;
    }
  }
}

function storedOf(message: StoredMsg): Stored {
  const fields = message.header.keys().map((name) => [name, message.header.get(name)] as const);
  return {
    at: message.seq,
    subject: message.subject,
    id: message.header.get('Nats-Msg-Id'),
    text: message.string(),
    headers: Object.fromEntries(fields),
  };
}

/** Waits for a condition; fails after `ms`. */
export async function until(what: string, condition: () => boolean | Promise<boolean>, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
