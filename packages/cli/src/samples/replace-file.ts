/** A file that is there whole, or as it was before. */
import { randomUUID } from 'node:crypto';
import { open, realpath, rename, stat, unlink } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { code, fail } from '@csm/model';
import { printable } from '../text.ts';

/**
 * Writes the text beside the file, then renames it there. A link is followed. Rejects with the system's error bearing
 * the path as it was given; with code 9, which names `field`, for what is there and is no regular file.
 */
export async function replaceFile(path: string, text: string, field: string): Promise<void> {
  try {
    await replace(await found(path, field), text);
  } catch (error) {
    // Nobody knows the file that was to become this one.
    if (error instanceof Error && 'syscall' in error) Object.assign(error, { path });
    throw error;
  }
}

async function replace(target: string, text: string): Promise<void> {
  const fresh = join(dirname(target), `.${basename(target).slice(0, 100)}.${randomUUID()}`);
  const file = await open(fresh, 'wx', 0o666);
  try {
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(fresh, target);
  } catch (error) {
    await unlink(fresh).catch(() => undefined);
    throw error;
  }
}

/** Where the file is, or is to be. */
async function found(path: string, field: string): Promise<string> {
  const there = await stat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (there === undefined) return path;
  if (there.isFile()) return realpath(path);
  return fail(code.INVALID_PARAMETER, `${printable(path)} is there and is no regular file`, {
    field,
    allowed: 'a new file, or a regular one, which is replaced',
  });
}
