/** One process of a site: started, killed, stopped, started again; its output goes to a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';

export interface Launch {
  readonly name: string;
  /** What it is, which decides when it is stopped: a role, `sim`, `bare`. */
  readonly kind: string;
  /** Program and arguments of Node. */
  readonly argv: readonly string[];
  /** What runs Node, such as `ip netns exec x`; it must become Node, not have it as a child. */
  readonly command?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly log: string;
  /** Its standard input and output are pipes of ours; only its errors go to the file. */
  readonly piped?: boolean;
}

export interface More {
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A process that does not end within so many ms after SIGTERM is at fault. */
const STOP_MS = 15_000;

export class DaemonProcess {
  readonly launch: Launch;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  /** We made it end. */
  #asked = false;
  #paused = false;

  constructor(launch: Launch) {
    this.launch = launch;
  }

  get name(): string {
    return this.launch.name;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  get stdin(): Writable | null {
    return this.#child?.stdin ?? null;
  }

  get stdout(): Readable | null {
    return this.#child?.stdout ?? null;
  }

  get paused(): boolean {
    return this.#paused && this.running;
  }

  /** It ended though nobody asked it to: in words; else undefined. */
  get fault(): string | undefined {
    if (this.#child === undefined || this.running || this.#asked) return undefined;
    return `${this.name} ended by itself (${this.#child.signalCode ?? `exit ${this.#child.exitCode}`})`;
  }

  /** Starts it, with more environment and arguments than it always has. */
  start(more: More = {}): void {
    if (this.running) throw new Error(`${this.name} is running already`);
    const { argv, log, piped = false, command = [] } = this.launch;
    const [program = process.execPath, ...args] = [...command, process.execPath, ...argv, ...(more.args ?? [])];
    const out = openSync(log, 'a');
    const child = spawn(program, args, {
      stdio: piped ? ['pipe', 'pipe', out] : ['ignore', out, out],
      env: { ...process.env, ...this.launch.env, ...more.env },
    });
    closeSync(out);
    // Whoever writes to one that ends hears of its end.
    child.stdin?.on('error', () => undefined);
    this.#asked = false;
    this.#paused = false;
    this.#child = child;
    this.#exited = new Promise((resolve) => {
      child.once('exit', () => resolve());
      child.once('error', () => resolve());
    });
  }

  /** Sends a signal that ends it, and resolves when it has ended. */
  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.running) throw new Error(`${this.name} is not running`);
    this.#asked = true;
    this.#child?.kill(signal);
    await this.#exited;
  }

  /** Its end is expected from here on, such as that of one that is to die at a failpoint. */
  expectEnd(): Promise<void> {
    this.#asked = true;
    return this.#exited;
  }

  /** A signal that does not end it. */
  signal(signal: NodeJS.Signals): void {
    if (!this.running) throw new Error(`${this.name} is not running`);
    this.#child?.kill(signal);
  }

  pause(): void {
    if (!this.running) throw new Error(`${this.name} is not running`);
    this.#child?.kill('SIGSTOP');
    this.#paused = true;
  }

  resume(): void {
    this.#child?.kill('SIGCONT');
    this.#paused = false;
  }

  /** Asks it to end by SIGTERM. Gives what was wrong with how it ended; undefined when nothing was. */
  async end(): Promise<string | undefined> {
    if (!this.running) return this.fault;
    if (this.#paused) this.resume();
    this.#asked = true;
    this.#child?.kill('SIGTERM');
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      this.#child?.kill('SIGKILL');
    }, STOP_MS);
    await this.#exited;
    clearTimeout(timer);
    if (late) return `${this.name} did not end within ${STOP_MS} ms after SIGTERM`;
    const { exitCode, signalCode } = this.#child ?? { exitCode: 0, signalCode: null };
    return exitCode === 0 ? undefined : `${this.name} ended with ${signalCode ?? exitCode} after SIGTERM`;
  }

  /** For the very end: at once, without waiting. */
  destroy(): void {
    if (!this.running) return;
    this.#asked = true;
    this.#child?.kill('SIGKILL');
  }

  /** The last lines of its output. */
  tail(lines: number): string {
    const { log } = this.launch;
    if (!existsSync(log)) return '';
    return readFileSync(log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
