import { type ChildProcess, spawn } from 'node:child_process';
import { statSync } from 'node:fs';
import { constants } from 'node:os';
import { findCommand } from './command.ts';
import { endGroup, KILLED_MS } from './group.ts';
import { type HeadTail, headTail } from './head-tail.ts';
import { unprotect } from './oom.ts';

/**
 * Runs a program to its end, and leaves nothing of it behind.
 *
 * The child leads a process group of its own. When it ends, runs out of time or is called off, the whole group gets
 * SIGTERM and, after the grace, SIGKILL: what a program leaves in the background does not outlive it. A process that
 * left the group on purpose (setsid) is not followed, but the pipe it may hold is closed on our side, so that the
 * result never waits for it.
 *
 * The program is started by `/bin/sh -c 'exec "$@" 2>&1'`, because Node would give it two pipes, whose order is lost.
 */

export interface ChildOptions {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Default: nothing to read. */
  readonly stdin?: string | Uint8Array;
  /** Default: no limit. */
  readonly timeoutMs?: number;
  /** Bytes of output kept, half from the beginning and half from the end. Default 64 KiB. */
  readonly maxOutput?: number;
  /** Ends the child once it has written more than that: what is cut is of no use to whoever sets this. */
  readonly endAtMaxOutput?: boolean;
  /** Calls the child off. */
  readonly signal?: AbortSignal;
  /** Run as another user with all its groups; needs root and the program setpriv. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** Between SIGTERM and SIGKILL. Default 2,000. */
  readonly graceMs?: number;
}

export interface ChildResult {
  /** As the shell tells it: 128 + number for a signal, 127 not found, 126 not runnable. */
  readonly code: number;
  readonly signal?: NodeJS.Signals;
  /** stdout and stderr in the order written. */
  readonly output: string;
  /** Bytes of output left out in the middle. */
  readonly cutBytes: number;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  readonly durationMs: number;
  /** Why the program was not started, in words; `code` is 126 or 127 then. */
  readonly notStarted?: string;
}

export const OUTPUT_DEFAULT = 64 * 1024;
const GRACE_MS = 2_000;
/** How long a pipe is read that a process outside the group holds. */
const HELD_PIPE_MS = 500;

/** Never rejects: whatever goes wrong stands in the result. */
export async function runChild(options: ChildOptions): Promise<ChildResult> {
  const startedAt = performance.now();
  const output = headTail(options.maxOutput ?? OUTPUT_DEFAULT);
  const refused = (code: 126 | 127, why: string): ChildResult => ({
    code,
    output: `${why}\n`,
    cutBytes: 0,
    timedOut: false,
    aborted: options.signal?.aborted === true,
    durationMs: performance.now() - startedAt,
    notStarted: why,
  });

  const command = prepare(options);
  if (!command.ok) return refused(command.code, command.why);
  if (options.signal?.aborted === true) return refused(126, `${options.argv[0]}: called off before it started`);
  let started: Started;
  try {
    started = await start(command.argv, options);
  } catch (thrown) {
    return refused(126, `${options.argv[0]}: ${(thrown as Error).message}`);
  }
  const end = await follow(started, options, output);
  return {
    ...end,
    output: output.text(),
    cutBytes: output.cut(),
    durationMs: performance.now() - startedAt,
  };
}

type Prepared =
  | { readonly ok: true; readonly argv: readonly [string, ...string[]] }
  | { readonly ok: false; readonly code: 126 | 127; readonly why: string };

function prepare({ argv, env = process.env, cwd = process.cwd(), user }: ChildOptions): Prepared {
  const [name = '', ...rest] = argv;
  if (!isDirectory(cwd)) return { ok: false, code: 126, why: `${name}: cannot run in ${cwd}, which is no directory` };
  const found = findCommand(name, env['PATH'], cwd);
  if (!found.ok) return found;
  const shell = ['/bin/sh', '-c', `${unprotect()}exec "$@" 2>&1`, 'sh'] as const;
  if (user === undefined) return { ok: true, argv: [...shell, found.path, ...rest] };
  const setpriv = findCommand('setpriv');
  if (!setpriv.ok) return { ok: false, code: 126, why: `${name}: running as another user needs setpriv (util-linux)` };
  const as = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  return { ok: true, argv: [...shell, setpriv.path, ...as, found.path, ...rest] };
}

function isDirectory(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}

interface Started {
  readonly child: ChildProcess;
  /** Number of the process group, which is that of its leader. */
  readonly group: number;
}

/** Resolves once the process exists; rejects with the system's words when it could not be made. */
async function start([file, ...args]: readonly [string, ...string[]], options: ChildOptions): Promise<Started> {
  const child = spawn(file, args, {
    detached: true,
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', 'inherit'],
    ...(options.env !== undefined && { env: { ...options.env } }),
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve);
    child.once('error', reject);
  });
  if (child.pid === undefined) throw new Error('the process has no number');
  return { child, group: child.pid };
}

type End = Pick<ChildResult, 'code' | 'timedOut' | 'aborted'> & { readonly signal?: NodeJS.Signals };

async function follow({ child, group }: Started, options: ChildOptions, output: HeadTail): Promise<End> {
  const grace = options.graceMs ?? GRACE_MS;
  let timedOut = false;
  let aborted = false;
  const callOff = new AbortController();
  const onAbort = (): void => {
    aborted = true;
    callOff.abort();
  };
  options.signal?.addEventListener('abort', onAbort, { once: true });
  if (options.signal?.aborted === true) onAbort();
  const timer =
    options.timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          callOff.abort();
        }, options.timeoutMs);

  const pipe = child.stdout;
  const most = options.endAtMaxOutput === true ? (options.maxOutput ?? OUTPUT_DEFAULT) : Number.POSITIVE_INFINITY;
  pipe?.on('data', (chunk: Uint8Array) => {
    output.push(chunk);
    if (output.total > most) callOff.abort();
  });
  const closed = new Promise<void>((resolve) => {
    pipe?.once('close', resolve);
    pipe?.once('error', () => resolve());
  });
  // A child that does not read its input, or ends before, is no fault of ours.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.stdin);

  const exited = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  const ending = new Promise<void>((resolve) => {
    if (callOff.signal.aborted) resolve();
    else callOff.signal.addEventListener('abort', () => resolve(), { once: true });
  });
  await Promise.race([exited, ending]);
  clearTimeout(timer);
  options.signal?.removeEventListener('abort', onAbort);

  const isEmpty = await endGroup(group, grace);
  const { exitCode, signal } = isEmpty
    ? await exited
    : await inTime(exited, KILLED_MS, { exitCode: null, signal: 'SIGKILL' });
  // With the group gone only a process that left it can hold the pipe; what the others wrote is in it already. The
  // turns after the wait let a loop that was blocked read it.
  await inTime(closed, HELD_PIPE_MS, undefined);
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  pipe?.destroy();
  child.stdin?.destroy();
  child.unref();
  const code = exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  return { code, timedOut, aborted, ...(signal !== null && { signal }) };
}

async function inTime<T>(work: Promise<T>, ms: number, otherwise: T): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<T>((resolve) => {
    timer = setTimeout(resolve, ms, otherwise);
  });
  const result = await Promise.race([work, late]);
  clearTimeout(timer);
  return result;
}
