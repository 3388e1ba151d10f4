/** A real API server with the real table on a unix socket, and `csm` run in this process against it. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { PassThrough, Readable, Writable } from 'node:stream';
import { access } from '@csm/access';
import { type ApiServer, ApiTable, type CallContext, createServer, DEFAULT_POLICY } from '@csm/api';
import { cluster } from '@csm/cluster';
import { environment } from '@csm/environment';
import { heartbeat } from '@csm/heartbeat';
import { fail, type Json, type JsonFlow, type JsonObject } from '@csm/model';
import { node } from '@csm/node';
import { stream } from '@csm/stream';
import { type Io, main } from '../src/index.ts';

export const NOW = Date.parse('2026-10-17T10:00:00Z');

type Handler = (input: JsonObject, ctx: CallContext) => Promise<Json | JsonFlow | undefined>;
export type Handlers = { [name: string]: Handler };

export interface World {
  readonly dir: string;
  readonly socket: string;
  /** What answers each call; a test sets those it needs. */
  handlers: Handlers;
  /** Every call that arrived. */
  readonly calls: { readonly name: string; readonly input: JsonObject; readonly ctx: CallContext }[];
  stop(): Promise<void>;
}

export async function world(): Promise<World> {
  const dir = mkdtempSync(join(tmpdir(), 'csm-cli-'));
  const socket = join(dir, 's');
  const it: World = {
    dir,
    socket,
    handlers: {},
    calls: [],
    stop: async () => {
      await server.close(0);
      rmSync(dir, { recursive: true, force: true });
    },
  };
  const quiet = { debug: () => 0, info: () => 0, warn: () => 0, error: () => 0 };
  const server: ApiServer = createServer({
    table: new ApiTable([node, environment, cluster, access, stream, heartbeat].flatMap((feature) => [...feature.api])),
    socketPath: socket,
    self: { role: 'utility', node: 'login1' },
    version: '0',
    // Whoever runs the tests is an admin here; a handler refuses where a test is about permission.
    policy: { ...DEFAULT_POLICY, privilegedUsers: [String(userInfo().uid)] },
    log: quiet,
    limits: { minimumTimeoutSeconds: 0.05 },
    dispatch: async (row, input, ctx) => {
      it.calls.push({ name: row.name, input, ctx });
      return (it.handlers[row.name] ?? (() => fail(11, `the test answers no ${row.name}`)))(input, ctx);
    },
  });
  await server.listen();
  return it;
}

export interface Ran {
  readonly exit: number;
  readonly out: string;
  readonly err: string;
}

export interface RunOptions {
  readonly env?: { readonly [name: string]: string };
  readonly isTTY?: boolean;
  readonly canAsk?: boolean;
  readonly interrupt?: AbortSignal;
  readonly stdin?: string;
  /** Sees stdout grow. */
  readonly onOut?: (all: string) => void;
  readonly stdout?: Writable;
  readonly columns?: number;
}

/** What a run reads and writes, and what came of it so far. */
export function ioOf(
  world: World | undefined,
  options: RunOptions = {},
): { readonly io: Io; readonly out: () => string; readonly err: () => string } {
  const out: string[] = [];
  const err: string[] = [];
  const collect = (into: string[], then?: (all: string) => void) =>
    new Writable({
      write: (chunk: Buffer, _encoding, done) => {
        into.push(chunk.toString());
        then?.(into.join(''));
        done();
      },
    });
  const io: Io = {
    stdin: options.stdin === undefined ? new PassThrough() : Readable.from([options.stdin]),
    stdout: options.stdout ?? collect(out, options.onOut),
    stderr: collect(err),
    env: { ...(world === undefined ? {} : { CSM_SOCKET: world.socket }), ...options.env },
    isTTY: options.isTTY ?? false,
    canAsk: options.canAsk ?? false,
    columns: options.columns,
    now: () => NOW,
    ...(options.interrupt === undefined ? {} : { interrupt: options.interrupt }),
  };
  return { io, out: () => out.join(''), err: () => err.join('') };
}

/** Runs a line such as `node list -o json`; words in single quotes stay together. */
export async function csm(
  world: World | undefined,
  line: string | readonly string[],
  options: RunOptions = {},
): Promise<Ran> {
  const { io, out, err } = ioOf(world, options);
  const exit = await main(typeof line === 'string' ? words(line) : line, io);
  return { exit, out: out(), err: err() };
}

/** Words as a shell would make them, for single quotes only. */
export function words(line: string): string[] {
  return (line.match(/(?:'[^']*'|[^\s'])+/g) ?? []).map((word) => word.replaceAll("'", ''));
}

/** Waits for a condition; fails after `ms`. */
export async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Text without the margin of the code around it. */
export function text(strings: TemplateStringsArray, ...values: unknown[]): string {
  const lines = String.raw(strings, ...values)
    .split('\n')
    .slice(1, -1);
  const margin = Math.min(...lines.filter((l) => l.trim() !== '').map((l) => l.length - l.trimStart().length));
  return lines.map((l) => `${l.slice(margin)}\n`).join('');
}
