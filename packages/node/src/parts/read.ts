/** The parts in an inventory document as it came over the wire: checked, bounded, or refused by the field's name. */
import { isObject, type Json } from '@csm/model';
import { PART_KINDS, type Part, type PartKind } from '../hardware.ts';

/** What a document says about parts. */
export interface PartsReport {
  readonly parts: readonly Part[];
  /**
   * Kinds that could not be read, not all of them, or from a poorer source than usual: that one is not there says
   * nothing, and one that is told without its serial may be one known by another name.
   */
  readonly unread: ReadonlySet<PartKind>;
}

/** Parts of one node: 8 sockets, 128 DIMMs, and many times the drives and adapters that fit. */
export const PARTS_MAX = 1024;
export const LOCATION_MAX = 256;
export const SERIAL_MAX = 256;
export const TEXT_MAX = 512;
/** Fields of `details` or `passing`, and characters of each as JSON. */
export const FIELDS_MAX = 64;
export const FIELDS_TEXT_MAX = 8192;
/** Objects and lists within each other: what walks through values may call itself. */
export const DEPTH_MAX = 16;
/** Reasons: one for each field of each part, at the worst. */
export const REASONS_MAX = 16_384;

/**
 * Reads `hardware` and `reasons`. Undefined where the document has no `hardware`: an older daemon's, which says nothing
 * about parts. Throws an `Error` that names the field, what it is and what is allowed.
 */
export function readParts(document: { readonly [field: string]: unknown }): PartsReport | undefined {
  const hardware = document['hardware'] ?? undefined;
  const unread = readReasons(document['reasons']);
  if (hardware === undefined) return undefined;
  if (!Array.isArray(hardware)) throw new Error(`hardware is ${shown(hardware)}; a list of parts is allowed`);
  if (hardware.length > PARTS_MAX)
    throw new Error(`hardware has ${hardware.length} parts; at most ${PARTS_MAX} are allowed`);
  const parts = hardware.map((part: unknown, i) => readPart(part, `hardware[${i}]`));
  const places = new Set<string>();
  for (const [i, { kind, location }] of parts.entries()) {
    const place = `${kind} ${location}`;
    if (places.has(place))
      throw new Error(`hardware[${i}].location is '${location.slice(0, 80)}', where another ${kind} of the list sits`);
    places.add(place);
  }
  return { parts, unread };
}

function readReasons(reasons: unknown): Set<PartKind> {
  if (reasons === undefined) return new Set();
  if (!isObject(reasons)) throw new Error(`reasons is ${shown(reasons)}; an object of texts is allowed`);
  const count = Object.keys(reasons).length;
  if (count > REASONS_MAX) throw new Error(`reasons has ${count} fields; at most ${REASONS_MAX} are allowed`);
  for (const [field, reason] of Object.entries(reasons))
    if (typeof reason !== 'string')
      throw new Error(`reasons.${field.slice(0, 80)} is ${shown(reason)}; text is allowed`);
  return new Set(PART_KINDS.filter((kind) => Object.hasOwn(reasons, kind)));
}

function readPart(part: unknown, at: string): Part {
  if (!isObject(part)) throw new Error(`${at} is ${shown(part)}; a part is an object`);
  const kind = PART_KINDS.find((known) => known === part['kind']);
  if (kind === undefined) throw new Error(`${at}.kind is ${shown(part['kind'])}; ${PART_KINDS.join(', ')} are allowed`);
  const location = text(part['location'], `${at}.location`, LOCATION_MAX);
  if (location === null) throw new Error(`${at}.location is null; text of 1 to ${LOCATION_MAX} characters is allowed`);
  return {
    kind,
    location,
    serial: text(part['serial'], `${at}.serial`, SERIAL_MAX),
    vendor: text(part['vendor'], `${at}.vendor`, TEXT_MAX),
    model: text(part['model'], `${at}.model`, TEXT_MAX),
    part_number: text(part['part_number'], `${at}.part_number`, TEXT_MAX),
    firmware: text(part['firmware'], `${at}.firmware`, TEXT_MAX),
    details: fields(part['details'], `${at}.details`),
    passing: fields(part['passing'], `${at}.passing`),
  };
}

function text(value: unknown, at: string, max: number): string | null {
  if (value === undefined || value === null) return null;
  // Half a surrogate pair does not survive the database: the part would differ at every report.
  if (typeof value === 'string' && value !== '' && value.length <= max && !/[\p{Cc}\p{Cs}]/u.test(value)) return value;
  throw new Error(`${at} is ${shown(value)}; printable text of 1 to ${max} characters or null is allowed`);
}

function fields(value: unknown, at: string): { readonly [name: string]: Json } {
  if (value === undefined || value === null) return {};
  if (!isObject(value)) throw new Error(`${at} is ${shown(value)}; an object is allowed`);
  const count = Object.keys(value).length;
  if (count > FIELDS_MAX) throw new Error(`${at} has ${count} fields; at most ${FIELDS_MAX} are allowed`);
  const { length } = JSON.stringify(value);
  if (length > FIELDS_TEXT_MAX)
    throw new Error(`${at} has ${length} characters; at most ${FIELDS_TEXT_MAX} are allowed`);
  if (!isShallow(value, DEPTH_MAX)) throw new Error(`${at} is nested deeper than the ${DEPTH_MAX} levels allowed`);
  return value as { readonly [name: string]: Json };
}

const isShallow = (value: unknown, levels: number): boolean =>
  typeof value !== 'object' ||
  value === null ||
  (levels > 0 && Object.values(value).every((inner) => isShallow(inner, levels - 1)));

const shown = (value: unknown): string => (JSON.stringify(value) ?? 'missing').slice(0, 80);
