/** What a document may hold, so that it goes up in one frame whatever a machine claims to be. */
import type { Part } from '../hardware.ts';
import type { InventoryDocument } from './document.ts';

export const PARTS_MAX = 1024;
/** Characters on the wire, where those from U+0080 up are written as six. */
export const DOCUMENT_MAX = 100 * 1024;
const REASON_MAX = 300;
/** Room for reasons, and for the list of NUMA nodes, in the same measure. */
const REASONS_SIZE_MAX = 24 * 1024;
const NUMA_SIZE_MAX = 16 * 1024;
/** Locations named in the reason why parts had no room. */
const NAMED_MAX = 8;

export function bounded(document: InventoryDocument): InventoryDocument {
  const numa = wireSize(document.numa) > NUMA_SIZE_MAX ? null : document.numa;
  const more = numa === document.numa ? {} : { numa: `the list is longer than the ${NUMA_SIZE_MAX} bytes allowed` };
  const reasons = boundedReasons({ ...document.reasons, ...more });
  const rest = { ...document, numa, reasons, hardware: [] };
  // The last reason is not known yet.
  let room = DOCUMENT_MAX - wireSize(rest) - 4096;
  let fit = 0;
  for (const part of document.hardware.slice(0, PARTS_MAX)) {
    room -= wireSize(part) + 1;
    if (room < 0) break;
    fit++;
  }
  const hardware = document.hardware.slice(0, fit);
  const left = document.hardware.slice(fit);
  return { ...rest, hardware, reasons: left.length === 0 ? reasons : { ...reasons, ...leftOut(left) } };
}

/** The kinds are named each, too: a part that is not told is not gone. */
function leftOut(parts: readonly Part[]): { readonly [field: string]: string } {
  const named = parts.slice(0, NAMED_MAX).map(({ kind, location }) => `${kind} ${location}`);
  const more = parts.length - named.length;
  const words = `no room for ${parts.length} parts: ${named.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
  const kinds = [...new Set(parts.map(({ kind }) => kind))];
  return { hardware: cut(words), ...Object.fromEntries(kinds.map((kind) => [kind, 'not all of them had room'])) };
}

function boundedReasons(reasons: { readonly [field: string]: string }): { readonly [field: string]: string } {
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

const cut = (text: string): string =>
  text.length > REASON_MAX ? `${text.slice(0, REASON_MAX - 1).replace(/[\ud800-\udbff]$/, '')}…` : text;

export function wireSize(value: unknown): number {
  const json = JSON.stringify(value);
  let size = json.length;
  for (let i = 0; i < json.length; i++) if (json.charCodeAt(i) >= 0x80) size += 5;
  return size;
}
