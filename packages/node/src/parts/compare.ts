/**
 * In what nodes differ, and which are alike. Pure. Left aside is what is always another in another node: serials,
 * addresses, identifiers, times, wear, and in which of its places a part sits.
 */
import { createHash } from 'node:crypto';
import type { Json } from '@csm/model';
import { PART_KINDS, type Part, type PartKind } from '../hardware.ts';
import { canonical } from './same.ts';
import { own, shownApart, VALUE_MAX } from './shown.ts';

/** A node as it is compared. */
export interface Compared {
  /** The document; its `hardware` is not looked at. */
  readonly document: { readonly [field: string]: unknown };
  readonly parts: readonly Part[];
}

export interface Difference {
  readonly fields: readonly { readonly field: string; readonly a: Json; readonly b: Json }[];
  readonly parts: readonly { readonly kind: PartKind; readonly what: string; readonly a: number; readonly b: number }[];
}

/** Facts of one node or one moment alone. */
const INDIVIDUAL_FACTS = new Set([
  'serial_number',
  'bmc_address',
  'boot_id',
  'collection_time',
  'uptime',
  'reasons',
  'hardware',
]);

/** Details of one part, or of its place, alone. */
const INDIVIDUAL_DETAILS = new Set([
  'serial_number',
  'mac',
  'guid',
  'node_guid',
  'port_guid',
  'sys_image_guid',
  'uuid',
  'wwn',
  'wwid',
  'eui',
  'nguid',
  'asset_tag',
  'device_name',
  'pci_bus_id',
  'pci_address',
  'physical_location',
  'gpu_id',
  'minor_number',
  'numa_node',
  'locator',
  'bank_locator',
  'channel',
  'slot',
  'ports',
  'port',
  'lid',
]);

/** Details that a new software or firmware changes: they tell nodes apart, but not hardware. */
const SOFTWARE_DETAILS = new Set([
  'driver',
  'driver_version',
  'cuda_version',
  'vbios',
  'inforom_image_version',
  'microcode',
  'fw_ver',
]);

const KB_PER_GIB = 1024 * 1024;
const gib = (kB: unknown): unknown => (typeof kB === 'number' ? Math.round(kB / KB_PER_GIB) : (kB ?? null));

/** A fact as it is compared: what a kernel leaves of the memory is some kB more or less on every node. */
function comparable(field: string, value: unknown): unknown {
  if (field === 'installed_memory' || field === 'installed_swap') return gib(value);
  if (field !== 'numa' || !Array.isArray(value)) return value ?? null;
  return value.map((node: { readonly cpus?: unknown; readonly memory?: unknown } | null) => [
    node?.cpus ?? null,
    gib(node?.memory),
  ]);
}

export function difference(a: Compared, b: Compared): Difference {
  const names = new Set([...Object.keys(a.document), ...Object.keys(b.document)]);
  const fields = [...names]
    .filter((field) => !INDIVIDUAL_FACTS.has(field))
    .sort()
    .filter(
      (field) =>
        canonical(comparable(field, own(a.document, field))) !== canonical(comparable(field, own(b.document, field))),
    )
    .map((field) => ({ field, ...shownApart(own(a.document, field) ?? null, own(b.document, field) ?? null) }));
  const [ofA, ofB] = [counted(a.parts), counted(b.parts)];
  const parts = PART_KINDS.flatMap((kind) =>
    [...new Set([...ofA.keys(), ...ofB.keys()])]
      .filter((key) => key.startsWith(`${kind} `))
      .sort()
      .map((key) => ({ kind, what: key.slice(kind.length + 1), a: ofA.get(key) ?? 0, b: ofB.get(key) ?? 0 }))
      .filter((row) => row.a !== row.b),
  );
  return { fields, parts };
}

/** How many parts of each description. */
function counted(parts: readonly Part[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const part of parts) {
    const key = `${part.kind} ${described(part)}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** A part in words, without what is its own alone: `Micron 36ASF4G72PZ, firmware 1.2, size 32, speed_mt_s 3200`. */
function described(part: Part): string {
  const name = [part.vendor, part.model].filter((word) => word !== null).join(' ') || 'unknown model';
  const details = Object.entries(part.details)
    .filter(([field, value]) => value !== null && !INDIVIDUAL_DETAILS.has(field))
    .sort(([x], [y]) => (x < y ? -1 : 1))
    .map(([field, value]) => `${field} ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  const words = [
    part.part_number === null || part.part_number === part.model ? name : `${name} (${part.part_number})`,
    ...(part.firmware === null ? [] : [`firmware ${part.firmware}`]),
    ...details,
  ].join(', ');
  return words.length > VALUE_MAX ? `${words.slice(0, VALUE_MAX)}… ${digest(words, 8)}` : words;
}

/** The facts that are hardware. */
export const HARDWARE_FACTS = [
  'machine_model',
  'architecture',
  'installed_memory',
  'discovered_sockets',
  'discovered_cores',
  'discovered_threads',
  'cpu_model',
] as const;

export interface Profile {
  /** 12 hex digits: equal for equal hardware. */
  readonly profile: string;
  readonly machine_model: string | null;
  readonly cpu_model: string | null;
  /** Such as `2 sockets, 64 cores, 256 GiB; 16 dimm M393A4K40DB3-CWE; 4 gpu NVIDIA A100`. */
  readonly summary: string;
}

/** What a node is made of, whatever software and firmware runs on it. */
export function profileOf({ document, parts }: Compared): Profile {
  const facts = HARDWARE_FACTS.map((field) => [field, comparable(field, document[field])]);
  const kinds = parts
    .map(({ kind, vendor, model, part_number, details }) => {
      const own = Object.entries(details).filter(
        ([field, value]) => value !== null && !INDIVIDUAL_DETAILS.has(field) && !SOFTWARE_DETAILS.has(field),
      );
      return canonical([kind, vendor, model, part_number, Object.fromEntries(own)]);
    })
    .sort();
  return {
    profile: digest(canonical([facts, kinds]), 12),
    machine_model: textOrNull(document['machine_model']),
    cpu_model: textOrNull(document['cpu_model']),
    summary: summaryOf({ document, parts }),
  };
}

const SUMMARY_MAX = 500;

function summaryOf({ document, parts }: Compared): string {
  const fact = (field: string, unit: string): string[] => {
    const value = document[field];
    return typeof value === 'number' ? [`${value} ${unit}${value === 1 ? '' : 's'}`] : [];
  };
  const memory = gib(document['installed_memory']);
  const machine = [
    ...fact('discovered_sockets', 'socket'),
    ...fact('discovered_cores', 'core'),
    ...fact('discovered_threads', 'thread'),
    ...(typeof memory === 'number' ? [`${memory} GiB`] : []),
  ].join(', ');
  const counts = new Map<string, number>();
  for (const { kind, model, part_number } of parts) {
    const key = `${kind} ${model ?? part_number ?? '?'}`;
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  const order = (key: string): number => PART_KINDS.findIndex((kind) => key.startsWith(`${kind} `));
  const rows = [...counts]
    .filter(([key]) => !key.startsWith('cpu '))
    .sort(([x], [y]) => order(x) - order(y) || (x < y ? -1 : 1))
    .map(([key, count]) => `${count} ${key}`);
  const summary = [...(machine === '' ? [] : [machine]), ...rows].join('; ');
  return summary.length > SUMMARY_MAX ? `${summary.slice(0, SUMMARY_MAX)}…` : summary;
}

const textOrNull = (value: unknown): string | null => (typeof value === 'string' ? value : null);
const digest = (text: string, digits: number): string =>
  createHash('sha256').update(text).digest('hex').slice(0, digits);
