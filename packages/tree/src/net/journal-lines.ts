/**
 * The journal as text: one record a line, `crc32 json`. A line counts only when it is whole and its sum is right, so a
 * write that was torn by a crash is recognised and cut off.
 */
import { crc32 } from 'node:zlib';
import type { JournalRecord } from '../outbox/state.ts';

export function journalLine(record: JournalRecord): string {
  const json = JSON.stringify(record);
  return `${crc32(json).toString(16).padStart(8, '0')} ${json}\n`;
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
  if (line[8] !== ' ' || crc32(json).toString(16).padStart(8, '0') !== line.slice(0, 8)) return undefined;
  try {
    const value: unknown = JSON.parse(json);
    return typeof value === 'object' && value !== null && 'r' in value ? (value as JournalRecord) : undefined;
  } catch {
    return undefined;
  }
}
