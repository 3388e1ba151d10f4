import { readdirSync, readFileSync } from 'node:fs';

/** Ends process groups. */

/** How long processes that even SIGKILL does not end, because they are in the kernel, are waited for. */
export const KILLED_MS = 1_000;
const POLL_MS = 10;
/** From when on /proc is read, which costs some 10 µs for each process of the machine; then at doubling distances. */
const SCAN_MS = 40;

/** SIGTERM, and SIGKILL after the grace; true when nothing of the group runs any more. */
export async function endGroup(group: number, graceMs: number): Promise<boolean> {
  if (!signalGroup(group, 'SIGTERM')) return true;
  // A stopped process would not see SIGTERM.
  signalGroup(group, 'SIGCONT');
  if (await isGone(group, graceMs)) return true;
  signalGroup(group, 'SIGKILL');
  return isGone(group, KILLED_MS);
}

/** Whether any process of the group still runs. */
export const groupRuns = (group: number): boolean => signalGroup(group, 0) && isRunning(group);

async function isGone(group: number, ms: number): Promise<boolean> {
  const began = performance.now();
  let scanAt = began + SCAN_MS;
  while (signalGroup(group, 0)) {
    const now = performance.now();
    if (now >= scanAt) {
      if (!isRunning(group)) return true;
      scanAt = now + (now - began);
    }
    if (now >= began + ms) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.min(POLL_MS, began + ms - now)));
  }
  return true;
}

/** False when the group has no process left. */
function signalGroup(group: number, signal: NodeJS.Signals | 0): boolean {
  try {
    process.kill(-group, signal);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}

/**
 * Whether any process of the group is more than an entry that waits for its parent: some first processes of
 * containers take a second or forever to collect those, and a signal still finds them.
 */
function isRunning(group: number): boolean {
  return readdirSync('/proc').some((name) => /^\d+$/.test(name) && memberRuns(name, group));
}

function memberRuns(pid: string, group: number): boolean {
  try {
    // proc(5): pid (name) state ppid pgrp …; the name may hold anything, so the last bracket counts.
    const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
    const [state, , pgrp] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return Number(pgrp) === group && state !== 'Z' && state !== 'X';
  } catch {
    return false;
  }
}
