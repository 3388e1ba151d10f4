/**
 * A directory of its own for what a program reads and nobody else may: the password. It goes with the work; one whose
 * process was killed goes when the next is made.
 */
import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const PREFIX = 'csm-pgpass-';
/** The process stands in the name; what mkdtemp adds has no dash. */
const NAME = /^csm-pgpass-(\d+)-[^-]+$/;

export async function inSecretDirectory<T>(work: (directory: string) => Promise<T>): Promise<T> {
  await removeLeft();
  const directory = await mkdtemp(join(tmpdir(), `${PREFIX}${process.pid}-`));
  try {
    return await work(directory);
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/** Only our own: into those of another user he could put whatever he likes. */
async function removeLeft(): Promise<void> {
  for (const name of await readdir(tmpdir()).catch(() => [])) {
    const pid = NAME.exec(name)?.[1];
    if (pid === undefined || isAlive(Number(pid))) continue;
    const directory = join(tmpdir(), name);
    const found = await stat(directory).catch(() => undefined);
    if (found?.uid === process.getuid?.()) await rm(directory, { recursive: true, force: true }).catch(() => undefined);
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (thrown) {
    return (thrown as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
