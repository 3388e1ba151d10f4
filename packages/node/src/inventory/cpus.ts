import { type Finding, found, missing } from '@csm/host';
import { type CpuIdentity, cpuIdentity } from './cpuinfo.ts';
import { PartDraft } from './part-draft.ts';
import { telling } from './placeholder.ts';
import { socketsOf } from './processors.ts';
import type { PartReader } from './reader.ts';
import { PROCESSOR, type SmbiosStructure } from './smbios.ts';
import { distinctNames, smbiosNumber, smbiosText } from './smbios-values.ts';
import type { Sockets } from './topology.ts';

/**
 * Processors, one part for each socket. SMBIOS type 4 knows the socket's designation, serial and part number; where it
 * may not be read, the kernel's topology and /proc/cpuinfo give the rest.
 */
export const cpus: PartReader<never> = {
  name: 'cpus',
  kind: 'cpu',
  facts: [],
  async readParts(sources) {
    const [smbios, sockets, cpuinfo] = await Promise.all([sources.smbios(), socketsOf(sources), sources.cpuinfo()]);
    const identity = 'reason' in cpuinfo ? allMissing(cpuinfo) : cpuIdentity(cpuinfo.value);
    const all = 'value' in smbios ? smbios.value.filter(({ type }) => type === PROCESSOR) : [];
    const populated = all.filter(({ fields }) => /^Populated(?!, Disabled)/.test(fields.get('Status') ?? ''));
    if (populated.length === 0) {
      const reason = missing('reason' in smbios ? smbios.reason : 'dmidecode tells no populated processor socket');
      return {
        findings: {},
        parts: 'value' in sockets ? fromKernel(sockets.value, identity, reason) : [],
        incomplete: 'reason' in sockets ? `${reason.reason}; ${sockets.reason}` : reason.reason,
      };
    }
    const names = distinctNames(
      all.map((s) => [s.fields.get('Socket Designation')]),
      'socket',
    );
    const parts = populated.map((structure) =>
      fromSmbios(structure, names[all.indexOf(structure)] as string, identity),
    );
    if ('reason' in sockets || sockets.value.size === populated.length) return { findings: {}, parts };
    // One of both is wrong or changing: nobody is to conclude that a processor came or went.
    const contradiction = `the kernel has CPUs of ${sockets.value.size} sockets online, dmidecode tells ${populated.length} populated`;
    return { findings: {}, parts, contradiction, incomplete: contradiction };
  },
};

const allMissing = (reason: { readonly reason: string }): CpuIdentity => ({
  model: reason,
  vendor: reason,
  flags: reason,
  microcode: reason,
});

function fromSmbios(structure: SmbiosStructure, location: string, identity: CpuIdentity): PartDraft {
  const text = (key: string) => smbiosText(structure, key);
  const version = text('Version');
  const maker = text('Manufacturer');
  const cores = smbiosNumber(structure, 'Core Enabled');
  return withMicrocode(new PartDraft('cpu', location), identity)
    .set('serial', text('Serial Number'))
    .set('part_number', text('Part Number'))
    .set('vendor', 'value' in maker ? maker : identity.vendor)
    .set('model', 'value' in version ? version : identity.model)
    .detail('discovered_cores', 'value' in cores ? cores : smbiosNumber(structure, 'Core Count'))
    .detail('discovered_threads', smbiosNumber(structure, 'Thread Count'))
    .detail('max_speed_mhz', smbiosNumber(structure, 'Max Speed', ' MHz'))
    .extra({ physical_location: location });
}

function fromKernel(sockets: Sockets, identity: CpuIdentity, reason: Finding<never>): PartDraft[] {
  return [...sockets].map(([socket, { cores, threads }]) =>
    withMicrocode(new PartDraft('cpu', `socket ${socket}`), identity)
      .set('serial', reason)
      .set('part_number', reason)
      .set('vendor', bounded(identity.vendor))
      .set('model', bounded(identity.model))
      .detail('discovered_cores', found(cores))
      .detail('discovered_threads', found(threads)),
  );
}

const withMicrocode = (part: PartDraft, { microcode }: CpuIdentity): PartDraft =>
  'value' in microcode ? part.set('firmware', bounded(microcode)) : part;

const bounded = (text: Finding<string>): Finding<string> => telling(text, '/proc/cpuinfo');
