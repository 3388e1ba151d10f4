import { type Finding, missing, soundLine } from '@csm/host';

/** What board makers leave in a field they never filled. A record with it would make different machines look alike. */
const PLACEHOLDERS = new Set([
  '0123456789',
  '123456789',
  '1234567890',
  'chassis serial number',
  'default string',
  'empty',
  'invalid',
  'n/a',
  'no dimm',
  'none',
  'not applicable',
  'not available',
  'not provided',
  'not specified',
  'null',
  'o.e.m.',
  'oem',
  'out of spec',
  'serial number',
  'system manufacturer',
  'system product name',
  'system serial number',
  'system version',
  'to be filled by o.e.m.',
  'undefined',
  'unknown',
]);

/** Blank, one digit or sign repeated, AMI's `A1_SerNum0`, and the serial QEMU gives every machine's first drives. */
const PATTERNS = [
  /^[\s.?*_#-]*$/,
  /^(?:0x)?0+$/i,
  /^(?:0x)?f{4,}$/i,
  /^x{3,}$/i,
  /^(?:dimm_?)?(?:[a-z]\d{1,2}_)?(?:sernum|partnum|partnumber|manufacturer|assettagnum|assettag|modulepartnumber)\d*$/i,
  /^qm0000\d$/i,
];

export function isPlaceholder(text: string): boolean {
  const word = text.trim().toLowerCase();
  return PLACEHOLDERS.has(word.replace(/^[[<(](.*)[\])>]$/, '$1')) || PATTERNS.some((pattern) => pattern.test(word));
}

/** Longest text of a part; SMBIOS strings are 64 characters by the specification. */
export const TEXT_MAX = 128;

/** `text` as a fact that tells something. */
export function telling(text: Finding<string>, source: string, max: number = TEXT_MAX): Finding<string> {
  if ('reason' in text) return text;
  const line = soundLine(text.value, source, max);
  if ('reason' in line) return line;
  // Half a surrogate pair, which JSON of a program can hold, does not survive a database.
  if (/\p{Cs}/u.test(line.value)) return missing(`${source} is not text`);
  return isPlaceholder(line.value) ? missing(`${source} holds the placeholder '${line.value}'`) : line;
}
