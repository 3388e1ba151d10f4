/**
 * One process a spool. The lock is a file that names its holder: pid, and when that process started, so that a later one
 * of the same number is not taken for it. A killed daemon leaves its lock behind, and the next start takes that over.
 */
import { randomUUID } from 'node:crypto';
import { link, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { code, fail } from '@csm/model';

const TRIES = 20;
const PAUSE_MS = 10;

export interface Lock {
  release(): Promise<void>;
}

/** Takes `file`. Fails with BAD_STATE, in words, when a living process holds it; else with what the system says. */
export async function acquire(file: string, what: string): Promise<Lock> {
  const own = `${file}.${randomUUID()}`;
  const text = `${process.pid} ${(await startTime(process.pid)) ?? 0}\n`;
  await rm(own, { force: true });
  try {
    // Gets its name only when it is whole: nobody ever reads half a lock of a living process.
    await writeFile(own, text, { flag: 'wx', mode: 0o600 });
    for (let tries = 0; tries < TRIES; tries++) {
      if (await linked(own, file)) return { release: () => release(file, text) };
      const pid = await holder(file);
      if (typeof pid === 'number')
        fail(code.BAD_STATE, `another process uses ${what}: its pid is ${pid}; each needs a directory of its own`, {
          field: 'bds.spool',
        });
      if (pid === 'stale') await removeStale(file);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  } finally {
    await rm(own, { force: true }).catch(() => undefined);
  }
  fail(code.BAD_STATE, `the lock ${file} could not be taken in ${TRIES} tries`, { field: 'bds.spool' });
}

/** Of several starts that read the same stale lock, only one may move it; what it moved it looks at once more. */
async function removeStale(file: string): Promise<void> {
  const aside = `${file}.${randomUUID()}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return;
    throw error;
  }
  // A faster start has put its own there meanwhile: it goes back.
  if ((await holder(aside)) !== 'stale') await linked(aside, file);
  await rm(aside, { force: true });
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

/** When a living process started, in ticks since boot: field 22 of its stat (proc_pid_stat(5)). */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses and may hold anything; the third is the state.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : rest[18];
}
