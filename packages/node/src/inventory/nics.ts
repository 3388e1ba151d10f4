import { type Finding, found, missing, type RootTree } from '@csm/host';
import { numbered } from './numbered.ts';
import { each } from './once.ts';
import { PartDraft } from './part-draft.ts';
import { isVirtualFunction, pciBehind, pciNumber } from './pci.ts';
import type { PartReader } from './reader.ts';
import type { Sources } from './sources.ts';

const CLASS = '/sys/class/net';
const PORTS_MAX = 512;
/** ARPHRD_INFINIBAND: IPoIB, whose adapter is an HCA, and whose address changes at each boot. */
const INFINIBAND = 32;

/**
 * Network ports with hardware behind them (Documentation/ABI/testing/sysfs-class-net): not bridges, bonds and VLANs,
 * nor SR-IOV's virtual functions, nor IPoIB.
 */
export const nics: PartReader<'discovered_nics'> = {
  name: 'nics',
  kind: 'nic',
  facts: ['discovered_nics'],
  async readParts(sources) {
    const names = await sources.tree.names(CLASS);
    if ('reason' in names) return { findings: { discovered_nics: names }, parts: [], incomplete: names.reason };
    const ports = (await each(names.value, 8, (name) => readPort(sources.tree, name))).filter((p) => p !== undefined);
    const read = ports.slice(0, PORTS_MAX).sort((a, b) => a.port - b.port);
    // The ports of some cards share one PCI function.
    const alike = new Map<string, number>();
    for (const { pci } of read) if (pci !== undefined) alike.set(pci, (alike.get(pci) ?? 0) + 1);
    const locations = numbered(
      read.map(({ name, pci, port }) =>
        pci === undefined ? name : (alike.get(pci) ?? 1) > 1 ? `${pci} port ${port}` : pci,
      ),
    );
    const parts = await Promise.all(read.map((port, i) => describe(sources, port, locations[i] as string)));
    return {
      findings: { discovered_nics: found(ports.length) },
      parts,
      ...(ports.length > PORTS_MAX
        ? { incomplete: `${CLASS} holds ${ports.length} ports, ${PORTS_MAX} are read` }
        : {}),
    };
  },
};

interface Port {
  readonly name: string;
  readonly pci: string | undefined;
  /** Its number among the ports of one PCI function, from 0. */
  readonly port: number;
}

async function readPort(tree: RootTree, name: string): Promise<Port | undefined> {
  const dir = `${CLASS}/${name}`;
  if ('reason' in (await tree.names(`${dir}/device`)) || (await isVirtualFunction(tree, `${dir}/device`)))
    return undefined;
  const type = await tree.integer(`${dir}/type`);
  if ('value' in type && type.value === INFINIBAND) return undefined;
  const port = await tree.integer(`${dir}/dev_port`);
  return { name, pci: await pciBehind(tree, dir), port: 'value' in port ? port.value : 0 };
}

async function describe({ tree, pciNames }: Sources, { name, pci }: Port, location: string): Promise<PartDraft> {
  const dir = `${CLASS}/${name}`;
  const mac = await permanentMac(tree, dir);
  const driver = await tree.link(`${dir}/device/driver`);
  const part = new PartDraft('nic', location)
    .set('serial', mac)
    .detail('mac', mac)
    .extra({ pci_bus_id: pci, driver: 'value' in driver ? driver.value.split('/').at(-1)?.slice(0, 64) : undefined })
    .extraPassing({ device_name: name.slice(0, 64), ...(await link(tree, dir)) });
  const device = pci === undefined ? `${dir}/device` : `/sys/bus/pci/devices/${pci}`;
  const vendor = await pciNumber(tree, `${device}/vendor`);
  const model = await pciNumber(tree, `${device}/device`);
  if (vendor === undefined || model === undefined) return part;
  const names = await pciNames();
  return part.set('vendor', found(names.vendor(vendor))).set('model', found(names.device(vendor, model)));
}

async function link(tree: RootTree, dir: string) {
  const [speed, state] = await Promise.all([tree.integer(`${dir}/speed`), tree.line(`${dir}/operstate`, 32)]);
  return {
    // -1, or an error, without a link.
    speed_mbit_s: 'value' in speed && speed.value > 0 ? speed.value : null,
    state: 'value' in state ? state.value : null,
  };
}

/** NET_ADDR_RANDOM, NET_ADDR_STOLEN, NET_ADDR_SET (sysfs-class-net, addr_assign_type): 0 is the port's own. */
const NOT_OWN: { readonly [type: number]: string } = {
  1: 'was made up by the driver: the port has none of its own',
  2: 'was taken from another device: that of the port itself is not told',
  3: 'was set by hand or by a bond or team: that of the port itself is not told',
};

/** The address that came with the port: a bond gives all its ports the address of the first. */
async function permanentMac(tree: RootTree, dir: string): Promise<Finding<string>> {
  for (const file of ['bonding_slave/perm_hwaddr', 'permaddr']) {
    const told = mac(await tree.line(`${dir}/${file}`), `${dir}/${file}`);
    if ('value' in told) return told;
  }
  const assigned = await tree.integer(`${dir}/addr_assign_type`);
  const why = 'value' in assigned ? NOT_OWN[assigned.value] : undefined;
  if (why !== undefined) return missing(`${dir}/address ${why}`);
  return mac(await tree.line(`${dir}/address`), `${dir}/address`);
}

function mac(told: Finding<string>, path: string): Finding<string> {
  if ('reason' in told) return told;
  const text = told.value.toLowerCase();
  if (!/^[0-9a-f]{2}(?::[0-9a-f]{2}){5}$/.test(text))
    return missing(`${path} holds '${text.slice(0, 40)}', not a MAC address`);
  return /^(?:00:){5}00$|^(?:ff:){5}ff$/.test(text) ? missing(`${path} holds the placeholder '${text}'`) : found(text);
}
