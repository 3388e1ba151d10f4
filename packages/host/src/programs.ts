import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { groupRuns, runChild } from '@csm/kit';
import { type Finding, found, missing } from './finding.ts';

export interface RunOptions {
  /** Default 10,000 ms. At the deadline the program's whole process group is ended. */
  readonly timeoutMs?: number;
  /** Bytes of output taken, and of stderr let go by; more is refused, not cut. Default 1 MiB. */
  readonly maxOutput?: number;
  readonly signal?: AbortSignal;
  /** Which exit statuses leave a whole output; default: 0 only. Some programs tell findings by their status. */
  readonly exitOk?: (status: number) => boolean;
}

/** The programs of a machine. Never throws: what cannot be had of a program is a finding with a reason. */
export interface Programs {
  /**
   * What it wrote to stdout, when it ended well and in time; else the reason, which begins with the program's name.
   * What it wrote to stderr is heard only as a reason.
   */
  run(argv: readonly [string, ...string[]], options?: RunOptions): Promise<Finding<string>>;
}

const TIMEOUT_MS = 10_000;
const OUTPUT_MAX = 1024 * 1024;
/** No file system takes longer names than 255 bytes. */
const NAME_MAX = 200;
/** Where administration tools stand, whatever PATH the daemon was started with. */
const PATH_DEFAULT = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/**
 * Programs found in the directories of `path`, run in the C locale without standard input. One that not even SIGKILL has
 * ended hangs in the kernel: it is not started again while it does, or they would pile up.
 */
export function realPrograms(path: string = PATH_DEFAULT, run: typeof runChild = runChild): Programs {
  const env = { PATH: path, LC_ALL: 'C', HOME: '/' };
  /** Program to the process group that is left of it. */
  const left = new Map<string, number>();
  return {
    async run(argv, { timeoutMs = TIMEOUT_MS, maxOutput = OUTPUT_MAX, signal, exitOk = isZero } = {}) {
      const [name] = argv;
      const group = left.get(name);
      if (group !== undefined && groupRuns(group))
        return missing(`${name} of an earlier call still runs, though it was killed (process group ${group})`);
      left.delete(name);
      const result = await run({
        argv,
        env,
        cwd: '/',
        timeoutMs,
        maxOutput,
        stderr: 'apart',
        endAtMaxOutput: true,
        graceMs: 500,
        ...(signal === undefined ? {} : { signal }),
      });
      if (result.leftRunning !== undefined) left.set(name, result.leftRunning);
      if (result.aborted) return missing(`${name} was called off`);
      if (result.notStarted !== undefined) return missing(result.notStarted);
      if (result.timedOut) return missing(`${name} did not end within ${timeoutMs} ms`);
      if (result.flooded) return missing(`${name} wrote more than the ${maxOutput} bytes allowed`);
      if (!exitOk(result.code)) {
        return missing(`${name} ended with ${result.code}${firstWords(result.errors) || firstWords(result.output)}`);
      }
      return found(result.output);
    },
  };
}

const isZero = (status: number): boolean => status === 0;

const firstWords = (output: string): string => {
  const line = output.split('\n').find((l) => l.trim() !== '');
  return line === undefined
    ? ''
    : `: ${line
        .trim()
        .replace(/\p{Cc}/gu, ' ')
        .slice(0, 160)}`;
};

/**
 * Recorded outputs in a directory: `nvidia-smi -q -x` stands in the file `nvidia-smi_-q_-x`, every character of the
 * arguments but letters, digits, `.`, `=`, `,` and `-` being `_`, and no more than 200 of them. A program without a
 * file is not there.
 */
export function recordedPrograms(directory: string): Programs {
  return {
    async run(argv) {
      const file = argv
        .join('_')
        .replace(/[^A-Za-z0-9.=,-]/g, '_')
        .slice(0, NAME_MAX);
      try {
        return found(await readFile(join(directory, file), 'utf8'));
      } catch {
        return missing(`${argv[0]}: not found`);
      }
    },
  };
}
