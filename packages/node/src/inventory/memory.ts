import { type Finding, found, missing } from '@csm/host';
import type { Reader } from './reader.ts';

const PATH = '/proc/meminfo';

/** Memory and swap, in kB as the kernel tells them (proc_meminfo(5)). */
export const memory: Reader<'installed_memory' | 'installed_swap'> = {
  name: 'memory',
  facts: ['installed_memory', 'installed_swap'],
  async read({ tree }) {
    const text = await tree.text(PATH);
    const amount = (key: string) => ('reason' in text ? text : kilobytes(text.value, key));
    return { installed_memory: amount('MemTotal'), installed_swap: amount('SwapTotal') };
  },
};

function kilobytes(text: string, key: string): Finding<number> {
  const line = text.split('\n').find((l) => l.startsWith(`${key}:`));
  if (line === undefined) return missing(`${PATH} has no line ${key}`);
  // The unit must be there: a file cut in the middle of a number would give a smaller one.
  const amount = /^\w+:\s+(\d{1,15}) kB$/.exec(line)?.[1];
  return amount === undefined ? missing(`${PATH} has a line ${key} that is not '${key}: N kB'`) : found(Number(amount));
}
