/**
 * The outbox journal on disk: append, sync, now and then begin anew with a snapshot. One process holds it at a time.
 *
 * Writes are gathered: while one is on its way to the disk, records wait, and the next write takes all of them. A write
 * that is waited for is one call of the kernel that returns when the bytes are durable (O_DSYNC): a write and a sync
 * apart would take the way to the pool of threads and back twice, which costs more than both do there.
 */
import { close, constants, open as openFd, write } from 'node:fs';
import { type FileHandle, open, readFile, rename, rm, truncate } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { JournalRecord } from '../outbox/state.ts';
import { type JournalText, journalBytes, readJournal } from './journal-lines.ts';
import { type LockFile, takeLock } from './lock-file.ts';

/** A journal shorter than this is never compacted, bytes. */
export const COMPACT_MIN = 1024 * 1024;

/**
 * A write of at most so many bytes leaves its room to the next one, else each would make a buffer that waits for the disk
 * and then for the collector. Larger ones are rare, and a small daemon is not to keep their room.
 */
const ROOM_MAX = 64 * 1024;

/** To append; a write returns once its bytes are durable. */
const DURABLE = constants.O_WRONLY | constants.O_APPEND | constants.O_DSYNC;
/** To append what nobody waits for. Never makes a file: the journal is there, or something is wrong. */
const LAZY = constants.O_WRONLY | constants.O_APPEND;

export class Journal {
  readonly path: string;
  readonly records: readonly JournalRecord[];
  /** Whole records that stood behind a damaged place and could not be used. */
  readonly lost: number;
  readonly #lock: LockFile;
  #file: FileHandle;
  #size: number;
  /** Where the last writes stood and the next may, if any has; undefined while one does. */
  #room: Buffer | undefined;
  /** Grown beyond this it is to begin anew, bytes. */
  #compactAt: number;
  /** What stands behind `#size` in the file is torn and could not be cut off yet. */
  #torn = false;
  /** The file's new name is not known to be durable yet. */
  #unnamed = false;
  /** Something was appended that need not be durable yet. */
  #unsynced = false;

  private constructor(path: string, lock: LockFile, file: FileHandle, text: JournalText) {
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
    const lock = await takeLock(`${resolve(path)}.lock`, {
      field: 'journal',
      held: (pid) =>
        `another daemon uses the journal ${resolve(path)}: its pid is ${pid}; two daemons of one node need two directories`,
    });
    try {
      const bytes = await readFile(path).catch((error: NodeJS.ErrnoException) => {
        if (error.code === 'ENOENT') return Buffer.alloc(0);
        throw error;
      });
      const text = readJournal(bytes);
      if (text.good < bytes.length) await truncate(path, text.good);
      const file = await open(path, DURABLE | constants.O_CREAT, 0o600);
      try {
        if (bytes.length === 0) await syncDirectory(path);
      } catch (error) {
        await file.close();
        throw error;
      }
      return new Journal(path, lock, file, text);
    } catch (error) {
      await lock.release();
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
    const room = this.#room;
    this.#room = undefined;
    const bytes = journalBytes(records, room);
    try {
      const written = sync ? await this.#appendDurably(bytes) : await this.#appendLazily(bytes);
      this.#size += written;
    } catch (error) {
      // What was written of it must not stand before a later attempt. Where it cannot be cut off, the next one begins with that.
      this.#torn = true;
      await this.#cut().catch(() => undefined);
      throw error;
    } finally {
      const wider = bytes.length > (room?.length ?? 0) && bytes.length <= ROOM_MAX;
      this.#room = wider ? bytes : room;
    }
  }

  /**
   * Replaces the whole journal by `records`, atomically. When it fails the journal is as it was, and wants compaction
   * again once it has grown by half.
   */
  async compact(records: readonly JournalRecord[]): Promise<void> {
    const bytes = journalBytes(records);
    const next = `${this.path}.new`;
    let file: FileHandle | undefined;
    let size: number;
    try {
      await rm(next, { force: true });
      file = await open(next, DURABLE | constants.O_CREAT | constants.O_EXCL, 0o600);
      size = await writeAll(file.fd, bytes);
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
    this.#size = size;
    this.#compactAt = compactAt(size);
    this.#torn = false;
    this.#unsynced = false;
    this.#unnamed = true;
    await old.close().catch(() => undefined);
  }

  /** Closes the file and gives the lock back. */
  async close(): Promise<void> {
    try {
      await this.#file.close();
    } finally {
      await this.#lock.release();
    }
  }

  async #appendDurably(bytes: Buffer): Promise<number> {
    const size = await writeAll(this.#file.fd, bytes);
    // O_DSYNC speaks of this write alone: what stands before it must not be a hole after a loss of power.
    if (this.#unsynced) await this.#file.datasync();
    this.#unsynced = false;
    return size;
  }

  /** By a descriptor of its own, opened for this: rare, for it waits until a while has passed without another write. */
  async #appendLazily(bytes: Buffer): Promise<number> {
    this.#unsynced = true;
    const fd = await openLazy(this.path);
    try {
      return await writeAll(fd, bytes);
    } finally {
      await closeFd(fd);
    }
  }

  async #cut(): Promise<void> {
    await this.#file.truncate(this.#size);
    this.#torn = false;
  }
}

/** By the number alone: a `FileHandle` would double what such a write costs, and a thousand simulated nodes share a process. */
function openLazy(path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    openFd(path, LAZY, (error, fd) => (error === null ? resolve(fd) : reject(error)));
  });
}

function closeFd(fd: number): Promise<void> {
  return new Promise((resolve, reject) => {
    close(fd, (error) => (error == null ? resolve() : reject(error)));
  });
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

/** Gives how many bytes they are. */
async function writeAll(fd: number, bytes: Buffer): Promise<number> {
  for (let at = 0; at < bytes.length; ) {
    at += await new Promise<number>((resolve, reject) => {
      write(fd, bytes, at, bytes.length - at, null, (error, count) =>
        error === null ? resolve(count) : reject(error),
      );
    });
  }
  return bytes.length;
}
