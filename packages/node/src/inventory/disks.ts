import { type Finding, found, missing, type RootTree } from '@csm/host';
import { numbered } from './numbered.ts';
import { PartDraft } from './part-draft.ts';
import { pciAddress } from './pci.ts';
import { telling } from './placeholder.ts';
import type { Sources } from './sources.ts';
import { type Drive, diskWear } from './wear.ts';

const BLOCK = '/sys/block';
const SECTOR = 512;

/** Disks that software makes, that others serve, that are no drives for long, or that have a reader of their own. */
const NO_DRIVE = /^(?:loop|ram|dm-|md|zram|sr|nbd|nvme|fd|rbd|drbd|bcache|zd)/;

/** Disks that do not rotate: SATA, SAS and virtio. No byte of them is read, but what they say of themselves. */
export async function readDisks(sources: Sources): Promise<Finding<readonly Drive[]>> {
  const { tree } = sources;
  const names = await tree.names(BLOCK);
  if ('reason' in names) return names;
  const disks: { readonly name: string; readonly location: string }[] = [];
  for (const name of names.value.filter((n) => !NO_DRIVE.test(n))) {
    const dir = `${BLOCK}/${name}`;
    const [rotational, removable] = [
      await tree.integer(`${dir}/queue/rotational`),
      await tree.integer(`${dir}/removable`),
    ];
    if (!('value' in rotational) || rotational.value !== 0) continue;
    if ('value' in removable && removable.value === 1) continue;
    if ('reason' in (await tree.names(`${dir}/device`))) continue;
    const path = await tree.link(dir);
    // Volumes of iSCSI and Fibre Channel are drives of another machine.
    if ('value' in path && /\/session\d+\/|\/rport-/.test(path.value)) continue;
    disks.push({ name, location: ('value' in path ? placeOf(path.value) : undefined) ?? name });
  }
  const locations = numbered(disks.map(({ location }) => location));
  const drives: Drive[] = [];
  for (const [i, { name }] of disks.entries()) {
    const part = await describe(tree, name, locations[i] as string);
    drives.push({ part, takeWear: (signal) => diskWear(sources.programs, part, name, signal) });
  }
  return found(drives);
}

/**
 * `0000:00:17.0 ata1` or `0000:18:00.0 0:5:0`: the PCI function, and behind it the ATA port, or channel, target and
 * unit of SCSI, whose host number is another after each boot.
 */
export function placeOf(path: string): string | undefined {
  const names = path.split('/');
  const pci = names.map(pciAddress).findLast((address) => address !== undefined);
  if (pci === undefined) return undefined;
  const ata = names.find((name) => /^ata\d+$/.test(name));
  const scsi = names.map((name) => /^\d+:(\d+:\d+:\d+)$/.exec(name)?.[1]).findLast((place) => place !== undefined);
  const behind = ata ?? scsi;
  return behind === undefined ? pci : `${pci} ${behind}`;
}

async function describe(tree: RootTree, name: string, location: string): Promise<PartDraft> {
  const dir = `${BLOCK}/${name}`;
  const file = async (path: string): Promise<Finding<string>> =>
    telling(await tree.line(`${dir}/${path}`), `${dir}/${path}`);
  const vendor = await file('device/vendor');
  const size = await tree.integer(`${dir}/size`);
  const page = await unitSerial(tree, `${dir}/device/vpd_pg80`);
  const own = await file('serial');
  const wwid = await file('device/wwid');
  const firmware = await file('device/rev');
  const model = await file('device/model');
  const isSata = 'value' in vendor && vendor.value === 'ATA';
  const part = new PartDraft('ssd', location)
    .set('serial', 'value' in page ? page : 'value' in own ? own : page)
    .set('model', isSata ? cutShort(model) : model)
    .set('firmware', isSata ? cutShort(firmware) : firmware)
    .detail('size', 'reason' in size ? size : bytesOf(size.value, `${dir}/size`))
    .detail('fw_ver', isSata ? cutShort(firmware) : firmware)
    .extra({
      pci_bus_id: pciAddress(location.split(' ')[0] ?? ''),
      wwid: 'value' in wwid ? wwid.value : undefined,
      interface: isSata ? 'sata' : undefined,
    })
    .extraPassing({ device_name: name.slice(0, 64) });
  if (isSata) part.extraPassing({ kernel_model: optional(model), kernel_firmware: optional(firmware) });
  // `ATA` is what the kernel puts there for all SATA drives; virtio has a number.
  return 'value' in vendor && !/^(?:ATA|0x[0-9a-f]+)$/i.test(vendor.value) ? part.set('vendor', vendor) : part;
}

/**
 * The kernel tells 16 characters of a SATA drive's model and 4 of its firmware, smartctl all of them. The drive would
 * seem changed whenever smartctl does not answer: so the short words pass, and are no model.
 */
const cutShort = (told: Finding<string>): Finding<string> =>
  'value' in told ? missing(`the kernel tells only the beginning or end of it: '${told.value}'`) : told;

const optional = (told: Finding<string>): string | undefined => ('value' in told ? told.value : undefined);

const bytesOf = (sectors: number, path: string): Finding<number> =>
  sectors > 0 ? found(sectors * SECTOR) : missing(`${path} is ${sectors}`);

/** SCSI's page of the unit's serial: four bytes of header, the last two the length, then text (SPC-4, 7.8.17). */
async function unitSerial(tree: RootTree, path: string): Promise<Finding<string>> {
  const page = await tree.bytes(path);
  if ('reason' in page) return page;
  const { value } = page;
  if (value.length < 4 || value[1] !== 0x80) return missing(`${path} is not a page of a serial number`);
  const length = value.readUInt16BE(2);
  if (value.length < 4 + length) return missing(`${path} is cut off`);
  return telling(found(value.toString('latin1', 4, 4 + length)), path);
}
