/**
 * A PostgreSQL server of one's own: made in a directory for temporary files, on a unix socket there, as an unprivileged
 * user where we are root (the server refuses root), and gone at the end.
 */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { Client, type ClientConfig } from 'pg';

export interface PostgresOptions {
  /** False where a crash may lose what was committed: quicker. Default true. */
  readonly durable?: boolean;
  /** Lines for postgresql.conf, as `name=value`. */
  readonly settings?: readonly string[];
  /** Where its directory is made. */
  readonly base?: string;
}

const PORT = 5433;
const START_MS = 60_000;

/** Where `initdb` and `postgres` are; undefined when they are not installed. */
export function postgresPrograms(): string | undefined {
  const debian = '/usr/lib/postgresql';
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  // A directory of a version before PATH: there may stand a wrapper of the same name that lacks the others.
  const places = [...versions.map((v) => join(debian, v, 'bin')), ...(process.env['PATH'] ?? '').split(':')];
  return places.find((place) => existsSync(join(place, 'initdb')) && existsSync(join(place, 'postgres')));
}

/** Whom a server runs as that refuses root; undefined where we are not root. */
export function unprivileged(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((entry) => entry.split(':'));
  const found = line.find(([name]) => name === 'postgres') ?? line.find(([name]) => name === 'nobody');
  if (found === undefined) throw new Error('there is neither a user postgres nor nobody to run the server as');
  return { uid: Number(found[2]), gid: Number(found[3]) };
}

export class PostgresSite {
  readonly directory: string;
  readonly #options: PostgresOptions;
  readonly #programs: string;
  readonly #user = unprivileged();
  readonly #atExit: () => void;
  #process: ChildProcess | undefined;
  #ended: Promise<void> = Promise.resolve();
  #log = '';
  #version = 0;

  /** Makes the files and runs the server. Rejects in words where PostgreSQL is not installed. */
  static async start(options: PostgresOptions = {}): Promise<PostgresSite> {
    const site = new PostgresSite(options);
    try {
      await site.start();
    } catch (error) {
      await site.remove();
      throw error;
    }
    return site;
  }

  private constructor(options: PostgresOptions) {
    const programs = postgresPrograms();
    if (programs === undefined) throw new Error('PostgreSQL is not installed (apt-get install postgresql)');
    this.#programs = programs;
    this.#options = options;
    this.directory = mkdtempSync(join(options.base ?? tmpdir(), 'csm-pg-'));
    this.#atExit = () => {
      this.#process?.kill('SIGKILL');
      rmSync(this.directory, { recursive: true, force: true });
    };
    process.once('exit', this.#atExit);
    if (this.#user !== undefined) chownSync(this.directory, this.#user.uid, this.#user.gid);
    const made = spawnSync(
      join(programs, 'initdb'),
      ['-D', join(this.directory, 'data'), '-U', 'csm', '-A', 'trust', '-E', 'UTF8', '--locale=C', '-N'],
      { ...this.#user, cwd: '/', encoding: 'utf8' },
    );
    if (made.status !== 0) throw new Error(`initdb failed: ${made.stderr}`);
  }

  /** How to reach a database of it. The port only names the socket. */
  at(database: string): { host: string; port: number; database: string; user: string } {
    return { host: this.directory, port: PORT, database, user: 'csm' };
  }

  get pid(): number {
    return this.#process?.pid ?? 0;
  }

  get running(): boolean {
    const server = this.#process;
    return server !== undefined && server.exitCode === null && server.signalCode === null;
  }

  /** All its processes. */
  get pids(): number[] {
    return [this.pid, ...childrenOf(this.pid)].filter((pid) => pid > 0);
  }

  /** An empty database. */
  async create(database: string): Promise<void> {
    // Where the server can, by files: at this size that takes half as long as by way of the log.
    await this.admin(`CREATE DATABASE ${database}${this.#version >= 150_000 ? ' STRATEGY file_copy' : ''}`);
  }

  /** Runs statements as somebody else would: not through a store. */
  async admin(sql: string, database = 'postgres'): Promise<Record<string, unknown>[]> {
    const config: ClientConfig = { ...this.at(database), connectionTimeoutMillis: 5_000 };
    const client = new Client(config);
    client.on('error', () => {});
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(sql)).rows;
    } finally {
      await client.end();
    }
  }

  async start(...more: readonly string[]): Promise<void> {
    const { durable = true, settings = [] } = this.#options;
    const own = [
      `unix_socket_directories=${this.directory}`,
      'listen_addresses=',
      `port=${PORT}`,
      // No file stays behind when the server is killed.
      'dynamic_shared_memory_type=mmap',
      ...(durable ? [] : ['fsync=off', 'full_page_writes=off']),
      ...settings,
      ...more,
    ];
    const server = spawn(
      join(this.#programs, 'postgres'),
      ['-D', join(this.directory, 'data'), ...own.flatMap((setting) => ['-c', setting])],
      { ...this.#user, cwd: '/', stdio: ['ignore', 'ignore', 'pipe'] },
    );
    this.#process = server;
    server.stderr?.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-20_000);
    });
    this.#ended = new Promise((resolve) => server.once('close', () => resolve()));
    const until = performance.now() + START_MS;
    while (!(await this.#answers())) {
      if (server.exitCode !== null || server.signalCode !== null) throw new Error(`PostgreSQL ended: ${this.#log}`);
      if (performance.now() > until) throw new Error(`PostgreSQL does not answer: ${this.#log}`);
      await pause(50);
    }
  }

  /** SIGINT ends all sessions and stops; SIGQUIT crashes it, SIGKILL too, without a word to its children. */
  async stop(signal: 'SIGINT' | 'SIGQUIT' | 'SIGKILL' = 'SIGINT'): Promise<void> {
    this.signal('SIGCONT');
    this.#process?.kill(signal);
    await this.#ended;
    this.#process = undefined;
  }

  /** A signal to the server and all its processes. */
  signal(signal: 'SIGSTOP' | 'SIGCONT'): void {
    for (const pid of this.pids) {
      try {
        process.kill(pid, signal);
      } catch {
        // It has ended meanwhile.
      }
    }
  }

  async remove(): Promise<void> {
    if (this.#process !== undefined) await this.stop('SIGQUIT');
    process.off('exit', this.#atExit);
    rmSync(this.directory, { recursive: true, force: true });
  }

  async #answers(): Promise<boolean> {
    try {
      const [row] = await this.admin('SHOW server_version_num');
      this.#version = Number(row?.['server_version_num']);
      return true;
    } catch {
      return false;
    }
  }
}

function childrenOf(parent: number): number[] {
  try {
    return readFileSync(`/proc/${parent}/task/${parent}/children`, 'utf8').trim().split(' ').map(Number);
  } catch {
    return [];
  }
}
