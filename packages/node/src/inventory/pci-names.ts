import type { RootTree } from '@csm/host';

/** Where distributions put the list of PCI ids. */
const PATHS = ['/usr/share/misc/pci.ids', '/usr/share/hwdata/pci.ids', '/usr/share/pci.ids'] as const;

/** It has 1.6 MB after thirty years. */
const FILE_MAX = 8 * 1024 * 1024;
const NAME_MAX = 128;

/** Names of PCI vendors and devices; what has no name is told by its number. */
export interface PciNames {
  vendor(vendor: number): string;
  /** Such as `GA100 [A100 SXM4 80GB]`, else `0x10de:0x20b2`. */
  device(vendor: number, device: number): string;
}

/** From the first list there is. Its bytes are searched where they lie; no text is made of more than single lines. */
export async function openPciNames(tree: RootTree): Promise<PciNames> {
  for (const path of PATHS) {
    const bytes = await tree.bytes(path, FILE_MAX);
    if ('value' in bytes) return namesIn(bytes.value);
  }
  return namesIn(Buffer.alloc(0));
}

/** Lines `vvvv  name`, below each `<tab>dddd  name` (and two tabs for subsystems), in one text of bytes. */
export function namesIn(list: Buffer): PciNames {
  const id = (n: number) => n.toString(16).padStart(4, '0');
  const vendorAt = (vendor: number) => startOfLine(list, `${id(vendor)}  `, 0, list.length);
  return {
    vendor(vendor) {
      const at = vendorAt(vendor);
      return (at === undefined ? undefined : nameAt(list, at + 6)) ?? `0x${id(vendor)}`;
    },
    device(vendor, device) {
      const number = `0x${id(vendor)}:0x${id(device)}`;
      const at = vendorAt(vendor);
      if (at === undefined) return number;
      const line = startOfLine(list, `\t${id(device)}  `, at, endOfVendor(list, at));
      return (line === undefined ? undefined : nameAt(list, line + 7)) ?? number;
    },
  };
}

function startOfLine(list: Buffer, start: string, from: number, to: number): number | undefined {
  if (from === 0 && list.subarray(0, start.length).toString('latin1') === start) return 0;
  const at = list.indexOf(`\n${start}`, from, 'latin1');
  return at === -1 || at >= to ? undefined : at + 1;
}

const TAB = 9;
const NEWLINE = 10;
const HASH = 35;

/** The first line behind `from` that is neither indented, a comment nor empty. */
function endOfVendor(list: Buffer, from: number): number {
  for (let at = list.indexOf(NEWLINE, from); at !== -1; at = list.indexOf(NEWLINE, at + 1)) {
    const next = list[at + 1];
    if (next !== TAB && next !== HASH && next !== NEWLINE) return at;
  }
  return list.length;
}

/** The rest of the line; undefined when it is empty, or longer than a name is. */
function nameAt(list: Buffer, from: number): string | undefined {
  const newline = list.indexOf(NEWLINE, from);
  const end = newline === -1 ? list.length : newline;
  if (end - from > NAME_MAX) return undefined;
  const name = list.subarray(from, end).toString('utf8').trim();
  return name === '' || /\p{Cc}/u.test(name) ? undefined : name;
}
