import { type Finding, found, missing, type RootTree } from '@csm/host';
import { PartDraft } from './part-draft.ts';
import { pciAddress, pciBehind, pciNumber } from './pci.ts';
import { telling } from './placeholder.ts';
import type { Sources } from './sources.ts';
import { classDevices } from './sys-class.ts';
import { type Drive, nvmeWear } from './wear.ts';

const CLASS = '/sys/class/nvme';
const NVM_CONTROLLER = 0x0108;
const SECTOR = 512;

/** NVMe controllers on PCI. Those reached over a network are drives of another machine. */
export async function readNvmes(sources: Sources): Promise<Finding<readonly Drive[]>> {
  const names = await classDevices(sources, 'nvme', NVM_CONTROLLER);
  if ('reason' in names) return names;
  const drives: Drive[] = [];
  for (const name of names.value.filter((n) => /^nvme\d{1,4}$/.test(n))) {
    // What cannot be entered is no controller, such as a link that leads nowhere.
    if ('reason' in (await sources.tree.names(`${CLASS}/${name}`))) continue;
    const transport = await sources.tree.line(`${CLASS}/${name}/transport`);
    if ('value' in transport && transport.value !== 'pcie') continue;
    const part = await describe(sources, name);
    drives.push({ part, takeWear: (signal) => nvmeWear(sources.programs, part, name, signal) });
  }
  return found(drives);
}

async function describe({ tree, pciNames }: Sources, name: string): Promise<PartDraft> {
  const dir = `${CLASS}/${name}`;
  const file = async (attribute: string): Promise<Finding<string>> =>
    telling(await tree.line(`${dir}/${attribute}`), `${dir}/${attribute}`);
  const address = await tree.line(`${dir}/address`);
  const pci = ('value' in address ? pciAddress(address.value) : undefined) ?? (await pciBehind(tree, dir));
  const state = await tree.line(`${dir}/state`, 32);
  const vendor = await pciNumber(tree, `${dir}/device/vendor`);
  const firmware = await file('firmware_rev');
  const part = new PartDraft('ssd', pci ?? name)
    .set('serial', await file('serial'))
    .set('model', await file('model'))
    .set('firmware', firmware)
    .detail('size', await sizeOf(tree, name))
    .detail('fw_ver', firmware)
    .extra({ pci_bus_id: pci, interface: 'nvme' })
    .extraPassing({ device_name: name, state: 'value' in state ? state.value : null });
  return vendor === undefined ? part : part.set('vendor', found((await pciNames()).vendor(vendor)));
}

/**
 * Bytes of all namespaces. With several paths to a drive the kernel hides those of the controller (`nvme0c0n1`) and
 * shows one disk for all (`nvme0n1`); the sectors of `size` have 512 bytes, whatever the drive's have.
 */
async function sizeOf(tree: RootTree, name: string): Promise<Finding<number>> {
  const own = await namespaces(tree, `${CLASS}/${name}`, /^nvme\d+(?:c\d+)?n\d+$/);
  const disks = own.length > 0 ? own : await namespaces(tree, '/sys/block', new RegExp(`^${name}n\\d+$`));
  if (disks.length === 0) return missing(`/sys/block has no namespace of ${name}`);
  let sectors = 0;
  for (const disk of disks) {
    const size = await tree.integer(`${disk}/size`);
    if ('reason' in size) return size;
    // A dead drive is left with none.
    if (size.value <= 0) return missing(`${disk}/size is ${size.value}`);
    sectors += size.value;
  }
  return found(sectors * SECTOR);
}

async function namespaces(tree: RootTree, dir: string, pattern: RegExp): Promise<string[]> {
  const names = await tree.names(dir);
  return 'value' in names ? names.value.filter((name) => pattern.test(name)).map((name) => `${dir}/${name}`) : [];
}
