/**
 * Lines that wait for the receiver, on disk: segments that only grow, and a cursor behind what it has.
 *
 * Lines are safe when `append` resolves: written and forced to the disk, all that came while the former write was under
 * way with one. A disk that does not take them (full, read-only, gone) makes the spool go on in memory, up to a bound,
 * and try again every `RETRY_MS`; what stands in memory is then written first. `append` never fails: what found no room
 * is dropped and counted, and `problem` says why.
 *
 * Bounded: beyond `maxBytes`, or when its newest line is older than `maxAge`, the oldest segment goes. A segment that is
 * written to is ended early enough for that to be about right.
 *
 * Nothing of the cursor need be exact: without it, or behind a crash, lines are handed out again.
 */
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { CsmError, code } from '@csm/model';
import { type LockFile, takeLock } from '@csm/tree';
import {
  countLines,
  recoverSegment,
  type Segment,
  segmentBytes,
  segmentFile,
  segmentNumber,
  wholeLines,
} from './segment.ts';
import type { Position } from './sending.ts';

const SEGMENT_BYTES = 4 * 1024 * 1024;
/** Lines that stand in memory only, bytes. */
export const MEMORY_MAX = 8 * 1024 * 1024;
const RETRY_MS = 1000;
/** Segments from before the directory could be read are numbered from here: below all that may stand in it. */
const UNREAD = -1_000_000_000;
/** Bounds are kept by so many segments at least. */
const PARTS = 8;

export interface SpoolOptions {
  readonly dir: string;
  readonly maxBytes: number;
  /** ms */
  readonly maxAge: number;
  /** Wall ms. */
  readonly now: () => number;
  readonly memoryMax?: number;
}

interface Waiting {
  readonly bytes: Buffer;
  readonly lines: number;
  readonly done: () => void;
}

export class Spool {
  /** Lines dropped for want of room, and for their age. */
  readonly counters = { spooled: 0, droppedFull: 0, droppedOld: 0 };
  /** Why the disk does not take lines; undefined while it does. */
  problem: string | undefined;
  readonly #options: SpoolOptions;
  readonly #segments: Segment[] = [];
  #next = UNREAD;
  #cursor: Position = { segment: UNREAD, offset: 0 };
  #lock: LockFile | undefined;
  #waiting: Waiting[] = [];
  #working: Promise<void> | undefined;
  #saved: Position | undefined;
  #retryAt = 0;
  #ended = false;

  private constructor(options: SpoolOptions) {
    this.#options = options;
  }

  /** Fails, in words, only when another process uses the directory. */
  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options);
    await spool.#ready(true);
    return spool;
  }

  get bytes(): number {
    return this.#segments.reduce((sum, { number, size }) => sum + size - this.#offsetIn(number), 0);
  }

  /** When the oldest line came that the receiver may not have, wall ms; by segments, so it may be too early. */
  get oldest(): number | undefined {
    return this.#segments.find(({ number, size }) => this.#offsetIn(number) < size)?.oldest;
  }

  /** Behind what the receiver has. */
  get cursor(): Position {
    return this.#cursor;
  }

  /** Takes lines, each with its end. Resolves when they are safe, or dropped and counted. */
  append(text: string): Promise<void> {
    const bytes = Buffer.from(text);
    const lines = countLines(bytes);
    return new Promise((done) => {
      if (this.#ended) {
        this.counters.droppedFull += lines;
        done();
        return;
      }
      this.#waiting.push({ bytes, lines, done });
      this.#work();
    });
  }

  /** Whole lines from `from` on, and the place behind them; none at the end. A place that is gone is the next one there is. */
  async read(from: Position, most: number): Promise<{ readonly bytes: Buffer; readonly to: Position }> {
    let to = from;
    // A copy: segments come and go while one is read.
    for (const segment of this.#segments.slice()) {
      if (segment.number < from.segment) continue;
      const offset = segment.number === from.segment ? from.offset : 0;
      to = { segment: segment.number, offset };
      if (offset >= segment.size) continue;
      const lines = await this.#linesOf(segment, offset, most);
      if (lines.length > 0) return { bytes: lines, to: { segment: segment.number, offset: offset + lines.length } };
    }
    return { bytes: Buffer.alloc(0), to };
  }

  /** The receiver has everything before `to`. */
  delivered(to: Position): void {
    // From before the directory could be read: those lines have other numbers now, and are handed out again.
    if (to.segment < this.#cursor.segment) return;
    this.#cursor = to;
    this.#work();
  }

  /** Drops what is too old; to be called now and then, also when no lines come. */
  expire(): void {
    this.#work();
  }

  /** Waits for what is under way, and gives the directory back. */
  async close(): Promise<void> {
    this.#retryAt = 0;
    this.#work();
    while (this.#working !== undefined) await this.#working;
    this.#ended = true;
    await this.#lock?.release();
  }

  #offsetIn(number: number): number {
    const { segment, offset } = this.#cursor;
    return number < segment ? Number.POSITIVE_INFINITY : number === segment ? offset : 0;
  }

  async #linesOf(segment: Segment, offset: number, most: number): Promise<Buffer> {
    for (let size = most; ; size *= 4) {
      const bytes = await segmentBytes(this.#options.dir, segment, offset, size).catch((error: unknown) => {
        // Gone for want of room meanwhile, which is counted there; any other failure is worth telling.
        if ((error as NodeJS.ErrnoException).code !== 'ENOENT') this.#failed(error);
        return Buffer.alloc(0);
      });
      const lines = wholeLines(bytes);
      // A line that is longer than what was asked for.
      if (lines.length > 0 || bytes.length < size) return lines;
    }
  }

  #work(): void {
    if (this.#ended || this.#working !== undefined) return;
    this.#working = this.#workAll().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0) this.#work();
    });
  }

  async #workAll(): Promise<void> {
    const taken = this.#waiting;
    this.#waiting = [];
    try {
      await this.#settle();
      if (taken.length > 0) await this.#take(taken);
      await this.#keepBounds();
      await this.#saveCursor();
    } catch (error) {
      this.#failed(error);
    } finally {
      for (const { done } of taken) done();
    }
  }

  async #take(taken: readonly Waiting[]): Promise<void> {
    const now = this.#options.now();
    if (this.problem === undefined) {
      const bytes = Buffer.concat(taken.map((one) => one.bytes));
      const last = this.#growing(bytes.length, now);
      try {
        await appendTo(this.#options.dir, last, bytes);
        last.size += bytes.length;
        last.newest = now;
        for (const { lines } of taken) this.counters.spooled += lines;
        return;
      } catch (error) {
        if (last.size === 0) this.#segments.splice(this.#segments.indexOf(last), 1);
        this.#failed(error);
      }
    }
    for (const { bytes, lines } of taken) {
      if (this.#memory() + bytes.length > (this.#options.memoryMax ?? MEMORY_MAX)) this.counters.droppedFull += lines;
      else {
        this.#remember(bytes, now);
        this.counters.spooled += lines;
      }
    }
  }

  #remember(bytes: Buffer, now: number): void {
    const last = this.#segments.at(-1);
    const segment = last?.memory === undefined ? this.#begin(now, []) : last;
    segment.memory?.push(bytes);
    segment.size += bytes.length;
    segment.newest = now;
  }

  /** The segment that is written to, or a new one where that is full or has old lines. */
  #growing(more: number, now: number): Segment {
    const { maxBytes, maxAge } = this.#options;
    const last = this.#segments.at(-1);
    const isFull = last !== undefined && last.size + more > Math.min(SEGMENT_BYTES, maxBytes / PARTS);
    if (last === undefined || isFull || now - last.oldest > maxAge / PARTS) return this.#begin(now, undefined);
    return last;
  }

  #begin(now: number, memory: Buffer[] | undefined): Segment {
    const segment: Segment = { number: this.#next++, size: 0, oldest: now, newest: now, memory };
    this.#segments.push(segment);
    return segment;
  }

  #memory(): number {
    return this.#segments.reduce((sum, { memory, size }) => sum + (memory === undefined ? 0 : size), 0);
  }

  #failed(error: unknown): void {
    this.problem = error instanceof Error ? error.message : String(error);
    this.#retryAt = this.#options.now() + RETRY_MS;
  }

  /** After a failure: makes the directory ours and writes what stands in memory, once it is time to try. */
  async #settle(): Promise<void> {
    if (this.problem === undefined) return;
    const now = this.#options.now();
    // A clock that was set back must not put it off for long.
    if (now < this.#retryAt && now > this.#retryAt - RETRY_MS) return;
    await this.#ready(false);
  }

  async #ready(isStart: boolean): Promise<void> {
    const { dir } = this.#options;
    try {
      await makeDirectory(dir);
      if (this.#lock === undefined) {
        this.#lock = await takeLock(join(dir, 'lock'), {
          field: 'bds.spool',
          held: (pid) => `another process uses the spool ${dir}: its pid is ${pid}; each needs a directory of its own`,
        });
        await this.#recover();
      }
      for (const segment of this.#segments) {
        if (segment.memory === undefined) continue;
        await appendTo(dir, { ...segment, size: 0 }, Buffer.concat(segment.memory));
        segment.memory = undefined;
      }
      this.problem = undefined;
    } catch (error) {
      if (isStart && error instanceof CsmError && error.code === code.BAD_STATE) throw error;
      this.#failed(error);
    }
  }

  /** What an earlier run left. Lines that came before the directory could be read keep their place behind it. */
  async #recover(): Promise<void> {
    const { dir } = this.#options;
    const numbers = (await readdir(dir)).map(segmentNumber).filter((n) => n !== undefined);
    const found: Segment[] = [];
    for (const number of numbers.sort((a, b) => a - b)) {
      const segment = await recoverSegment(dir, number);
      if (segment !== undefined) found.push(segment);
    }
    const last = found.at(-1)?.number ?? 0;
    const cursor = await readCursor(join(dir, 'cursor'));
    // Numbers are never used twice: a cursor may speak of one that is gone.
    this.#next = Math.max(last, cursor?.segment ?? 0, 0) + 1;
    const own = this.#segments.splice(0).map((segment) => ({ ...segment, number: this.#next++ }));
    this.#segments.push(...found, ...own);
    this.#cursor = cursor === undefined ? { segment: 0, offset: 0 } : clamped(cursor, found);
  }

  async #keepBounds(): Promise<void> {
    const { dir, maxBytes, maxAge, now } = this.#options;
    for (let first = this.#segments[0]; first !== undefined; first = this.#segments[0]) {
      const isDone = this.#offsetIn(first.number) >= first.size;
      const isOld = now() - first.newest > maxAge;
      const isMuch = this.#segments.length > 1 && this.#segments.reduce((sum, { size }) => sum + size, 0) > maxBytes;
      if (!isDone && !isOld && !isMuch) return;
      const offset = Math.min(first.size, this.#offsetIn(first.number));
      const left = await segmentBytes(dir, first, offset, first.size).catch(() => Buffer.alloc(0));
      if (isOld) this.counters.droppedOld += countLines(left);
      else this.counters.droppedFull += countLines(left);
      this.#segments.shift();
      if (first.memory === undefined)
        await rm(segmentFile(dir, first.number), { force: true }).catch((error: unknown) => this.#failed(error));
    }
  }

  /** By a rename: it is the old one or the new one, never half of one. */
  async #saveCursor(): Promise<void> {
    if (this.#lock === undefined || this.#saved === this.#cursor) return;
    const path = join(this.#options.dir, 'cursor');
    const cursor = this.#cursor;
    try {
      await writeFile(`${path}.new`, `${JSON.stringify(cursor)}\n`, { mode: 0o600 });
      await rename(`${path}.new`, path);
      this.#saved = cursor;
    } catch {
      // An older one makes lines come again, no more; the next change tries again.
      await rm(`${path}.new`, { force: true }).catch(() => undefined);
    }
  }
}

/** Appends behind the whole lines of a segment's file, and forces it to the disk. After a failure it is as it was. */
async function appendTo(dir: string, { number, size }: Segment, bytes: Buffer): Promise<void> {
  const path = segmentFile(dir, number);
  const file = await open(path, 'a', 0o600);
  try {
    // What a failed attempt left and could not take back.
    if ((await file.stat()).size !== size) await file.truncate(size);
    for (let at = 0; at < bytes.length; ) at += (await file.write(bytes, at, bytes.length - at)).bytesWritten;
    await file.datasync();
    if (size === 0) await syncDirectory(dir);
  } catch (error) {
    await (size === 0 ? rm(path, { force: true }) : file.truncate(size)).catch(() => undefined);
    throw error;
  } finally {
    await file.close();
  }
}

/** Not by mkdir's own way to make parents too: where nothing can be made, as in /proc, that never ends. */
async function makeDirectory(path: string): Promise<void> {
  for (const isLast of [false, true]) {
    try {
      await mkdir(path, { mode: 0o700 });
      return;
    } catch (error) {
      const { code: why } = error as NodeJS.ErrnoException;
      if (why === 'EEXIST' && (await stat(path)).isDirectory()) return;
      if (why !== 'ENOENT' || isLast || dirname(path) === path) throw error;
      await makeDirectory(dirname(path));
    }
  }
}

/** Makes a file's name durable, not only its contents. */
async function syncDirectory(dir: string): Promise<void> {
  const directory = await open(dir, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function readCursor(path: string): Promise<Position | undefined> {
  try {
    const { segment, offset } = JSON.parse(await readFile(path, 'utf8')) as Partial<Position>;
    return Number.isSafeInteger(segment) && Number.isSafeInteger(offset)
      ? ({ segment, offset } as Position)
      : undefined;
  } catch {
    return undefined;
  }
}

/** A cursor beyond what its segment holds came from lines a crash took: the segment is handed out again. */
function clamped(cursor: Position, segments: readonly Segment[]): Position {
  const size = segments.find(({ number }) => number === cursor.segment)?.size;
  return size !== undefined && (cursor.offset > size || cursor.offset < 0) ? { ...cursor, offset: 0 } : cursor;
}
