/**
 * The outbox journal on disk: append, sync, now and then begin anew with a snapshot. One process holds it at a time.
 *
 * Writes are gathered: while one is on its way to the disk, records wait, and the next write takes all of them.
 */

import { randomUUID } from 'node:crypto';
import { type FileHandle, link, open, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { code, fail } from '@csm/model';
import type { JournalRecord } from '../outbox/state.ts';
import { type JournalText, journalLine, readJournal } from './journal-lines.ts';

/** A journal shorter than this is never compacted, bytes. */
export const COMPACT_MIN = 1024 * 1024;
/** So often a lock is tried for that others take and leave at the same moment. */
const LOCK_TRIES = 10;
const LOCK_PAUSE_MS = 20;

export class Journal {
  readonly path: string;
  readonly records: readonly JournalRecord[];
  /** Whole records that stood behind a damaged place and could not be used. */
  readonly lost: number;
  readonly #lock: Lock;
  #file: FileHandle;
  #size: number;
  /** Grown beyond this it is to begin anew, bytes. */
  #compactAt: number;
  /** What stands behind `#size` in the file is torn and could not be cut off yet. */
  #torn = false;
  /** The file's new name is not known to be durable yet. */
  #unnamed = false;

  private constructor(path: string, lock: Lock, file: FileHandle, text: JournalText) {
    this.path = path;
    this.#lock = lock;
    this.#file = file;
    this.#size = text.good;
    this.#compactAt = compactAt(text.good);
    this.records = text.records;
    this.lost = text.lost;
  }

  /** Opens or makes the journal. Fails in words when another process holds it. */
  static async open(path: string): Promise<Journal> {
    const lock = await acquire(resolve(path));
    try {
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0);
        throw error;
      });
      const text = readJournal(bytes);
      if (text.good < bytes.length) await truncate(path, text.good);
      const file = await open(path, 'a', 0o600);
      try {
        if (bytes.length === 0) await syncDirectory(path);
      } catch (error) {
        await file.close();
        throw error;
      }
      return new Journal(path, lock, file, text);
    } catch (error) {
      await release(lock);
      throw error;
    }
  }

  get size(): number {
    return this.#size;
  }

  /** Worth beginning anew: it has doubled since it last did, or grown by half since that failed. */
  get wantsCompaction(): boolean {
    return this.#size > this.#compactAt;
  }

  /**
   * Appends; resolves when the records are on disk, or without waiting for that where `sync` is false. After a failure
   * none of them stands in the journal, and the same records may be given again. Without records it only makes up for
   * what an earlier failure left undone.
   */
  async append(records: readonly JournalRecord[], sync: boolean): Promise<void> {
    if (this.#torn) await this.#cut();
    if (this.#unnamed) {
      await syncDirectory(this.path);
      this.#unnamed = false;
    }
    if (records.length === 0) return;
    const bytes = Buffer.from(records.map(journalLine).join(''));
    try {
      await writeAll(this.#file, bytes);
      if (sync) await this.#file.datasync();
      this.#size += bytes.length;
    } catch (error) {
      // What was written of it must not stand before a later attempt. Where it cannot be cut off, the next one begins with that.
      this.#torn = true;
      await this.#cut().catch(() => undefined);
      throw error;
    }
  }

  /**
   * Replaces the whole journal by `records`, atomically. When it fails the journal is as it was, and wants compaction
   * again once it has grown by half.
   */
  async compact(records: readonly JournalRecord[]): Promise<void> {
    const bytes = Buffer.from(records.map(journalLine).join(''));
    const next = `${this.path}.new`;
    let file: FileHandle | undefined;
    try {
      await rm(next, { force: true });
      file = await open(next, 'ax', 0o600);
      await writeAll(file, bytes);
      await file.datasync();
      await rename(next, this.path);
    } catch (error) {
      this.#compactAt = this.#size * 1.5;
      await file?.close().catch(() => undefined);
      await rm(next, { force: true }).catch(() => undefined);
      throw error;
    }
    // From here on the new file is the journal, whatever else fails: a record written to the old one would be lost.
    const old = this.#file;
    this.#file = file;
    this.#size = bytes.length;
    this.#compactAt = compactAt(bytes.length);
    this.#torn = false;
    this.#unnamed = true;
    await old.close().catch(() => undefined);
  }

  /** Closes the file and gives the lock back. */
  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await release(this.#lock);
    }
  }

  async #cut(): Promise<void> {
    await this.#file.truncate(this.#size);
    this.#torn = false;
  }
}

function compactAt(size: number): number {
  return Math.max(COMPACT_MIN, 2 * size);
}

/** Makes the file's name durable, not only its contents. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(dirname(path), 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let at = 0; at < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, at, bytes.length - at);
    at += bytesWritten;
  }
}

/** A file beside the journal that names the process holding it. */
interface Lock {
  readonly file: string;
  readonly text: string;
}

/**
 * Takes the lock `<journal>.lock`: the holder's pid and the time it started, so that a later process of the same number
 * is not taken for it. It stands in the journal's own directory, where no other user can put one in the way. A killed
 * daemon leaves its lock behind, and the next start takes that over.
 */
async function acquire(journal: string): Promise<Lock> {
  const file = `${journal}.lock`;
  const own = `${file}.${randomUUID()}`;
  const text = `${process.pid} ${(await startTime(process.pid)) ?? 0}\n`;
  // Gets its name only when it is whole: nobody ever reads half a lock of a living process.
  await writeFile(own, text, { flag: 'wx', mode: 0o600 });
  try {
    for (let tries = 0; tries < LOCK_TRIES; tries++) {
      if (await linked(own, file)) return { file, text };
      await refuseIfHeld(file, journal);
      if (await takeOver(own, file)) return { file, text };
      await new Promise((resolve) => setTimeout(resolve, LOCK_PAUSE_MS));
    }
  } finally {
    await rm(own, { force: true });
  }
  fail(code.BAD_STATE, `the lock ${file} could not be taken in ${LOCK_TRIES} tries`, { field: 'journal' });
}

/**
 * Puts `own` in place of a stale lock. Only the holder of a gate may, and it looks again behind it: of several starts
 * that read the same stale lock, a slow one must not replace what a fast one has put there.
 */
async function takeOver(own: string, file: string): Promise<boolean> {
  const gate = `${file}.gate`;
  if (!(await linked(own, gate))) {
    // A start that was killed between two system calls leaves its gate.
    if ((await holder(gate)) === 'stale') await rm(gate, { force: true });
    return false;
  }
  try {
    if ((await holder(file)) !== 'stale') return false;
    await rename(own, file);
    return true;
  } finally {
    await rm(gate, { force: true });
  }
}

/** Removes the lock where it is still ours. */
async function release({ file, text }: Lock): Promise<void> {
  const standing = await readFile(file, 'utf8').catch(() => undefined);
  if (standing === text) await rm(file, { force: true });
}

async function refuseIfHeld(file: string, journal: string): Promise<void> {
  const pid = await holder(file);
  if (pid === 'stale' || pid === undefined) return;
  fail(
    code.BAD_STATE,
    `another daemon uses the journal ${journal}: its pid is ${pid}; two daemons of one node need two directories`,
    { field: 'journal' },
  );
}

/** Gives a second name to a file; false where that name is taken. */
async function linked(from: string, to: string): Promise<boolean> {
  try {
    await link(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** The pid in a lock whose process lives; stale for one that is torn or whose process is gone; undefined for none. */
async function holder(file: string): Promise<number | 'stale' | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (text === undefined) return undefined;
  const [, pid, started] = /^([1-9]\d{0,9}) (\d+)\n$/.exec(text) ?? [];
  if (pid === undefined || started === undefined) return 'stale';
  return (await startTime(Number(pid))) === started ? Number(pid) : 'stale';
}

/** When a living process started, in ticks since boot: field 22 of its stat. */
async function startTime(pid: number): Promise<string | undefined> {
  const stat = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => '');
  // The second field is the program's name in parentheses and may hold anything; the third is the state.
  const [state, ...rest] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return state === 'Z' || state === 'X' ? undefined : rest[18];
}
