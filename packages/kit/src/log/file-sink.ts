import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { HELD_MAX, lostLine, type Sink } from './sink.ts';

/**
 * A log file that is appended to and turned over by size: FILE → FILE.1 → … → FILE.<keep>. Winston's own file
 * transport is not used: after one failed write it writes nothing ever again, and it holds every line from then on.
 * Here a failed write costs the lines of that write, and the next one tries anew.
 */

export interface FileSinkOptions {
  readonly path: string;
  /** Bytes at which the file is turned over; a line is never split. */
  readonly rotationSize: number;
  /** Old files kept beside the current one, 0 to 1000. */
  readonly keep: number;
}

export function fileSink(
  { path, rotationSize, keep }: FileSinkOptions,
  noteLost: (count: number) => string = lostLine,
): Sink {
  let queue: string[] = [];
  let held = 0;
  let lost = 0;
  let told = 0;
  let handle: FileHandle | undefined;
  let size = 0;
  let isTorn = false;
  let running: Promise<void> | undefined;

  async function openFile(): Promise<FileHandle> {
    const opened = await open(path, 'a', 0o640);
    handle = opened;
    size = (await opened.stat()).size;
    return opened;
  }

  async function closeFile(): Promise<void> {
    const old = handle;
    handle = undefined;
    await old?.close().catch(() => undefined);
  }

  async function turnOver(): Promise<void> {
    await closeFile();
    if (keep === 0) await rm(path, { force: true });
    for (let i = keep; i > 0; i--) {
      const from = i === 1 ? path : `${path}.${i - 1}`;
      await rename(from, `${path}.${i}`).catch((thrown: NodeJS.ErrnoException) => {
        if (thrown.code !== 'ENOENT') throw thrown;
      });
    }
  }

  /** Takes from `lines` what the file still has room for; an empty file takes one line of any length. */
  function takeFitting(lines: string[]): string[] {
    let bytes = size;
    let n = 0;
    for (const line of lines) {
      bytes += Buffer.byteLength(line) + 1;
      if (bytes > rotationSize && !(size === 0 && n === 0)) break;
      n++;
    }
    return lines.splice(0, n);
  }

  /** Writes from the front of `lines` and removes what it wrote; throws at the first failure. */
  async function writeSome(lines: string[]): Promise<void> {
    let file = handle ?? (await openFile());
    const lostNow = lost;
    if (size >= rotationSize || (size > 0 && size + Buffer.byteLength(lines[0] ?? '') + 1 > rotationSize)) {
      await turnOver();
      file = await openFile();
    }
    const batch = takeFitting(lines);
    const note = lostNow > told ? [noteLost(lostNow - told)] : [];
    const data = Buffer.from(`${isTorn ? '\n' : ''}${[...note, ...batch].join('\n')}\n`);
    let done = 0;
    try {
      while (done < data.length) done += (await file.write(data, done)).bytesWritten;
    } catch (thrown) {
      lost += batch.length;
      isTorn = isTorn || done > 0;
      throw thrown;
    }
    told = lostNow;
    isTorn = false;
    size += data.length;
  }

  async function run(): Promise<void> {
    while (queue.length > 0) {
      const lines = queue;
      const bytes = held;
      queue = [];
      try {
        while (lines.length > 0) await writeSome(lines);
      } catch {
        // The reason cannot be logged here; the count says that it happened, and the next line that gets through.
        lost += lines.length;
        await closeFile();
      }
      held -= bytes;
    }
    running = undefined;
  }

  const drained = async (): Promise<void> => {
    while (running !== undefined) await running;
  };

  return {
    get lost() {
      return lost;
    },
    write(line) {
      if (held + line.length > HELD_MAX) {
        lost++;
        return;
      }
      held += line.length;
      queue.push(line);
      running ??= Promise.resolve().then(run);
    },
    drained,
    async close() {
      await drained();
      await closeFile();
    },
  };
}
