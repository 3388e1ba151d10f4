import { type Finding, found, missing, type Programs } from '@csm/host';
import { pciAddress } from './pci.ts';
import { telling } from './placeholder.ts';
import { NVIDIA_SMI } from './programs.ts';
import { readXml } from './xml.ts';

/** One GPU as `nvidia-smi -q -x` tells it. Values are texts as they stand there, such as `81920 MiB` or `N/A`. */
export interface NvidiaGpu {
  /** Its place in the list, which is by PCI address: the index CUDA and nvidia-smi count with. */
  readonly index: number;
  readonly address: string | undefined;
  /** By path below `<gpu>`. */
  readonly values: ReadonlyMap<string, string>;
  /** What ended the reading within this GPU. */
  readonly torn?: string;
}

export interface NvidiaReport {
  readonly gpus: readonly NvidiaGpu[];
  readonly driver: string | undefined;
  /** What ended the reading before the end. */
  readonly torn?: string;
}

const SOURCE = NVIDIA_SMI.join(' ');
const ROOT = 'nvidia_smi_log';
const WANTED = new Set([
  'product_name',
  'serial',
  'uuid',
  'minor_number',
  'vbios_version',
  'board_part_number',
  'gpu_part_number',
  'inforom_version/img_version',
  'pci/pci_bus_id',
  'fb_memory_usage/total',
]);
const GPUS_MAX = 256;

/** Some 100 KB for each GPU, most of it clocks. Without a persistent driver it starts every GPU first: seconds each. */
export async function readNvidia(programs: Programs): Promise<Finding<NvidiaReport>> {
  const output = await programs.run(NVIDIA_SMI, { timeoutMs: 30_000, maxOutput: 16 * 1024 * 1024 });
  if ('reason' in output) return output;
  const report = parseNvidia(output.value);
  if (report.gpus.length > 0) return found(report);
  return missing(`${SOURCE} ${report.torn ?? 'tells no GPU'}`);
}

/** What can be made out of the XML; a torn document still gives what it told until there. */
export function parseNvidia(xml: string): NvidiaReport {
  const gpus: NvidiaGpu[] = [];
  let driver: string | undefined;
  let values: Map<string, string> | undefined;
  let id: string | undefined;
  let torn: string | undefined;
  const prefix = `${ROOT}/gpu/`;
  const finish = () => {
    if (values === undefined) return;
    const address = pciAddress(values.get('pci/pci_bus_id') ?? '') ?? pciAddress(id ?? '');
    gpus.push({ index: gpus.length, address, values, ...(torn === undefined ? {} : { torn }) });
    values = undefined;
  };
  for (const event of readXml(xml)) {
    if (event.kind === 'torn') {
      torn = event.why;
    } else if (event.kind === 'open') {
      if (event.path !== `${ROOT}/gpu`) continue;
      if (gpus.length >= GPUS_MAX) {
        torn = `tells more than ${GPUS_MAX} GPUs`;
        break;
      }
      values = new Map();
      id = event.attributes.get('id');
    } else if (event.path === `${ROOT}/gpu`) {
      finish();
    } else if (event.path === `${ROOT}/driver_version`) {
      driver = event.text;
    } else if (event.path.startsWith(prefix) && WANTED.has(event.path.slice(prefix.length))) {
      values?.set(event.path.slice(prefix.length), event.text);
    }
  }
  finish();
  return { gpus, driver, ...(torn === undefined ? {} : { torn }) };
}

/** One value that tells something: not `N/A`, nor one of the words for an error. */
export function gpuValue(gpu: NvidiaGpu, name: string): Finding<string> {
  const text = gpu.values.get(name);
  if (text === undefined)
    return missing(gpu.torn === undefined ? `${SOURCE} tells no ${name}` : `${SOURCE} ${gpu.torn}`);
  if (
    /^\[?(?:unknown error|not supported|insufficient permissions|requested functionality|gpu is lost|err!)/i.test(text)
  )
    return missing(`${SOURCE} tells '${text.slice(0, 60)}' as ${name}`);
  return telling(found(text), `${SOURCE} ${name}`);
}

/** `81920 MiB` in kB. */
export function mebibytes(told: Finding<string>): Finding<number> {
  if ('reason' in told) return told;
  const amount = /^(\d{1,9}) MiB$/.exec(told.value)?.[1];
  return amount === undefined
    ? missing(`${SOURCE} tells '${told.value}', not an amount in MiB`)
    : found(Number(amount) * 1024);
}
