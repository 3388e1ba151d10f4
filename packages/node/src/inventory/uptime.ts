import { found, missing } from '@csm/host';
import type { Reader } from './reader.ts';

const PATH = '/proc/uptime';

/** Seconds since boot, with hundredths: the first number of /proc/uptime (proc_uptime(5)). */
export const uptime: Reader<'uptime'> = {
  name: 'uptime',
  facts: ['uptime'],
  async read({ tree }) {
    const line = await tree.line(PATH);
    if ('reason' in line) return { uptime: line };
    const seconds = /^(\d{1,12}\.\d{2}) \d+\.\d{2}$/.exec(line.value)?.[1];
    return {
      uptime: seconds === undefined ? missing(`${PATH} is not two numbers of seconds`) : found(Number(seconds)),
    };
  },
};
