/** One daemon of a test cluster as a process: started, killed, stopped, started again; its output goes to a file. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync, readFileSync } from 'node:fs';

export interface Launch {
  readonly name: string;
  /** Program and arguments of Node. */
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly log: string;
}

/** A daemon that does not end within so many ms after SIGTERM is at fault. */
const STOP_MS = 15_000;

export class DaemonProcess {
  readonly #launch: Launch;
  #child: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  /** We made it end, or stop. */
  #asked = false;
  #paused = false;

  constructor(launch: Launch) {
    this.#launch = launch;
  }

  get name(): string {
    return this.#launch.name;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  get paused(): boolean {
    return this.#paused;
  }

  get pid(): number {
    return this.#child?.pid ?? 0;
  }

  /** It ended though nobody asked it to: in words; else undefined. */
  get fault(): string | undefined {
    if (this.#child === undefined || this.running || this.#asked) return undefined;
    return `${this.name} ended by itself (${this.#child.signalCode ?? `exit ${this.#child.exitCode}`})`;
  }

  /** `more`: arguments besides those it always has. */
  start(more: readonly string[] = []): void {
    if (this.running) throw new Error(`${this.name} is running already`);
    const { argv, env, log } = this.#launch;
    const out = openSync(log, 'a');
    const child = spawn(process.execPath, [...argv, ...more], {
      stdio: ['ignore', out, out],
      env: { ...process.env, ...env },
    });
    closeSync(out);
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

  async ended(): Promise<void> {
    await this.#exited;
  }

  /** The last lines of its output. */
  tail(lines: number): string {
    if (!existsSync(this.#launch.log)) return '';
    return readFileSync(this.#launch.log, 'utf8').trimEnd().split('\n').slice(-lines).join('\n');
  }
}
