/** What a document may hold, so that it goes up in one frame and the master takes it, whatever a machine may claim. */
import type { Json } from '@csm/model';
import { wireLength } from '@csm/protocol';
import type { Part, PartKind } from '../hardware.ts';
import { PARTS_MAX, readParts } from '../parts/read.ts';
import type { InventoryDocument } from './document.ts';

/** Characters on the wire, where those from U+0080 up are written as six. */
const DOCUMENT_MAX = 100 * 1024;
const REASON_MAX = 300;
/** Room for reasons, and for the list of NUMA nodes, in the same measure. */
const REASONS_SIZE_MAX = 24 * 1024;
const NUMA_SIZE_MAX = 16 * 1024;
/** Locations named in the reason why parts had no room. */
const NAMED_MAX = 8;

type Reasons = { readonly [field: string]: string };

export function bounded(document: InventoryDocument): InventoryDocument {
  const numa = wireSize(document.numa) > NUMA_SIZE_MAX ? null : document.numa;
  const more = numa === document.numa ? {} : { numa: `the list is longer than the ${NUMA_SIZE_MAX} bytes allowed` };
  const sound = acceptable(document.hardware);
  const reasons = boundedReasons(joined({ ...document.reasons, ...more }, sound.reasons));
  const rest = { ...document, numa, reasons, hardware: [] };
  // The last reason is not known yet.
  let room = DOCUMENT_MAX - wireSize(rest) - 4096;
  let fit = 0;
  for (const part of sound.parts.slice(0, PARTS_MAX)) {
    room -= wireSize(part) + 1;
    if (room < 0) break;
    fit++;
  }
  const hardware = sound.parts.slice(0, fit);
  const left = sound.parts.slice(fit);
  return { ...rest, hardware, reasons: left.length === 0 ? reasons : { ...reasons, ...leftOut(left) } };
}

/**
 * The parts as the master takes them, asked of what it reads them with: what is too much of details is left out, and so
 * is a part that is refused all the same. One such part would cost the whole document.
 */
function acceptable(all: readonly Part[]): { readonly parts: readonly Part[]; readonly reasons: Reasons } {
  const parts: Part[] = [];
  const without = new Map<string, string>();
  const refused = new Map<PartKind, string[]>();
  for (const whole of all) {
    let part = whole;
    let why = refusal(part);
    for (const group of ['details', 'passing'] as const)
      if (why?.startsWith(group)) {
        const fitting = shortened(part, group);
        without.set(`${part.kind}.${fitting.lost}`, `${part.location}: ${why}`);
        part = fitting.part;
        why = refusal(part);
      }
    if (why === undefined) parts.push(part);
    else refused.set(part.kind, [...(refused.get(part.kind) ?? []), why]);
  }
  const reasons = Object.fromEntries(without);
  for (const [kind, [first, ...others]] of refused)
    reasons[kind] = `left out, since ${first}${others.length > 0 ? `; and ${others.length} more` : ''}`;
  return { parts, reasons };
}

/** Why the master would not take the part, such as `location is "…"; … is allowed`. */
function refusal(part: Part): string | undefined {
  try {
    readParts({ hardware: [part] });
    return undefined;
  } catch (e) {
    return (e instanceof Error ? e.message : String(e)).replace(/^hardware\[0\]\.?/, '');
  }
}

/** The part without the largest of its details, until it fits; and the name of the first of them. */
function shortened(part: Part, group: 'details' | 'passing'): { readonly part: Part; readonly lost: string } {
  const size = (value: Json): number => JSON.stringify(value).length;
  const bySize = Object.entries(part[group]).sort(([, a], [, b]) => size(b) - size(a));
  for (let n = 1; n < bySize.length; n++) {
    const lost = new Set(bySize.slice(0, n).map(([name]) => name));
    const kept = Object.fromEntries(Object.entries(part[group]).filter(([name]) => !lost.has(name)));
    const shorter = { ...part, [group]: kept };
    if (refusal(shorter)?.startsWith(group) !== true) return { part: shorter, lost: bySize[0]?.[0] ?? group };
  }
  return { part: { ...part, [group]: {} }, lost: bySize[0]?.[0] ?? group };
}

/** Two sets of reasons, of which both may tell something of a field. */
function joined(some: Reasons, others: Reasons): Reasons {
  const all: { [field: string]: string } = { ...some };
  for (const [field, reason] of Object.entries(others))
    all[field] = all[field] === undefined ? reason : `${cut(all[field], REASON_MAX / 2)}; ${reason}`;
  return all;
}

/** The kinds are named each, too: a part that is not told is not gone. */
function leftOut(parts: readonly Part[]): Reasons {
  const named = parts.slice(0, NAMED_MAX).map(({ kind, location }) => `${kind} ${location}`);
  const more = parts.length - named.length;
  const words = `no room for ${parts.length} parts: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const kinds = [...new Set(parts.map(({ kind }) => kind))];
  return { hardware: cut(words), ...Object.fromEntries(kinds.map((kind) => [kind, 'not all of them had room'])) };
}

function boundedReasons(reasons: Reasons): Reasons {
  const kept: { [field: string]: string } = {};
  let room = REASONS_SIZE_MAX;
  // Kinds come first (their names are the shortest): they say what must not be concluded.
  const fields = Object.entries(reasons).sort(([a], [b]) => Number(a.includes('.')) - Number(b.includes('.')));
  for (const [field, reason] of fields) {
    const text = cut(reason);
    room -= wireSize({ [field]: text });
    if (room >= 0) kept[field] = text;
  }
  return kept;
}

/** As much of a sentence as a reason may have; names of files and interfaces in it may hold anything. */
function cut(text: string, max: number = REASON_MAX): string {
  const sound = text.replace(/\p{Cc}/gu, '?').replace(/\p{Cs}/gu, '?');
  return sound.length > max ? `${sound.slice(0, max - 1).replace(/[\ud800-\udbff]$/, '')}…` : sound;
}

const wireSize = (value: unknown): number => wireLength(JSON.stringify(value));
