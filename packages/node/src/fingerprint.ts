import { createHash } from 'node:crypto';
import type { RootTree } from '@csm/host';

const DIRECTORIES = ['/sys/bus/pci/devices', '/sys/class/nvme', '/sys/class/infiniband'];
/** In these stand virtual devices, too, which come and go with containers and mounts: they are no hardware. */
const MIXED = ['/sys/class/net', '/sys/block'];
const FILES = ['/sys/devices/system/cpu/online', '/sys/devices/system/node/online'];

/**
 * 16 hex digits that change when devices, CPUs or memory nodes come or go. Cheap: it lists five directories, reads
 * two short files and one link for each disk and network interface, and runs nothing.
 */
export async function fingerprint(tree: RootTree): Promise<string> {
  const words: string[] = [];
  for (const directory of DIRECTORIES) {
    const names = await tree.names(directory);
    words.push('value' in names ? names.value.join(' ') : '');
  }
  for (const directory of MIXED) {
    const names = await tree.names(directory);
    const real: string[] = [];
    for (const name of 'value' in names ? names.value : []) {
      const link = await tree.link(`${directory}/${name}`);
      if (!('value' in link && link.value.includes('/devices/virtual/'))) real.push(name);
    }
    words.push(real.join(' '));
  }
  for (const file of FILES) {
    const line = await tree.line(file, 24 * 1024);
    words.push('value' in line ? line.value : '');
  }
  return createHash('sha256').update(words.join('\n')).digest('hex').slice(0, 16);
}
