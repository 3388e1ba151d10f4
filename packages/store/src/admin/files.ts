/** Files of backups and archives: written beside their place, synced, then renamed there. */
import { link, open, rename, stat, unlink } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import { CsmError, code, fail, problem } from '@csm/model';

/** Where a file grows before it is whole. What a killed one left there is written anew. */
export const partOf = (file: string): string => `${file}.part`;

/** Throws code 9 for what is no absolute path of a file, or of a directory to be, in a directory that exists. */
export async function checkPath(path: string, field: 'file' | 'directory'): Promise<void> {
  if (!isAbsolute(path) || path.includes('\0')) {
    fail(code.INVALID_PARAMETER, `${field} is ${JSON.stringify(path)}`, { field, allowed: 'an absolute path' });
  }
  if (field === 'file' && path.endsWith('/')) {
    fail(code.INVALID_PARAMETER, `${field} is ${JSON.stringify(path)}`, {
      field,
      allowed: 'the path of a file, which does not end with a slash',
    });
  }
  const directory = await stat(dirname(path)).catch(() => undefined);
  if (directory?.isDirectory() !== true) {
    fail(code.INVALID_PARAMETER, `${dirname(path)} is no directory of the master's machine`, {
      field,
      allowed: `a ${field} in a directory that exists`,
    });
  }
}

export async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}

export async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** An empty file that only its owner may read. Throws the system's error. */
export async function make(path: string): Promise<void> {
  await unlink(path).catch(() => undefined);
  await (await open(path, 'wx', 0o600)).close();
}

/** Writes a whole file, synced. */
export async function writeSynced(path: string, text: string): Promise<void> {
  await make(path);
  const handle = await open(path, 'r+');
  try {
    await handle.writeFile(text);
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts a synced part in its place; without `replace` a file that has come there meanwhile is refused (code 9). */
export async function publish(file: string, replace: boolean): Promise<void> {
  if (replace) await rename(partOf(file), file);
  else {
    try {
      await link(partOf(file), file);
    } catch (thrown) {
      const reason = (thrown as NodeJS.ErrnoException).code;
      if (reason === 'EEXIST') throw isThere(file);
      // A file system without hard links: the check at the beginning has to do.
      if (reason !== 'EPERM' && reason !== 'ENOTSUP' && reason !== 'EOPNOTSUPP') throw thrown;
      await rename(partOf(file), file);
    }
    await unlink(partOf(file)).catch(() => undefined);
  }
  await sync(dirname(file));
}

export const isThere = (file: string): CsmError =>
  new CsmError(
    problem(code.INVALID_PARAMETER, `${file} is there already`, {
      field: 'file',
      allowed: 'a new file, or force, which replaces an older backup',
    }),
  );

/** The system's errors with the path and a code of ours; others as they are. */
export function inWords(thrown: unknown, doing: string): unknown {
  if (thrown instanceof CsmError || !(thrown instanceof Error) || !('syscall' in thrown)) return thrown;
  const reason = (thrown as NodeJS.ErrnoException).code ?? thrown.message;
  const number = reason === 'EACCES' || reason === 'EPERM' ? code.PERMISSION : code.GENERIC;
  return new CsmError(problem(number, `${doing}: ${WORDS[reason] ?? thrown.message}`), { cause: thrown });
}

const WORDS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space is left on the device',
  EDQUOT: 'the quota of the disk is used up',
  EACCES: 'permission denied',
  EPERM: 'not permitted',
  EROFS: 'the file system is read-only',
  EIO: 'the disk failed',
};
