import { type Finding, found, missing, type RootTree } from '@csm/host';

/** The standard's largest: 15 bits of address. */
const VPD_MAX = 32 * 1024;

const NAME_TAG = 0x82;
const READ_ONLY_TAG = 0x90;
const READ_WRITE_TAG = 0x91;

/** Vital product data: what the maker wrote into the card. */
export interface Vpd {
  readonly name?: string;
  /** By two letters: PN part number, SN serial number, EC engineering change level, MN maker. */
  readonly fields: ReadonlyMap<string, string>;
  /** What ended the reading before the end tag. */
  readonly torn?: string;
}

/** VPD of a PCI function; root may read it. The card answers slowly, a few ms each 4 bytes. */
export async function readVpd(tree: RootTree, device: string): Promise<Finding<Vpd>> {
  const path = `${device}/vpd`;
  const bytes = await tree.bytes(path, VPD_MAX);
  if ('reason' in bytes) return bytes;
  const vpd = parseVpd(bytes.value);
  if (vpd.fields.size === 0 && vpd.name === undefined) return missing(`${path} ${vpd.torn ?? 'is empty'}`);
  return found(vpd);
}

/**
 * Reads the format of the PCI Local Bus Specification 3.0, appendix I: resources with a tag and a length, of which the
 * read-only and the read-write ones hold fields of two letters, one byte of length, and data. What was read before the
 * bytes stop making sense is kept.
 */
export function parseVpd(bytes: Buffer): Vpd {
  const fields = new Map<string, string>();
  let name: string | undefined;
  const end = (torn?: string): Vpd => ({
    fields,
    ...(name === undefined ? {} : { name }),
    ...(torn === undefined ? {} : { torn }),
  });
  for (let at = 0; at < bytes.length; ) {
    const tag = bytes[at] as number;
    const isLarge = tag >= 0x80;
    if (!isLarge && tag >> 3 === 0x0f) return end();
    if (isLarge && at + 3 > bytes.length) return end('ends within a tag');
    const from = at + (isLarge ? 3 : 1);
    const to = from + (isLarge ? bytes.readUInt16LE(at + 1) : tag & 7);
    const data = bytes.subarray(from, to);
    if (tag === NAME_TAG) name = text(data) || undefined;
    else if (tag === READ_ONLY_TAG || tag === READ_WRITE_TAG) takeFields(data, fields);
    else if (isLarge) return end(`has an unknown tag 0x${tag.toString(16)}`);
    if (to > bytes.length) return end('ends within a resource');
    at = to;
  }
  return end(bytes.length === 0 ? undefined : 'has no end tag');
}

function takeFields(data: Buffer, fields: Map<string, string>): void {
  for (let at = 0; at + 3 <= data.length; ) {
    const keyword = data.toString('latin1', at, at + 2);
    const to = at + 3 + (data[at + 2] as number);
    // A field cut off by the end is none. The first of a name counts: nothing later may overwrite the maker's.
    if (!/^[A-Z0-9]{2}$/.test(keyword) || to > data.length) return;
    // RV is a checksum, RW free space.
    if (keyword !== 'RV' && keyword !== 'RW' && !fields.has(keyword))
      fields.set(keyword, text(data.subarray(at + 3, to)));
    at = to;
  }
}

const text = (data: Buffer): string => data.toString('latin1').replace(/[\s\0]+$/, '');
