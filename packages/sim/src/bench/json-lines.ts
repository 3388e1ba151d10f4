/** Lines of JSON a helper process says on its standard output, in order. */
import { createInterface } from 'node:readline';
import type { DaemonProcess } from '../site/daemon-process.ts';
import type { Site } from '../site/site.ts';

/** Gives a function that waits for the next line; rejects when the process ends or takes longer than `ms`. */
export function jsonLines<T>(site: Site, process: DaemonProcess): (ms: number) => Promise<T> {
  const lines: T[] = [];
  if (process.stdout === null) throw new Error(`${process.name} was started without pipes`);
  createInterface({ input: process.stdout }).on('line', (line) => lines.push(JSON.parse(line) as T));
  return async (ms) => {
    await site.until(`${process.name} says something`, () => lines.length > 0, ms);
    return lines.shift() as T;
  };
}
