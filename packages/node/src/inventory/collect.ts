import { type Finding, type Host, missing, realHost } from '@csm/host';
import type { Wall } from '@csm/model';
import { PART_KINDS, type Part } from '../hardware.ts';
import { bmc } from './bmc.ts';
import { bounded } from './bounds.ts';
import { cpus } from './cpus.ts';
import { dimms } from './dimms.ts';
import type { InventoryDocument } from './document.ts';
import { READER_FAILED } from './faults.ts';
import { gpus } from './gpus.ts';
import { hcas } from './hcas.ts';
import { kernel } from './kernel.ts';
import { machine } from './machine.ts';
import { memory } from './memory.ts';
import { nics } from './nics.ts';
import { numa } from './numa.ts';
import { numbered } from './numbered.ts';
import { operatingSystem } from './operating-system.ts';
import type { PartDraft } from './part-draft.ts';
import { processors } from './processors.ts';
import type { AnyReader, Fact } from './reader.ts';
import { type Sources, sourcesOf } from './sources.ts';
import { ssds } from './ssds.ts';
import { uptime } from './uptime.ts';

/** One line for each source; a new one is a file with a reader, its facts in reader.ts, and a line here. */
export const READERS: readonly AnyReader[] = [
  machine,
  bmc,
  memory,
  processors,
  numa,
  operatingSystem,
  kernel,
  uptime,
  cpus,
  dimms,
  gpus,
  hcas,
  nics,
  ssds,
];

/** A file of /sys that never answers costs its reader after this time; the programs have shorter deadlines. */
export const READER_MS = 90_000;

export interface CollectOptions {
  /** Default: this machine. */
  readonly host?: Host;
  readonly now: Wall;
}

/**
 * Reads what this node is. Never rejects because of what the machine has or lacks: such a field is null, and
 * `reasons` says what was tried and what was wrong with it. Takes some milliseconds, or as long as the slowest program.
 */
export async function collectInventory({ host = realHost(), now }: CollectOptions): Promise<InventoryDocument> {
  const sources = sourcesOf(host);
  const facts: { [field: string]: unknown } = {};
  const reasons: { [field: string]: string } = {};
  const hardware: Part[] = [];
  for (const reading of await Promise.all(READERS.map((reader) => readSafely(reader, sources)))) {
    for (const [field, finding] of reading.findings) facts[field] = 'value' in finding ? finding.value : null;
    Object.assign(reasons, reading.reasons);
    hardware.push(...reading.parts);
  }
  hardware.sort(
    (a, b) => PART_KINDS.indexOf(a.kind) - PART_KINDS.indexOf(b.kind) || (a.location < b.location ? -1 : 1),
  );
  return bounded({ collection_time: now, ...facts, hardware, reasons } as unknown as InventoryDocument);
}

/** What one reader gave. */
export interface Reading {
  readonly findings: readonly (readonly [Fact, Finding<unknown>])[];
  readonly parts: readonly Part[];
  readonly reasons: { readonly [field: string]: string };
}

/** A fault of one reader, or that it never answers, must not cost the node the facts of the others. */
export async function readSafely(reader: AnyReader, sources: Sources): Promise<Reading> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${READER_MS} ms`)), READER_MS);
  });
  try {
    return await Promise.race([reading(reader, sources), late]);
  } catch (e) {
    const reason = missing(`${READER_FAILED}${reader.name} failed: ${e instanceof Error ? e.message : String(e)}`);
    const findings = reader.facts.map((field) => [field, reason] as const);
    const kind = 'kind' in reader ? { [reader.kind]: reason.reason } : {};
    return { findings, parts: [], reasons: { ...reasonsOf(findings), ...kind } };
  } finally {
    clearTimeout(timer);
  }
}

async function reading(reader: AnyReader, sources: Sources): Promise<Reading> {
  const read = 'kind' in reader ? await reader.readParts(sources) : { findings: await reader.read(sources), parts: [] };
  const findings = reader.facts.map(
    (field) => [field, read.findings[field] ?? missing('the reader gave no answer')] as const,
  );
  const reasons = reasonsOf(findings);
  if ('kind' in reader) {
    Object.assign(reasons, lacksOf(read.parts));
    if (read.incomplete !== undefined) reasons[reader.kind] = read.incomplete;
    if (read.contradiction !== undefined) reasons[`${reader.kind}.count`] = read.contradiction;
  }
  const locations = numbered(read.parts.map(({ location }) => location));
  return { findings, parts: read.parts.map((part, i) => part.part(locations[i])), reasons };
}

const reasonsOf = (findings: Reading['findings']): { [field: string]: string } =>
  Object.fromEntries(findings.flatMap(([field, finding]) => ('reason' in finding ? [[field, finding.reason]] : [])));

/** Parts named one by one in a reason. */
const NAMED_MAX = 4;

/** `dimm.serial` → why some have none: one sentence where the reason is the same for all, else one for each. */
function lacksOf(parts: readonly PartDraft[]): { readonly [field: string]: string } {
  const byField = new Map<string, { readonly location: string; readonly reason: string }[]>();
  for (const { kind, location, lacks } of parts)
    for (const [field, reason] of lacks) {
      const key = `${kind}.${field}`;
      byField.set(key, [...(byField.get(key) ?? []), { location, reason }]);
    }
  return Object.fromEntries([...byField].map(([key, lacking]) => [key, inWords(lacking, parts.length)]));
}

function inWords(lacking: readonly { readonly location: string; readonly reason: string }[], of: number): string {
  const reasons = new Set(lacking.map(({ reason }) => reason));
  const [first] = reasons;
  if (reasons.size === 1 && lacking.length === of) return first as string;
  const named = lacking.slice(0, NAMED_MAX).map(({ location, reason }) => `${location}: ${reason}`);
  const more = lacking.length - named.length;
  return `${named.join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
