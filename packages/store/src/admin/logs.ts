/** Files that SQLite keeps beside a database, without which it is not all of it. */
import { stat } from 'node:fs/promises';

/** Those with something in them. */
export async function logsBeside(file: string): Promise<string[]> {
  const found: string[] = [];
  for (const path of [`${file}-wal`, `${file}-journal`]) {
    const { size = 0 } = (await stat(path).catch(() => undefined)) ?? {};
    if (size > 0) found.push(path);
  }
  return found;
}
