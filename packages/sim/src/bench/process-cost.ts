/** What a process costs its machine, as Linux counts it (proc_pid_status(5), proc_pid_stat(5), schedstat). */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** The counts of a process at one moment; all but the memory only rise. */
export interface Cost {
  /** Bytes in RAM, pages of files included. */
  readonly rss: number;
  /** Bytes, where pages that several processes map count in part. */
  readonly pss: number;
  /** The most `rss` has ever been. */
  readonly peak: number;
  /** Milliseconds of CPU of all its threads, ended ones too; counted in ticks of 10 ms. */
  readonly cpuMs: number;
  /** Milliseconds of CPU of its children that have ended and were waited for. */
  readonly childrenMs: number;
  /** By thread id; the first thread has the number of the process. */
  readonly threads: ReadonlyMap<number, ThreadCost>;
}

export interface ThreadCost {
  /** Milliseconds of CPU, counted in nanoseconds. */
  readonly cpuMs: number;
  /** How often it gave the CPU away by itself, to sleep: each time it was woken once. */
  readonly wakeUps: number;
}

/** USER_HZ of Linux, the unit of /proc/<pid>/stat: 100 on every architecture Node runs on. */
const TICKS_A_SECOND = 100;
const KIB = 1024;

/** Reads the counts of a process. Rejects when it has ended, or is another user's. */
export async function readCost(pid: number, proc = '/proc'): Promise<Cost> {
  const of = (name: string): Promise<string> => readFile(join(proc, String(pid), name), 'utf8');
  const [status, stat, rollup] = await Promise.all([of('status'), of('stat'), of('smaps_rollup')]);
  const { own, children } = cpuTicks(stat);
  const threads = new Map<number, ThreadCost>();
  for (const id of await readdir(join(proc, String(pid), 'task'))) {
    const thread = await readThread(join(proc, String(pid), 'task', id));
    if (thread !== undefined) threads.set(Number(id), thread);
  }
  return {
    rss: field(status, 'VmRSS') * KIB,
    pss: field(rollup, 'Pss') * KIB,
    peak: field(status, 'VmHWM') * KIB,
    cpuMs: (own * 1000) / TICKS_A_SECOND,
    childrenMs: (children * 1000) / TICKS_A_SECOND,
    threads,
  };
}

/**
 * Milliseconds of CPU of a process's threads, counted in nanoseconds; a thread that has ended is not in it. Cheaper
 * than `readCost`, which walks all memory of the process.
 */
export async function readCpuMs(pid: number, proc = '/proc'): Promise<number> {
  const tasks = join(proc, String(pid), 'task');
  let ms = 0;
  for (const id of await readdir(tasks)) {
    const text = await readFile(join(tasks, id, 'schedstat'), 'utf8').catch(() => '0');
    ms += Number(text.split(' ')[0]) / 1e6;
  }
  return ms;
}

/** Bytes in RAM, pages of files included. */
export async function readRss(pid: number, proc = '/proc'): Promise<number> {
  return field(await readFile(join(proc, String(pid), 'status'), 'utf8'), 'VmRSS') * KIB;
}

/** How often the main thread of a process went to sleep: each time something woke it. */
export async function readWakeUps(pid: number, proc = '/proc'): Promise<number> {
  const main = join(proc, String(pid), 'task', String(pid), 'status');
  return field(await readFile(main, 'utf8'), 'voluntary_ctxt_switches');
}

/** Undefined for a thread that ends in this moment. */
async function readThread(directory: string): Promise<ThreadCost | undefined> {
  try {
    const [status, schedstat] = await Promise.all(
      ['status', 'schedstat'].map((name) => readFile(join(directory, name), 'utf8')),
    );
    const wakeUps = field(status ?? '', 'voluntary_ctxt_switches');
    return { cpuMs: Number(schedstat?.split(' ')[0]) / 1e6, wakeUps };
  } catch {
    return undefined;
  }
}

/** The number behind `name:` at the beginning of a line; fails in words when there is none. */
export function field(text: string, name: string): number {
  const found = new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(text)?.[1];
  if (found === undefined) throw new Error(`the kernel does not tell ${name}`);
  return Number(found);
}

/** Ticks of CPU from /proc/<pid>/stat: fields 14 and 15, of ended children 16 and 17. */
export function cpuTicks(stat: string): { readonly own: number; readonly children: number } {
  // The second field is the program's name in parentheses and may hold anything; behind it stands field 3.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  const at = (n: number): number => {
    const value = Number(fields[n - 3]);
    if (!Number.isSafeInteger(value)) throw new Error(`field ${n} of stat is '${fields[n - 3] ?? ''}', not a number`);
    return value;
  };
  return { own: at(14) + at(15), children: at(16) + at(17) };
}
