/** What a command has at hand while it runs: its options, its output, the daemon. */
import { API, type CallOptions, Client } from '@csm/client';
import { type Asks, Rehearsal } from './dry-run.ts';
import { type Io, write } from './io.ts';
import { type Colors, type ColorTime, colors } from './print/colors.ts';
import { chooseTarget, type TargetOptions, targetText } from './target.ts';
import { VERSION } from './version.ts';

export const FORMATS = ['table', 'json', 'yaml', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** The options that every command has. */
export interface CommonOptions {
  readonly format: Format;
  readonly target: TargetOptions;
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly header: boolean;
  readonly color: ColorTime;
  readonly verbose: boolean;
  /** Calls that change something are told instead of made. */
  readonly dryRun: boolean;
}

export class Session {
  readonly io: Io;
  readonly format: Format;
  readonly header: boolean;
  readonly verbose: boolean;
  readonly dryRun: boolean;
  readonly colors: Colors;
  /** Given by --timeout, seconds. */
  readonly timeout: number | undefined;
  /** The answer comes again and again: JSON takes one line each. */
  repeats = false;
  readonly #target: TargetOptions;
  #client: Client | undefined;
  #asks: Asks | undefined;

  constructor(io: Io, options: CommonOptions) {
    this.io = io;
    this.format = options.format;
    this.header = options.header;
    this.verbose = options.verbose;
    this.timeout = options.timeout;
    this.dryRun = options.dryRun;
    this.#target = options.target;
    this.colors = colors(options.color, io.isTTY, io.env);
  }

  /** Made when first asked for: certificate commands need no daemon. Throws code 8 or 9 for a target that cannot be asked. */
  get client(): Asks {
    if (this.#asks !== undefined) return this.#asks;
    const target = chooseTarget(this.#target, this.io.env);
    this.#client = new Client({
      ...target,
      userAgent: `csm/${VERSION}`,
      ...(this.timeout === undefined ? {} : { timeout: this.timeout }),
    });
    this.#asks = this.dryRun ? new Rehearsal(this.#client, API, targetText(target)) : this.#client;
    return this.#asks;
  }

  /** For each call: an interrupt cancels it. */
  get callOptions(): CallOptions {
    return this.io.interrupt === undefined ? {} : { signal: this.io.interrupt };
  }

  get interrupted(): boolean {
    return this.io.interrupt?.aborted === true;
  }

  now(): number {
    return this.io.now?.() ?? Date.now();
  }

  /** Bytes are text in UTF-8. */
  print(text: string | Buffer): Promise<void> {
    return write(this.io.stdout, text);
  }

  /** A line on stderr, `csm: …`. One that cannot be written is lost. */
  async note(text: string): Promise<void> {
    await write(this.io.stderr, `csm: ${text}\n`).catch(() => undefined);
  }

  close(): void {
    this.#client?.close();
  }
}
