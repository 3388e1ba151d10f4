import { type Finding, found, missing, type Programs } from '@csm/host';
import { DMIDECODE } from './programs.ts';

/** One SMBIOS structure in dmidecode's words. */
export interface SmbiosStructure {
  /** As SMBIOS numbers them: 4 processor, 17 memory device. */
  readonly type: number;
  readonly fields: ReadonlyMap<string, string>;
}

export const PROCESSOR = 4;
export const MEMORY_DEVICE = 17;
const WANTED = new Set([PROCESSOR, MEMORY_DEVICE]);

/** Structures kept, and fields of each; twice what the largest machines have. */
const STRUCTURES_MAX = 2048;
const FIELDS_MAX = 64;
const VALUE_MAX = 256;

/** Processors and memory devices as the firmware describes them. */
export async function readSmbios(programs: Programs): Promise<Finding<readonly SmbiosStructure[]>> {
  const output = await programs.run(DMIDECODE, { maxOutput: 4 * 1024 * 1024 });
  if ('reason' in output) return output;
  const structures = parseDmidecode(output.value);
  return structures.length === 0 ? missing('dmidecode tells neither processors nor memory devices') : found(structures);
}

/**
 * Reads dmidecode's output: `Handle 0x0004, DMI type 4, 48 bytes`, a title, then `<tab>Key: value` lines, lists below
 * a key being indented by two tabs. Lines that are something else are skipped.
 */
export function parseDmidecode(output: string): SmbiosStructure[] {
  const structures: SmbiosStructure[] = [];
  let fields: Map<string, string> | undefined;
  for (const line of lines(output)) {
    if (line.startsWith('Handle ')) {
      fields = undefined;
      const type = Number(/^Handle 0x[0-9A-F]+, DMI type (\d{1,3}), \d+ bytes/i.exec(line)?.[1] ?? -1);
      if (!WANTED.has(type) || structures.length >= STRUCTURES_MAX) continue;
      fields = new Map();
      structures.push({ type, fields });
    } else if (line === '') {
      fields = undefined;
    } else if (fields !== undefined && line[0] === '\t' && line[1] !== '\t' && fields.size < FIELDS_MAX) {
      const colon = line.indexOf(':');
      const key = line.slice(1, colon);
      if (colon > 1 && colon < 64 && !fields.has(key)) fields.set(key, line.slice(colon + 1, colon + VALUE_MAX).trim());
    }
  }
  return structures;
}

/** Line by line, so that a large output is never held twice. A last line without its end was cut, and is none. */
function* lines(text: string): Generator<string> {
  for (let from = 0; from < text.length; ) {
    const end = text.indexOf('\n', from);
    if (end === -1) return;
    yield text.slice(from, end).replace(/\r$/, '');
    from = end + 1;
  }
}
