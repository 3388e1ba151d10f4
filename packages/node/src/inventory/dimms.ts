import { type Finding, found, missing } from '@csm/host';
import { type EdacDimm, edacModules, readEdac } from './edac.ts';
import { numbered } from './numbered.ts';
import { PartDraft } from './part-draft.ts';
import type { PartReader } from './reader.ts';
import { MEMORY_DEVICE, type SmbiosStructure } from './smbios.ts';
import { distinctNames, smbiosNumber, smbiosSize, smbiosText } from './smbios-values.ts';

/**
 * Memory modules. SMBIOS type 17 knows what is plugged in, with serials; EDAC knows what the memory controllers drive.
 * Without the first, EDAC gives sizes and labels. With both, a difference is a module the machine does not use.
 */
export const dimms: PartReader<'discovered_dimms'> = {
  name: 'dimms',
  kind: 'dimm',
  facts: ['discovered_dimms'],
  async readParts({ tree, smbios }) {
    const [firmware, told] = await Promise.all([smbios().then(believable), readEdac(tree)]);
    const edac = 'value' in told ? edacModules(told.value) : told;
    const counted = 'value' in edac ? found(edac.value.length) : edac;
    const slots = 'value' in firmware ? firmware.value.filter(isSlot) : [];
    const filled = slots.filter(isFilled);
    if (filled.length === 0) {
      const reason = 'reason' in firmware ? firmware.reason : 'dmidecode tells no memory module';
      return {
        findings: { discovered_dimms: 'value' in counted ? counted : missing(`${reason}; ${counted.reason}`) },
        parts: 'value' in edac ? fromEdac(edac.value, missing(reason)) : [],
        incomplete: 'reason' in edac ? `${reason}; ${edac.reason}` : reason,
      };
    }
    const names = distinctNames(
      slots.map(({ fields }) => [fields.get('Locator'), fields.get('Bank Locator')]),
      'DIMM',
    );
    const parts = filled.map((slot) => fromSmbios(slot, names[slots.indexOf(slot)] as string));
    const differs = 'value' in counted && counted.value !== filled.length;
    return {
      findings: { discovered_dimms: 'value' in counted ? counted : found(filled.length) },
      parts,
      ...(differs ? { contradiction: `EDAC drives ${counted.value} modules, dmidecode tells ${filled.length}` } : {}),
    };
  },
};

const isFilled = (slot: SmbiosStructure): boolean =>
  !/^(?:No Module Installed|Not Installed|0\b.*)$/i.test(slot.fields.get('Size') ?? '');

/** Whoever tells of a module of impossible size is not believed about the others either. */
function believable(firmware: Finding<readonly SmbiosStructure[]>): Finding<readonly SmbiosStructure[]> {
  if ('reason' in firmware) return firmware;
  const modules = firmware.value.filter((structure) => isSlot(structure) && isFilled(structure));
  const sizes = modules.map((slot) => smbiosSize(slot, 'Size'));
  const impossible = sizes.find((size) => 'reason' in size);
  return impossible !== undefined && 'reason' in impossible
    ? missing(`dmidecode tells a module that cannot be: ${impossible.reason}`)
    : firmware;
}

/** A memory device that is a module; the flash chip of the firmware is listed among them, too. */
const isSlot = ({ type, fields }: SmbiosStructure): boolean =>
  type === MEMORY_DEVICE && fields.has('Size') && !/^(?:Flash|ROM|EEPROM|EPROM)$/.test(fields.get('Type') ?? '');

function fromSmbios(slot: SmbiosStructure, location: string): PartDraft {
  const text = (key: string) => smbiosText(slot, key);
  const optional = <T>(finding: Finding<T>): T | undefined => ('value' in finding ? finding.value : undefined);
  const speed = smbiosNumber(slot, 'Speed', ' MT/s');
  const running = ['Configured Memory Speed', 'Configured Clock Speed'].map((key) => smbiosNumber(slot, key, ' MT/s'));
  const bank = optional(text('Bank Locator'));
  return new PartDraft('dimm', location)
    .set('serial', text('Serial Number'))
    .set('vendor', text('Manufacturer'))
    .set('part_number', text('Part Number'))
    .detail('size', smbiosSize(slot, 'Size'))
    .detail('speed_mt_s', speed)
    .extra({
      physical_location: [optional(text('Locator')), bank].filter((name) => name !== undefined).join(', '),
      type: optional(text('Type')),
      form_factor: optional(text('Form Factor')),
      rank: optional(smbiosNumber(slot, 'Rank')),
      configured_speed_mt_s: running.map(optional).find((n) => n !== undefined),
    });
}

function fromEdac(modules: readonly EdacDimm[], reason: Finding<never>): PartDraft[] {
  const names = numbered(modules.map(({ name }) => name));
  return modules.map(({ size, type, place }, i) =>
    new PartDraft('dimm', names[i] as string)
      .set('serial', reason)
      .set('vendor', reason)
      .set('part_number', reason)
      .detail('size', found(size))
      .extra({ physical_location: place, type }),
  );
}
