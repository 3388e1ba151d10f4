/** What a command has at hand while it runs: its options, its output, the daemon. */
import { existsSync } from 'node:fs';
import { type CallOptions, Client } from '@csm/client';
import { type Io, write } from './io.ts';
import { type Colors, colors } from './print/colors.ts';
import { chooseSocket } from './socket.ts';
import { VERSION } from './version.ts';

export const FORMATS = ['table', 'json', 'yaml', 'csv'] as const;
export type Format = (typeof FORMATS)[number];

/** The options that every command has. */
export interface CommonOptions {
  readonly format: Format;
  readonly socket: string | undefined;
  /** Seconds. */
  readonly timeout: number | undefined;
  readonly header: boolean;
  readonly verbose: boolean;
}

export class Session {
  readonly io: Io;
  readonly format: Format;
  readonly header: boolean;
  readonly verbose: boolean;
  readonly colors: Colors;
  /** Given by --timeout, seconds. */
  readonly timeout: number | undefined;
  /** The answer comes again and again: JSON takes one line each. */
  repeats = false;
  readonly #socket: string | undefined;
  #client: Client | undefined;

  constructor(io: Io, options: CommonOptions) {
    this.io = io;
    this.format = options.format;
    this.header = options.header;
    this.verbose = options.verbose;
    this.timeout = options.timeout;
    this.#socket = options.socket;
    this.colors = colors(io.isTTY, io.env);
  }

  /** Made when first asked for: certificate commands need no daemon. Throws code 9 for a socket path that is too long. */
  get client(): Client {
    this.#client ??= new Client({
      socket: chooseSocket(this.#socket, this.io.env, existsSync),
      userAgent: `csm/${VERSION}`,
      ...(this.timeout === undefined ? {} : { timeout: this.timeout }),
    });
    return this.#client;
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

  print(text: string): Promise<void> {
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
