import { type Finding, found, missing } from '@csm/host';
import { gpuValue, mebibytes, type NvidiaGpu, type NvidiaReport, readNvidia } from './nvidia.ts';
import { PartDraft } from './part-draft.ts';
import { isVirtualFunction, PCI, type PciDevice } from './pci.ts';
import { telling } from './placeholder.ts';
import type { PartReader } from './reader.ts';
import type { Sources } from './sources.ts';

const NVIDIA = 0x10de;
/** Whether or not there is a list of PCI names to look it up in. */
const NVIDIA_NAME = 'NVIDIA';
const AMD = 0x1002;

const DISPLAY = 0x03;
/** Processing accelerator: the class of AMD's MI300 and later. */
const ACCELERATOR = 0x1200;

/** Makers of the screens of BMCs and of virtual machines, which draw and do not compute. */
const SCREENS = new Set([
  0x1a03, // ASPEED
  0x102b, // Matrox
  0x126f, // Silicon Motion
  0x18ca, // XGI
  0x19e5, // HiSilicon
  0x1013, // Cirrus Logic, emulated
  0x1234, // QEMU
  0x1af4, // virtio
  0x1b36, // QXL
  0x15ad, // VMware
  0x1414, // Hyper-V
  0x80ee, // VirtualBox
]);

const isGpu = (device: PciDevice): boolean =>
  (device.class >> 16 === DISPLAY && !SCREENS.has(device.vendor)) ||
  (device.class >> 8 === ACCELERATOR && device.vendor === AMD);

/**
 * GPUs as PCI shows them: display controllers but those of BMCs. NVIDIA's are described by nvidia-smi, which is asked
 * only where there is one, since it may have to wake them; AMD's by the files of their driver.
 */
export const gpus: PartReader<'discovered_gpus'> = {
  name: 'gpus',
  kind: 'gpu',
  facts: ['discovered_gpus'],
  async readParts(sources) {
    const pci = await sources.pci();
    const seen: PciDevice[] = [];
    for (const device of 'value' in pci ? pci.value.filter(isGpu) : [])
      if (!(await isVirtualFunction(sources.tree, `${PCI}/${device.address}`))) seen.push(device);
    const ask = 'reason' in pci || seen.some(({ vendor }) => vendor === NVIDIA);
    const smi = ask ? await readNvidia(sources.programs) : undefined;
    const told = smi !== undefined && 'value' in smi ? smi.value : undefined;

    const parts: PartDraft[] = [];
    for (const device of seen) parts.push(await describe(sources, device, smi));
    const known = new Set(seen.map(({ address }) => address));
    const unseen = told?.gpus.filter(({ address }) => address === undefined || !known.has(address)) ?? [];
    for (const gpu of unseen) {
      // With a PCI bus to be seen, a GPU that is not on it is no part of this machine.
      if ('reason' in pci)
        parts.push(describeNvidia(draft(gpu.address ?? `gpu ${gpu.index}`), found({ gpu, report: told })));
    }

    const problem = smi === undefined ? undefined : 'reason' in smi ? smi.reason : smi.value.torn;
    // PCI shows all of them, whatever nvidia-smi does: only without it is their number not known.
    if ('reason' in pci) {
      const incomplete = problem === undefined ? pci.reason : `${pci.reason}; ${problem}`;
      const count = told === undefined ? missing(incomplete) : found(parts.length);
      return { findings: { discovered_gpus: count }, parts, incomplete };
    }
    const contradiction = compare(seen, told, unseen);
    const incomplete = lacking(parts);
    return {
      findings: { discovered_gpus: found(seen.length) },
      parts,
      ...(incomplete === undefined ? {} : { incomplete }),
      ...(contradiction === undefined ? {} : { contradiction }),
    };
  },
};

function compare(
  seen: readonly PciDevice[],
  told: NvidiaReport | undefined,
  unseen: readonly NvidiaGpu[],
): string | undefined {
  if (told === undefined) return undefined;
  const onBus = seen.filter(({ vendor }) => vendor === NVIDIA).length;
  if (unseen.length === 0 && told.gpus.length === onBus) return undefined;
  const torn = told.torn === undefined ? '' : ` (its output ${told.torn})`;
  const strange = unseen.length === 0 ? '' : `, of which ${unseen.length} are not on the bus`;
  return `PCI shows ${onBus} NVIDIA GPUs, nvidia-smi tells ${told.gpus.length}${strange}${torn}`;
}

const draft = (address: string): PartDraft => new PartDraft('gpu', address).extra({ pci_bus_id: address });

/** Why some of them are there without what they are: their programs or drivers did not tell. */
function lacking(parts: readonly PartDraft[]): string | undefined {
  const reasons = parts.flatMap(({ location, lacks }) => {
    const why = lacks.get('model');
    return why === undefined ? [] : [{ location, why }];
  });
  const [first] = reasons;
  if (first === undefined) return undefined;
  if (reasons.length === parts.length && reasons.every(({ why }) => why === first.why)) return first.why;
  return `${first.location}: ${first.why}${reasons.length > 1 ? `; and ${reasons.length - 1} more` : ''}`;
}

/**
 * The name in pci.ids is that of the chip, while the program or driver tells that of the card: it passes, so that a
 * program which fails today neither renames a card nor makes another part of it.
 */
async function describe(
  sources: Sources,
  device: PciDevice,
  smi: Finding<NvidiaReport> | undefined,
): Promise<PartDraft> {
  const names = await sources.pciNames();
  const name = names.device(device.vendor, device.device);
  const part = draft(device.address)
    .set('vendor', found(device.vendor === NVIDIA ? NVIDIA_NAME : names.vendor(device.vendor)))
    .extra({ pci_id: `${hex(device.vendor)}:${hex(device.device)}` })
    .extraPassing({ pci_name: name });
  if (device.vendor === AMD) return describeAmd(sources, part, name);
  if (device.vendor !== NVIDIA) return part.set('model', found(name));
  if (smi === undefined || 'reason' in smi) return describeNvidia(part, smi ?? missing('nvidia-smi was not asked'));
  const gpu = smi.value.gpus.find(({ address }) => address === device.address);
  const untold = missing(
    `nvidia-smi tells no GPU ${device.address}${smi.value.torn === undefined ? '' : `: its output ${smi.value.torn}`}`,
  );
  return describeNvidia(part, gpu === undefined ? untold : found({ gpu, report: smi.value }));
}

const hex = (n: number): string => `0x${n.toString(16).padStart(4, '0')}`;

function describeNvidia(
  part: PartDraft,
  told: Finding<{ readonly gpu: NvidiaGpu; readonly report: NvidiaReport | undefined }>,
): PartDraft {
  const value = (name: string): Finding<string> => ('reason' in told ? told : gpuValue(told.value.gpu, name));
  const model = value('product_name');
  const vbios = value('vbios_version');
  const board = value('board_part_number');
  part
    .set('vendor', found(NVIDIA_NAME))
    .set('model', model)
    .set('serial', value('serial'))
    .set('part_number', 'value' in board ? board : value('gpu_part_number'))
    .set('firmware', vbios)
    .detail('device_name', model)
    .detail('uuid', value('uuid'))
    .detail('vbios', vbios)
    .detail('inforom_image_version', value('inforom_version/img_version'))
    .detail('hbm_memory', mebibytes(value('fb_memory_usage/total')));
  if ('reason' in told) return part.detail('gpu_id', told);
  const driver = told.value.report?.driver;
  return part
    .detail('gpu_id', found(told.value.gpu.index))
    .extraPassing({ driver_version: driver === undefined ? undefined : driver.slice(0, 64) });
}

/** Files of the amdgpu driver below the PCI device (Documentation/gpu/amdgpu/driver-misc.rst); none wakes a GPU. */
async function describeAmd({ tree }: Sources, part: PartDraft, name: string): Promise<PartDraft> {
  const dir = `${PCI}/${part.location}`;
  const file = async (attribute: string): Promise<Finding<string>> =>
    telling(await tree.line(`${dir}/${attribute}`), `${dir}/${attribute}`);
  const model = await file('product_name');
  const vbios = await file('vbios_version');
  const unique = await file('unique_id');
  const memory = await tree.integer(`${dir}/mem_info_vram_total`);
  // Cards without a label of their own are called as their chip is, once their driver has been there to say so.
  const hasDriver = 'value' in memory || 'value' in (await tree.link(`${dir}/driver`));
  return part
    .set('model', 'value' in model ? model : hasDriver ? found(name) : missing(`${dir} has no driver: ${name}`))
    .set('serial', await file('serial_number'))
    .set('part_number', await file('product_number'))
    .set('firmware', vbios)
    .detail('vbios', vbios)
    .detail('hbm_memory', 'value' in memory ? found(Math.round(memory.value / 1024)) : memory)
    .extra({
      device_name: 'value' in model ? model.value : undefined,
      uuid: 'value' in unique ? unique.value : undefined,
    });
}
