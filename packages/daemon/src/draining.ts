/** Whether an aggregator is drained, in a file of its state directory: it is so again from its first moment. */
import { open, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isObject } from '@csm/model';

const fileOf = (stateDir: string): string => join(stateDir, 'drained.json');

/** At how many nodes a second; undefined when it is not drained. A file that cannot be read is no drain, and is told. */
export async function readDraining(stateDir: string, fault: (text: string) => void): Promise<number | undefined> {
  const file = fileOf(stateDir);
  try {
    const value = JSON.parse(await readFile(file, 'utf8')) as unknown;
    if (isObject(value) && typeof value['per_second'] === 'number' && value['per_second'] > 0)
      return value['per_second'];
    fault(`${file} says nothing of use; the master will say again whether this aggregator is drained`);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code === 'ENOENT') return undefined;
    fault(`${file}: ${(error as Error).message}; the master will say again whether this aggregator is drained`);
  }
  return undefined;
}

/** Resolves when it is on disk. */
export async function writeDraining(stateDir: string, perSecond: number | undefined): Promise<void> {
  const file = fileOf(stateDir);
  if (perSecond === undefined) return rm(file, { force: true });
  const fresh = `${file}.new`;
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(`${JSON.stringify({ per_second: perSecond })}\n`);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
