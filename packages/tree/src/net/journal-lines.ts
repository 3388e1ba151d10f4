/**
 * The journal as text: one record a line, `crc32 json`. A line counts only when it is whole and its sum is right, so a
 * write that was torn by a crash is recognised and cut off.
 */
import { crc32 } from 'node:zlib';
import { kindText } from '@csm/protocol';
import type { JournalRecord } from '../outbox/state.ts';

export function journalLine(record: JournalRecord): string {
  const json = record.r === 'offer' ? offerJson(record) : JSON.stringify(record);
  return `${sumOf(json)} ${json}\n`;
}

type OfferRecord = Extract<JournalRecord, { r: 'offer' }>;

/** Nearly all of a journal: its body is JSON already. */
const offerJson = ({ e, kind, u, t, text }: OfferRecord): string =>
  `{"r":"offer","e":${e},"kind":${kindText(kind)},"u":"${u}","t":${t},"body":${text}}`;

const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** Eight digits, put together from bytes: a number above 2^31 is slow to write in another base. */
function sumOf(json: string): string {
  const sum = crc32(json);
  return `${HEX[sum >>> 24]}${HEX[(sum >>> 16) & 255]}${HEX[(sum >>> 8) & 255]}${HEX[sum & 255]}`;
}

export interface JournalText {
  readonly records: JournalRecord[];
  /** Bytes that hold them; what follows is torn. */
  readonly good: number;
  /** Whole lines after the first bad one: more than a torn tail, the file was damaged. */
  readonly lost: number;
}

/** Reads as far as the lines are good. */
export function readJournal(bytes: Buffer): JournalText {
  const records: JournalRecord[] = [];
  let good = 0;
  while (good < bytes.length) {
    const end = bytes.indexOf(10, good);
    const record = end < 0 ? undefined : parseLine(bytes.toString('utf8', good, end));
    if (record === undefined) break;
    records.push(record);
    good = end + 1;
  }
  let lost = 0;
  const firstBad = bytes.indexOf(10, good);
  for (let at = firstBad; at >= 0 && at + 1 < bytes.length; ) {
    const end = bytes.indexOf(10, at + 1);
    if (end >= 0 && parseLine(bytes.toString('utf8', at + 1, end)) !== undefined) lost++;
    at = end;
  }
  return { records, good, lost };
}

function parseLine(line: string): JournalRecord | undefined {
  const json = line.slice(9);
  if (line[8] !== ' ' || sumOf(json) !== line.slice(0, 8)) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== 'object' || value === null || !('r' in value)) return undefined;
    if (value.r !== 'offer') return value as JournalRecord;
    const { body, ...offer } = value as Omit<OfferRecord, 'text'> & { readonly body: unknown };
    return { ...offer, text: JSON.stringify(body) };
  } catch {
    return undefined;
  }
}
