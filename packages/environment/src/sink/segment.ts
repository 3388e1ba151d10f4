/** One segment of the spool: whole lines in a file, or in memory while the disk does not take them. */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { join } from 'node:path';

const NAME = /^(\d{12})\.ndjson$/;
const NEWLINE = 0x0a;

export interface Segment {
  readonly number: number;
  /** Bytes of whole lines. */
  size: number;
  /** When its first and last line came, wall ms. */
  oldest: number;
  newest: number;
  /** Its bytes, while they stand nowhere else. */
  memory: Buffer[] | undefined;
}

export const segmentFile = (dir: string, number: number): string =>
  join(dir, `${String(number).padStart(12, '0')}.ndjson`);

/** The number in a file's name; undefined for any other file. */
export const segmentNumber = (name: string): number | undefined => {
  const digits = NAME.exec(name)?.[1];
  return digits === undefined ? undefined : Number(digits);
};

/** Bytes of a segment from an offset on, at most so many; fewer only at its end. */
export async function segmentBytes(dir: string, segment: Segment, offset: number, most: number): Promise<Buffer> {
  const length = Math.max(0, Math.min(most, segment.size - offset));
  if (segment.memory !== undefined) {
    if (segment.memory.length > 1) segment.memory = [Buffer.concat(segment.memory)];
    return (segment.memory[0] ?? Buffer.alloc(0)).subarray(offset, offset + length);
  }
  const file = await open(segmentFile(dir, segment.number), 'r');
  try {
    return await readAt(file, offset, length);
  } finally {
    await file.close();
  }
}

async function readAt(file: FileHandle, offset: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await file.read(bytes, got, length - got, offset + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}

/** Opens a segment that an earlier run left; what stands behind its last whole line was torn by a crash, and is cut. */
export async function recoverSegment(dir: string, number: number): Promise<Segment | undefined> {
  const path = segmentFile(dir, number);
  const file = await open(path, 'r+');
  let size: number;
  let newest: number;
  let first: Buffer;
  try {
    const stat = await file.stat();
    newest = stat.mtimeMs;
    size = await endOfLines(file, stat.size);
    if (size < stat.size) await file.truncate(size);
    first = await readAt(file, 0, Math.min(size, 1024));
  } finally {
    await file.close();
  }
  if (size === 0) {
    await rm(path);
    return undefined;
  }
  const written = /"timestamp":"([^"]+)"/.exec(first.toString('utf8'))?.[1];
  const told = written === undefined ? Number.NaN : Date.parse(written);
  return { number, size, oldest: Number.isNaN(told) ? newest : Math.min(told, newest), newest, memory: undefined };
}

async function endOfLines(file: FileHandle, size: number): Promise<number> {
  const step = 64 * 1024;
  for (let end = size; end > 0; end -= Math.min(step, end)) {
    const from = Math.max(0, end - step);
    const at = (await readAt(file, from, end - from)).lastIndexOf(NEWLINE);
    if (at >= 0) return from + at + 1;
  }
  return 0;
}

export function countLines(bytes: Buffer): number {
  let lines = 0;
  for (let at = bytes.indexOf(NEWLINE); at >= 0; at = bytes.indexOf(NEWLINE, at + 1)) lines++;
  return lines;
}

/** The part of `bytes` that is whole lines. */
export const wholeLines = (bytes: Buffer): Buffer => bytes.subarray(0, bytes.lastIndexOf(NEWLINE) + 1);
