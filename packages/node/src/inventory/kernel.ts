import { machine } from 'node:os';
import { type Finding, found, missing, type RootTree } from '@csm/host';
import type { Reader } from './reader.ts';

/** What `uname` tells, and the boot id, from /proc/sys/kernel (proc_sys_kernel(5)). */
export const kernel: Reader<'kernel_release' | 'kernel_version' | 'boot_id' | 'architecture'> = {
  name: 'kernel',
  facts: ['kernel_release', 'kernel_version', 'boot_id', 'architecture'],
  async read({ tree }) {
    return {
      kernel_release: await tree.line('/proc/sys/kernel/osrelease'),
      kernel_version: await tree.line('/proc/sys/kernel/version'),
      boot_id: await bootId(tree),
      architecture: await architecture(tree),
    };
  },
};

async function bootId(tree: RootTree): Promise<Finding<string>> {
  const path = '/proc/sys/kernel/random/boot_id';
  const line = await tree.line(path);
  if ('reason' in line) return line;
  const isUuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(line.value);
  return isUuid ? line : missing(`${path} holds '${line.value}', not a UUID`);
}

/** The file exists since Linux 6.1; before, the process's own kernel is asked, which is that of `/` and no other. */
async function architecture(tree: RootTree): Promise<Finding<string>> {
  const line = await tree.line('/proc/sys/kernel/arch');
  if ('value' in line || tree.root !== '/') return line;
  return found(machine());
}
