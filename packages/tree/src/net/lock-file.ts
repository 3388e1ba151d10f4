/**
 * A file that one process holds: it names the holder's pid and the time that process started, so that a later one of the
 * same number is not taken for it. It stands beside what it guards, where no other user can put one in the way. A killed
 * daemon leaves its lock behind, and the next start takes that over.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { code, fail } from '@csm/model';

const LOCK_TRIES = 10;
const LOCK_PAUSE_MS = 20;

export interface LockFile {
  /** Removes the lock where it is still ours. */
  release(): Promise<void>;
}

export interface LockWords {
  /** The setting or argument an admin would change. */
  readonly field: string;
  /** What to say when a living process holds it. */
  held(pid: number): string;
}

/** Takes `file`. Fails with BAD_STATE when a living process holds it; else with what the system says. */
export async function takeLock(file: string, words: LockWords): Promise<LockFile> {
  const own = `${file}.${randomUUID()}`;
  const text = `${process.pid} ${(await startTime(process.pid)) ?? 0}\n`;
  // Gets its name only when it is whole: nobody ever reads half a lock of a living process.
  await writeFile(own, text, { flag: 'wx', mode: 0o600 });
  try {
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      if (await linked(own, file)) return { release: () => release(file, text) };
      const pid = await holder(file);
      if (typeof pid === 'number') fail(code.BAD_STATE, words.held(pid), { field: words.field });
      if (await takeOver(own, file)) return { release: () => release(file, text) };
      await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
    }
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
  fail(code.BAD_STATE, `the lock ${file} could not be taken in ${LOCK_TRIES} tries`, { field: words.field });
}

/**
 * Puts `own` in place of a stale lock. Only the holder of a gate may, and it looks again behind it: of several starts
 * that read the same stale lock, a slow one must not replace what a fast one has put there.
 */
async function takeOver(own: string, file: string): Promise<boolean> {
  const gate = `${file}.gate`;
  if (!(await linked(own, gate))) {
    // A start that was killed between two system calls leaves its gate.
    if ((await holder(gate)) === 'stale') await rm(gate, { force: true });
    return false;
  }
  try {
    if ((await holder(file)) !== 'stale') return false;
    await rename(own, file);
    return true;
  } finally {
    await rm(gate, { force: true });
  }
}

async function release(file: string, text: string): Promise<void> {
  const standing = await readFile(file, 'utf8').catch(() => undefined);
  if (standing === text) await rm(file, { force: true });
}

/** Gives a second name to a file; false where that name is taken. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The pid in a lock whose process lives; stale for one that is torn or whose process is gone; undefined for none. */
async function holder(file: string): Promise<number | 'stale' | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [, pid, started] = /^([1-9]\d{0,9}) (\d+)\n$/.exec(text) ?? [];
  if (pid === undefined || started === undefined) return 'stale';
  return (await startTime(Number(pid))) === started ? Number(pid) : 'stale';
}

/** When a living process started, in ticks since boot: field 22 of its stat. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses and may hold anything; the third is the state.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : rest[18];
}
