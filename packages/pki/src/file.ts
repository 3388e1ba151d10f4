/** Files that are whole or not there: written beside, synced, then put in place. */
import { randomBytes } from 'node:crypto';
import { link, mkdir, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';

async function writeBeside(file: string, text: string, mode: number): Promise<string> {
  const beside = `${file}.${process.pid}.${randomBytes(4).toString('hex')}.tmp`;
  const handle = await open(beside, 'wx', mode);
  try {
    // open() applies the umask; the mode must be exact, for a key may not be readable and a CA must be.
    await handle.chmod(mode);
    await handle.writeFile(text);
    await handle.sync();
  } catch (error) {
    await handle.close();
    await unlink(beside);
    throw error;
  }
  await handle.close();
  return beside;
}

/** A rename is on disk only when its directory is. */
async function syncDirectory(file: string): Promise<void> {
  const handle = await open(dirname(file), 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Puts a file in place of whatever was there. */
export async function replaceFile(file: string, text: string, mode: number): Promise<void> {
  const beside = await writeBeside(file, text, mode);
  try {
    await rename(beside, file);
  } catch (error) {
    await unlink(beside);
    throw error;
  }
  await syncDirectory(file);
}

/** Makes a file that must not exist yet; false when it does, and then nothing is changed. */
export async function createFile(file: string, text: string, mode: number): Promise<boolean> {
  const beside = await writeBeside(file, text, mode);
  try {
    await link(beside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  } finally {
    await unlink(beside);
  }
  await syncDirectory(file);
  return true;
}

export async function makePrivateDirectory(dir: string): Promise<void> {
  await mkdir(dir, { recursive: true, mode: 0o700 });
}
