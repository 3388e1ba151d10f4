import { type Finding, found, missing, type RootTree } from './root-tree.ts';

const PATH = '/proc/cpuinfo';

/** 8,192 CPUs at 2 KiB each: the largest x86-64 machine. */
const FILE_MAX = 16 * 1024 * 1024;

/**
 * Counts the online CPUs of /proc/cpuinfo: one paragraph each, which begins with `processor`. x86-64 adds
 * `physical id` and `core id`; aarch64 tells neither, so there only the threads can be counted from this file.
 */
export async function countCpus(tree: RootTree): Promise<{
  readonly sockets: Finding<number>;
  readonly cores: Finding<number>;
  readonly threads: Finding<number>;
}> {
  const text = await tree.text(PATH, FILE_MAX);
  if ('reason' in text) return { sockets: text, cores: text, threads: text };

  const sockets = new Set<string>();
  const cores = new Set<string>();
  let threads = 0;
  let unplaced = 0;
  for (const paragraph of text.value.split('\n\n')) {
    if (number(paragraph, 'processor') === undefined) continue;
    threads++;
    const socket = number(paragraph, 'physical id');
    const core = number(paragraph, 'core id');
    if (socket === undefined || core === undefined) {
      unplaced++;
      continue;
    }
    sockets.add(socket);
    cores.add(`${socket} ${core}`);
  }
  if (threads === 0) {
    const none = missing(`${PATH} names no processor`);
    return { sockets: none, cores: none, threads: none };
  }
  if (unplaced > 0) {
    const reason = missing(`${PATH} gives no 'physical id' and 'core id' for ${unplaced} of ${threads} processors`);
    return { sockets: reason, cores: reason, threads: found(threads) };
  }
  return { sockets: found(sockets.size), cores: found(cores.size), threads: found(threads) };
}

/** The digits behind `key`, tabs and a colon; a line cut off by the end of a torn file does not count. */
function number(paragraph: string, key: string): string | undefined {
  return new RegExp(`^${key}\\t*: (\\d{1,9})$`, 'm').exec(paragraph)?.[1];
}
