/**
 * The journal as text: one record a line, `crc32 json`. A line counts only when it is whole and its sum is right, so a
 * write that was torn by a crash is recognised and cut off.
 */
import { crc32 } from 'node:zlib';
import { kindText } from '@csm/protocol';
import type { JournalRecord } from '../outbox/state.ts';

/** Eight digits, put together from bytes: a number above 2^31 is slow to write in another base. */
const HEX = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));
const digitsOf = (sum: number): string =>
  `${HEX[sum >>> 24]}${HEX[(sum >>> 16) & 255]}${HEX[(sum >>> 8) & 255]}${HEX[sum & 255]}`;
/** The digits and the blank behind them. */
const SUM_BYTES = 9;
const BLANK = 0x20;
const NEWLINE = 0x0a;
const CLOSE = 0x7d;

type OfferRecord = Extract<JournalRecord, { r: 'offer' }>;

/** The JSON of a record: `head`, and for an offer, nearly all of a journal, the body that is JSON already, and a brace. */
interface Line {
  readonly head: string;
  readonly headBytes: number;
  readonly body: string | undefined;
  readonly bodyBytes: number;
}

/**
 * Records as the file has them. Written into the bytes that go to the disk: as text each line would be put together, and
 * copied anew for its sum, for the lines together and for the write, all of which the collector finds while the disk works.
 * They stand in `room` where that is large enough.
 */
export function journalBytes(records: readonly JournalRecord[], room?: Buffer): Buffer {
  let size = 0;
  const lines = records.map((record) => {
    const line = lineOf(record);
    size += SUM_BYTES + line.headBytes + line.bodyBytes + (line.body === undefined ? 1 : 2);
    return line;
  });
  const bytes = room !== undefined && room.length >= size ? room.subarray(0, size) : Buffer.allocUnsafeSlow(size);
  let at = 0;
  for (const { head, headBytes, body, bodyBytes } of lines) {
    const begin = at + SUM_BYTES;
    at = put(bytes, begin, head, headBytes);
    if (body !== undefined) {
      at = put(bytes, at, body, bodyBytes);
      bytes[at++] = CLOSE;
    }
    bytes.write(digitsOf(crc32(bytes.subarray(begin, at))), begin - SUM_BYTES, 'latin1');
    bytes[begin - 1] = BLANK;
    bytes[at++] = NEWLINE;
  }
  return bytes;
}

function lineOf(record: JournalRecord): Line {
  const body = record.r === 'offer' ? record.text : undefined;
  const head = record.r === 'offer' ? offerHead(record) : JSON.stringify(record);
  return {
    head,
    headBytes: Buffer.byteLength(head),
    body,
    bodyBytes: body === undefined ? 0 : Buffer.byteLength(body),
  };
}

const offerHead = ({ e, kind, u, t }: OfferRecord): string =>
  `{"r":"offer","e":${e},"kind":${kindText(kind)},"u":"${u}","t":${t},"body":`;

/** ASCII, as nearly always, is copied as it stands; in UTF-8 each character would be looked at. Gives where it ends. */
function put(bytes: Buffer, at: number, text: string, count: number): number {
  return at + bytes.write(text, at, count === text.length ? 'latin1' : 'utf8');
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
  if (line[8] !== ' ' || digitsOf(crc32(json)) !== line.slice(0, 8)) return undefined;
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
