import { type ChildProcess, spawn } from 'node:child_process';
import { constants } from 'node:os';
import type { Readable } from 'node:stream';
import { CallOff } from './call-off.ts';
import { Commands } from './command.ts';
import { endGroup, KILLED_MS } from './group.ts';
import { type Head, type HeadTail, head, headTail } from './head-tail.ts';
import { unprotect } from './oom.ts';

/**
 * Runs a program to its end, and leaves nothing of it behind.
 *
 * The child leads a process group of its own. When it ends, runs out of time or is called off, the whole group gets
 * SIGTERM and, after the grace, SIGKILL: what a program leaves in the background does not outlive it. A process that
 * left the group on purpose (setsid) is not followed, but the pipe it may hold is closed on our side, so that the
 * result never waits for it.
 *
 * The program is looked for within the time it has to run, because a directory may stand on a file system that does not
 * answer.
 *
 * It is started by `/bin/sh -c 'exec "$@" 2>&1'`, because Node would give it two pipes, whose order is lost; two pipes
 * only where stderr is wanted apart.
 */

export interface ChildOptions {
  /** Program and arguments; no shell reads them. */
  readonly argv: readonly string[];
  /** Default: the environment of this process. */
  readonly env?: Readonly<Record<string, string | undefined>>;
  readonly cwd?: string;
  /** Default: nothing to read. */
  readonly stdin?: string | Uint8Array;
  /** For finding the program and for its run. Default: no limit. */
  readonly timeoutMs?: number;
  /** Bytes of output kept, half from the beginning and half from the end. Default 64 KiB. */
  readonly maxOutput?: number;
  /**
   * `merged`, the default: in `output`, as it was written between the lines of stdout. `apart`: the beginning of it in
   * `errors`, for whoever parses the output.
   */
  readonly stderr?: 'merged' | 'apart';
  /** Ends the child once it has written more than that, also to stderr apart: what is cut is of no use to whoever sets this. */
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
  /** stdout and stderr in the order written; stdout alone when stderr is apart. */
  readonly output: string;
  /** The first 4 KiB of stderr when that is apart, else empty. What came after them is read and dropped. */
  readonly errors: string;
  /** Bytes of output left out in the middle. */
  readonly cutBytes: number;
  /** It was ended because it wrote too much, or would have been had it not ended itself: see `endAtMaxOutput`. */
  readonly flooded: boolean;
  readonly timedOut: boolean;
  readonly aborted: boolean;
  /** The process group, where SIGKILL did not end it either: it is in the kernel, such as at a driver that hangs. */
  readonly leftRunning?: number;
  readonly durationMs: number;
  /** Why the program was not started, in words; `code` is 126 or 127 then. */
  readonly notStarted?: string;
}

export const OUTPUT_DEFAULT = 64 * 1024;
const ERRORS_MAX = 4 * 1024;
const GRACE_MS = 2_000;
/** How long a pipe is read that a process outside the group holds. */
const HELD_PIPE_MS = 500;

/** One for the process, because the threads that a lookup can take for ever are those of the process. */
const COMMANDS = new Commands();

/** Never rejects: whatever goes wrong stands in the result. */
export async function runChild(options: ChildOptions, commands: Commands = COMMANDS): Promise<ChildResult> {
  const startedAt = performance.now();
  const callOff = new CallOff(options);
  try {
    const ran = await run(options, commands, callOff);
    return { ...ran, durationMs: performance.now() - startedAt };
  } finally {
    callOff.release();
  }
}

type Ran = Omit<ChildResult, 'durationMs'>;

async function run(options: ChildOptions, commands: Commands, callOff: CallOff): Promise<Ran> {
  const refused = (code: 126 | 127, why: string): Ran => ({
    code,
    output: `${why}\n`,
    errors: '',
    cutBytes: 0,
    flooded: false,
    timedOut: callOff.reason === 'time',
    aborted: callOff.reason === 'caller',
    notStarted: why,
  });

  const command = await prepare(options, commands, callOff);
  if (callOff.reason === 'caller') return refused(126, `${options.argv[0]}: called off before it started`);
  if (!command.ok) return refused(command.code, command.why);
  if (callOff.reason === 'time') return refused(126, `${options.argv[0]}: its time was up before it started`);
  let started: Started;
  try {
    started = await start(command.argv, options);
  } catch (thrown) {
    return refused(126, `${options.argv[0]}: ${(thrown as Error).message}`);
  }
  const output = headTail(options.maxOutput ?? OUTPUT_DEFAULT);
  const errors = head(ERRORS_MAX);
  const end = await follow(started, options, callOff, output, errors);
  return { ...end, output: output.text(), errors: errors.text(), cutBytes: output.cut() };
}

type Prepared =
  | { readonly ok: true; readonly argv: readonly [string, ...string[]] }
  | { readonly ok: false; readonly code: 126 | 127; readonly why: string };

async function prepare(options: ChildOptions, commands: Commands, callOff: CallOff): Promise<Prepared> {
  const { argv, env = process.env, cwd = process.cwd(), user } = options;
  const [name = '', ...rest] = argv;
  const where = await commands.isDirectory(cwd, callOff);
  if (!where.ok) return { ok: false, code: 126, why: `${name}: ${where.why}` };
  if (!where.value) return { ok: false, code: 126, why: `${name}: cannot run in ${cwd}, which is no directory` };
  const found = await commands.find(name, callOff, env['PATH'], cwd);
  if (!found.ok) return found;
  const merge = options.stderr === 'apart' ? '' : ' 2>&1';
  const shell = ['/bin/sh', '-c', `${unprotect()}exec "$@"${merge}`, 'sh'] as const;
  if (user === undefined) return { ok: true, argv: [...shell, found.path, ...rest] };
  const setpriv = await commands.find('setpriv', callOff);
  if (!setpriv.ok) return { ok: false, code: 126, why: `${name}: running as another user needs setpriv (util-linux)` };
  const as = [`--reuid=${user.uid}`, `--regid=${user.gid}`, '--init-groups', '--'];
  return { ok: true, argv: [...shell, setpriv.path, ...as, found.path, ...rest] };
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
    stdio: [options.stdin === undefined ? 'ignore' : 'pipe', 'pipe', options.stderr === 'apart' ? 'pipe' : 'inherit'],
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

type End = Pick<ChildResult, 'code' | 'flooded' | 'timedOut' | 'aborted' | 'leftRunning'> & {
  readonly signal?: NodeJS.Signals;
};

async function follow(
  { child, group }: Started,
  options: ChildOptions,
  callOff: CallOff,
  output: HeadTail,
  errors: Head,
): Promise<End> {
  const grace = options.graceMs ?? GRACE_MS;
  const most = options.endAtMaxOutput === true ? (options.maxOutput ?? OUTPUT_DEFAULT) : Number.POSITIVE_INFINITY;
  const isFlood = (): boolean => output.total > most || errors.total > most;
  const read = (pipe: Readable | null, into: HeadTail | Head): Promise<void> => {
    pipe?.on('data', (chunk: Uint8Array) => {
      into.push(chunk);
      if (isFlood()) callOff.call('flood');
    });
    return new Promise((resolve) => {
      if (pipe === null) resolve();
      pipe?.once('close', resolve);
      pipe?.once('error', () => resolve());
    });
  };
  const closed = Promise.all([read(child.stdout, output), read(child.stderr, errors)]);
  // A child that does not read its input, or ends before, is no fault of ours.
  child.stdin?.on('error', () => undefined);
  child.stdin?.end(options.stdin);

  const exited = new Promise<{ exitCode: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (exitCode, signal) => resolve({ exitCode, signal }));
  });
  await Promise.race([exited, callOff.called]);
  const { reason } = callOff;
  callOff.release();

  const isEmpty = await endGroup(group, grace);
  const { exitCode, signal } = isEmpty
    ? await exited
    : await inTime(exited, KILLED_MS, { exitCode: null, signal: 'SIGKILL' });
  // With the group gone only a process that left it can hold a pipe; what the others wrote is in it already. The
  // turns after the wait let a loop that was blocked read it.
  await inTime<unknown>(closed, HELD_PIPE_MS, undefined);
  for (let turn = 0; turn < 8; turn++) await new Promise((resolve) => setImmediate(resolve));
  child.stdout?.destroy();
  child.stderr?.destroy();
  child.stdin?.destroy();
  child.unref();
  const code = exitCode ?? 128 + (signal === null ? 0 : constants.signals[signal]);
  return {
    code,
    flooded: isFlood(),
    timedOut: reason === 'time',
    aborted: reason === 'caller',
    ...(signal !== null && { signal }),
    ...(!isEmpty && { leftRunning: group }),
  };
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
