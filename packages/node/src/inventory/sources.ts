import type { Finding, Host, Programs, RootTree } from '@csm/host';
import { readCpuinfo } from './cpuinfo.ts';
import { once, oncePrograms } from './once.ts';
import { type PciDevice, readPci } from './pci.ts';
import { openPciNames, type PciNames } from './pci-names.ts';
import { readSmbios, type SmbiosStructure } from './smbios.ts';
import { readTopology, type Sockets } from './topology.ts';

/**
 * What the readers of one collection read from. What several of them need is read once, and forgotten with the
 * collection: between two of them nothing stays in memory.
 */
export interface Sources {
  readonly tree: RootTree;
  /** Each program runs at most once with the same arguments. */
  readonly programs: Programs;
  /** Text of /proc/cpuinfo. */
  readonly cpuinfo: () => Promise<Finding<string>>;
  readonly topology: () => Promise<Finding<Sockets>>;
  readonly smbios: () => Promise<Finding<readonly SmbiosStructure[]>>;
  readonly pci: () => Promise<Finding<readonly PciDevice[]>>;
  readonly pciNames: () => Promise<PciNames>;
}

export function sourcesOf({ tree, programs }: Host): Sources {
  const shared = oncePrograms(programs);
  return {
    tree,
    programs: shared,
    cpuinfo: once(() => readCpuinfo(tree)),
    topology: once(() => readTopology(tree)),
    smbios: once(() => readSmbios(shared)),
    pci: once(() => readPci(tree)),
    pciNames: once(() => openPciNames(tree)),
  };
}
