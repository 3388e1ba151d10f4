import { type Finding, found, missing, type RootTree, soundLine } from '@csm/host';
import type { Json } from '@csm/model';
import { PartDraft } from './part-draft.ts';
import { isVirtualFunction, pciBehind, pciNumber } from './pci.ts';
import { telling } from './placeholder.ts';
import type { PartReader } from './reader.ts';
import type { Sources } from './sources.ts';
import { classDevices } from './sys-class.ts';
import { readVpd } from './vpd.ts';

const CLASS = '/sys/class/infiniband';
const INFINIBAND_CONTROLLER = 0x0207;
const DEVICES_MAX = 256;
const PORTS_MAX = 32;

interface Device {
  readonly name: string;
  /** PCI address, else the device's name. */
  readonly location: string;
  /** The same for all functions of one card; null where the device tells none. */
  readonly system: string | null;
}

/**
 * InfiniBand and RoCE adapters (Documentation/ABI/stable/sysfs-class-infiniband). Each function of a card is a device
 * of its own; devices with one sys_image_guid are one part. Devices made by software or SR-IOV are no parts.
 */
export const hcas: PartReader<'discovered_hcas'> = {
  name: 'hcas',
  kind: 'hca',
  facts: ['discovered_hcas'],
  async readParts(sources) {
    const names = await classDevices(sources, 'infiniband', INFINIBAND_CONTROLLER);
    if ('reason' in names) return { findings: { discovered_hcas: names }, parts: [], incomplete: names.reason };
    const cards = new Map<string, Device[]>();
    for (const name of names.value.slice(0, DEVICES_MAX)) {
      const device = await readDevice(sources.tree, name);
      if (device === undefined) continue;
      const key = device.system ?? `place ${device.location}`;
      cards.set(key, [...(cards.get(key) ?? []), device]);
    }
    const parts: PartDraft[] = [];
    for (const devices of cards.values()) parts.push(await describe(sources, devices));
    const more = names.value.length - DEVICES_MAX;
    return {
      findings: { discovered_hcas: found(parts.length) },
      parts,
      ...(more > 0 ? { incomplete: `${CLASS} holds ${names.value.length} devices, ${DEVICES_MAX} are read` } : {}),
    };
  },
};

async function readDevice(tree: RootTree, name: string): Promise<Device | undefined> {
  const dir = `${CLASS}/${name}`;
  // A device of software (rxe, siw) has nothing behind it.
  if ('reason' in (await tree.names(`${dir}/device`)) || (await isVirtualFunction(tree, `${dir}/device`)))
    return undefined;
  const system = await tree.line(`${dir}/sys_image_guid`);
  return {
    name,
    location: (await pciBehind(tree, dir)) ?? name,
    system: 'value' in system && isGuid(system.value) ? system.value : null,
  };
}

/** Four groups of four hexadecimal digits, not all zero. */
const isGuid = (text: string): boolean => /^(?!0000(?::0000){3})[0-9a-f]{4}(?::[0-9a-f]{4}){3}$/i.test(text);

async function guidOf(tree: RootTree, path: string): Promise<Finding<string>> {
  const line = await tree.line(path);
  if ('reason' in line || isGuid(line.value)) return line;
  return missing(`${path} holds '${line.value.slice(0, 40)}', not a GUID`);
}

async function describe({ tree, pciNames }: Sources, devices: readonly Device[]): Promise<PartDraft> {
  const [first, ...others] = [...devices].sort((a, b) => (a.location < b.location ? -1 : 1)) as [Device, ...Device[]];
  const dir = `${CLASS}/${first.name}`;
  const file = async (name: string): Promise<Finding<string>> =>
    telling(await tree.line(`${dir}/${name}`), `${dir}/${name}`);
  const firmware = await file('fw_ver');
  const vpd = await readVpd(tree, `${dir}/device`);
  const field = (keyword: string): Finding<string> => {
    if ('reason' in vpd) return vpd;
    const text = vpd.value.fields.get(keyword);
    return text === undefined
      ? missing(`${dir}/device/vpd has no ${keyword}`)
      : telling(found(text), `${dir}/device/vpd ${keyword}`);
  };
  const names = await pciNames();
  const vendor = await pciNumber(tree, `${dir}/device/vendor`);
  const device = await pciNumber(tree, `${dir}/device/device`);
  const ports = (await Promise.all([first, ...others].map(({ name }) => readPorts(tree, name)))).flat();
  const type = await file('hca_type');
  const revision = await tree.line(`${dir}/hw_rev`);
  const change = field('EC');
  return (
    new PartDraft('hca', first.location)
      .set('serial', field('SN'))
      .set('part_number', field('PN'))
      .set('firmware', firmware)
      .set(
        'vendor',
        vendor === undefined ? missing(`${dir}/device/vendor cannot be read`) : found(names.vendor(vendor)),
      )
      .set('model', vendor === undefined || device === undefined ? type : found(names.device(vendor, device)))
      .detail('guid', await guidOf(tree, `${dir}/node_guid`))
      .detail('fw_ver', firmware)
      // 0 is a revision as good as any.
      .detail('hw_rev', 'value' in revision ? soundLine(revision.value, `${dir}/hw_rev`, 64) : revision)
      .detail('board_id', await file('board_id'))
      .extra({
        pci_bus_id: first.location === first.name ? undefined : first.location,
        sys_image_guid: first.system ?? undefined,
        hca_type: 'value' in type ? type.value : undefined,
        engineering_change: 'value' in change ? change.value : undefined,
        functions: devices.length,
        ports: ports.map(({ port, linkLayer }, i) => ({ port: i + 1, of: port, link_layer: linkLayer })),
      })
      .extraPassing({
        device_name: [first, ...others].map(({ name }) => name).join(','),
        ports: ports.map(({ device: name, port, rate, state }) => ({ device: name, port, rate, state })),
      })
  );
}

interface Port {
  readonly device: string;
  readonly port: number;
  readonly linkLayer: Json;
  /** As the kernel words it, such as `200 Gb/sec (4X HDR)`. */
  readonly rate: Json;
  /** Such as `ACTIVE`. */
  readonly state: Json;
}

async function readPorts(tree: RootTree, device: string): Promise<Port[]> {
  const dir = `${CLASS}/${device}/ports`;
  const names = await tree.names(dir);
  const numbers = ('value' in names ? names.value : []).filter((name) => /^\d{1,3}$/.test(name)).map(Number);
  return Promise.all(
    numbers
      .sort((a, b) => a - b)
      .slice(0, PORTS_MAX)
      .map(async (port) => {
        const line = async (name: string): Promise<string | null> => {
          const text = telling(await tree.line(`${dir}/${port}/${name}`), name, 64);
          return 'value' in text ? text.value : null;
        };
        const state = await line('state');
        return {
          device,
          port,
          linkLayer: await line('link_layer'),
          rate: await line('rate'),
          state: state?.replace(/^\d+: */, '') ?? null,
        };
      }),
  );
}
