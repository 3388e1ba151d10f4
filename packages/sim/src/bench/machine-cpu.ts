/**
 * How busy the machine is, and with whom (proc_stat(5), proc_pid_stat(5)): a figure that was taken while others had
 * the cores is worth little, so each is taken with the share of CPU that was not ours.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { cpuTicks } from './process-cost.ts';

/** Ticks of CPU at one moment; both only rise. */
export interface MachineCpu {
  /** Of all cores together, idle ones too. */
  readonly all: number;
  /** Not idle; what another machine took of a virtual one is in it. */
  readonly busy: number;
  /** Of one process and its descendants, those that have ended and were waited for too. */
  readonly ours: number;
}

/** `root`: the process that began all of ours. */
export async function readMachineCpu(root: number, proc = '/proc'): Promise<MachineCpu> {
  const machine = machineTicks(await readFile(join(proc, 'stat'), 'utf8'));
  return { ...machine, ours: await ticksBelow(root, proc) };
}

/** Share of the cores' time that others had, 0 to 1. */
export function foreignShare(begin: MachineCpu, end: MachineCpu): number {
  const all = end.all - begin.all;
  if (all <= 0) return 0;
  const foreign = end.busy - begin.busy - (end.ours - begin.ours);
  return Math.min(1, Math.max(0, foreign / all));
}

/** The first line of /proc/stat: user nice system idle iowait irq softirq steal, and guests, which are in user. */
export function machineTicks(stat: string): { readonly all: number; readonly busy: number } {
  const numbers = /^cpu +(.+)$/m.exec(stat)?.[1]?.split(' ').slice(0, 8).map(Number) ?? [];
  if (numbers.length < 8 || numbers.some((n) => !Number.isFinite(n)))
    throw new Error('the kernel does not tell the CPU of the machine');
  const all = numbers.reduce((sum, n) => sum + n, 0);
  return { all, busy: all - (numbers[3] ?? 0) - (numbers[4] ?? 0) };
}

async function ticksBelow(root: number, proc: string): Promise<number> {
  const parents = new Map<number, number>();
  const ticks = new Map<number, number>();
  await Promise.all(
    (await readdir(proc))
      .filter((name) => /^\d+$/.test(name))
      .map(async (name) => {
        const stat = await readFile(join(proc, name, 'stat'), 'utf8').catch(() => undefined);
        // It has ended meanwhile.
        if (stat === undefined) return;
        parents.set(Number(name), parentOf(stat));
        const { own, children } = cpuTicks(stat);
        ticks.set(Number(name), own + children);
      }),
  );
  let sum = 0;
  for (const pid of descendants(root, parents)) sum += ticks.get(pid) ?? 0;
  return sum;
}

/** `root` and all that descend from it. `parents`: from a process to its parent. */
export function descendants(root: number, parents: ReadonlyMap<number, number>): Set<number> {
  const children = new Map<number, number[]>();
  for (const [pid, parent] of parents) {
    const known = children.get(parent);
    if (known === undefined) children.set(parent, [pid]);
    else known.push(pid);
  }
  const found = new Set<number>([root]);
  // A set that grows is walked to its end.
  for (const pid of found) for (const child of children.get(pid) ?? []) found.add(child);
  return found;
}

/** Field 4 of /proc/<pid>/stat; see `cpuTicks` for why it is read from behind. */
const parentOf = (stat: string): number => Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
