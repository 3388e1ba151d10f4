import { type Finding, found, missing } from '@csm/host';
import type { Sources } from './sources.ts';

/**
 * The devices in a directory of /sys/class. The directory appears with the first driver of its kind: without it there
 * is no device, unless PCI shows one (`pciClass`: base class and subclass) whose driver is not loaded.
 */
export async function classDevices(
  sources: Sources,
  name: string,
  pciClass: number,
): Promise<Finding<readonly string[]>> {
  const path = `/sys/class/${name}`;
  const names = await sources.tree.names(path);
  if ('value' in names) return names;
  const classes = await sources.tree.names('/sys/class');
  if ('reason' in classes) return classes;
  if (classes.value.includes(name)) return names;
  const pci = await sources.pci();
  if ('reason' in pci) return missing(`${names.reason}; ${pci.reason}`);
  const idle = pci.value.filter((device) => device.class >> 8 === pciClass);
  return idle.length === 0
    ? found([])
    : missing(`${names.reason}, and PCI shows ${idle[0]?.address}: its driver is not loaded`);
}
