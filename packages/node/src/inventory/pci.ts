import { type Finding, found, missing, type RootTree } from '@csm/host';
import { each } from './once.ts';

/** One function of a PCI device, as /sys/bus/pci/devices has it (sysfs-bus-pci). */
export interface PciDevice {
  /** Domain, bus, device and function, such as `0000:3b:00.0`. */
  readonly address: string;
  /** Base class, subclass and interface: 24 bits. */
  readonly class: number;
  readonly vendor: number;
  readonly device: number;
}

export const PCI = '/sys/bus/pci/devices';
/** Functions of one machine; large servers have some hundreds. */
const DEVICES_MAX = 4096;

/** Every function; those that cannot be read are left out. None where the kernel has no PCI at all. */
export async function readPci(tree: RootTree): Promise<Finding<readonly PciDevice[]>> {
  const names = await tree.names(PCI);
  if ('reason' in names) {
    const buses = await tree.names('/sys/bus');
    return 'value' in buses && !buses.value.includes('pci') ? found([]) : names;
  }
  const addresses = names.value.filter((name) => pciAddress(name) === name);
  if (addresses.length > DEVICES_MAX)
    return missing(`${PCI} holds ${addresses.length} devices, at most ${DEVICES_MAX} are read`);
  const devices = await each(addresses, 16, (address) => readDevice(tree, address));
  return found(devices.filter((device) => device !== undefined));
}

async function readDevice(tree: RootTree, address: string): Promise<PciDevice | undefined> {
  const [cls, vendor, device] = await Promise.all(
    ['class', 'vendor', 'device'].map((file) => pciNumber(tree, `${PCI}/${address}/${file}`)),
  );
  if (cls === undefined || vendor === undefined || device === undefined) return undefined;
  return { address, class: cls, vendor, device };
}

/** A number as sysfs writes it, such as `0x10de`. */
export async function pciNumber(tree: RootTree, path: string): Promise<number | undefined> {
  const line = await tree.line(path);
  return 'value' in line && /^0x[0-9a-f]{1,8}$/i.test(line.value) ? Number(line.value) : undefined;
}

/** Whether the PCI function is a virtual one, which comes and goes with the settings of its physical function. */
export const isVirtualFunction = async (tree: RootTree, device: string): Promise<boolean> =>
  'value' in (await tree.link(`${device}/physfn`)) || 'value' in (await tree.names(`${device}/physfn`));

/** `0000:3b:00.0` out of what programs write of it: `00000000:3B:00.0`, or without its domain. */
export function pciAddress(text: string): string | undefined {
  const parts = /^(?:([0-9a-f]{4,8}):)?([0-9a-f]{2}:[0-9a-f]{2}\.[0-7])$/i.exec(text);
  if (parts === null) return undefined;
  const domain = Number.parseInt(parts[1] ?? '0', 16)
    .toString(16)
    .padStart(4, '0');
  return `${domain}:${parts[2]?.toLowerCase()}`;
}

/**
 * The PCI function behind a directory of /sys/class: the last address in where its link `device`, or the directory
 * itself, points. (A disk or a virtio port has another device in between.) Undefined when none is behind it.
 */
export async function pciBehind(tree: RootTree, directory: string): Promise<string | undefined> {
  for (const path of [`${directory}/device`, directory]) {
    const target = await tree.link(path);
    if ('reason' in target) continue;
    const address = target.value
      .split('/')
      .map(pciAddress)
      .findLast((part) => part !== undefined);
    if (address !== undefined) return address;
  }
  return undefined;
}
