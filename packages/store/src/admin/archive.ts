/**
 * Rows on their way out: JSON lines, gzipped, a file for each day (UTC), with a manifest that counts them. All grow in
 * a directory that gets its name only when everything is written and synced.
 */
import { createWriteStream, type WriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip, type Gzip } from 'node:zlib';
import { CsmError, code, fail, isObject, problem } from '@csm/model';
import { digestOf } from './digest.ts';
import { checkPath, exists, inWords, partOf, sync, writeSynced } from './files.ts';

export interface ArchiveRow {
  /** Tells the day, ms UTC. */
  readonly time: number;
  /** JSON without line breaks. */
  readonly text: string;
}

export interface DayFile {
  /** `2026-11-21.jsonl.gz` */
  readonly file: string;
  readonly rows: number;
  readonly bytes: number;
  readonly sha256: string;
}

export interface ArchiveManifest {
  readonly format: 'csm-archive-1';
  readonly what: string;
  /** Rows of before this moment; ISO 8601, UTC. */
  readonly before: string;
  readonly made: string;
  readonly rows: number;
  /** Number of the newest row, where rows have numbers: by it they can be removed later, too. */
  readonly last?: number;
  readonly files: readonly DayFile[];
}

export interface ArchiveOptions {
  /** An absolute path; made when missing, in a directory that exists. */
  readonly directory: string;
  readonly what: string;
  readonly before: number;
  readonly clock: () => number;
  readonly signal?: AbortSignal;
  /** Number of the newest row, asked when all are written. */
  readonly last?: () => number;
}

const DAY_MS = 86_400_000;
/** Days that are written at once: rows come nearly in the order of their times. */
const OPEN_MAX = 4;

/** Where the archive will be: `<directory>/changes-before-2026-11-21`. */
export const archivePath = ({ directory, what, before }: Omit<ArchiveOptions, 'clock'>): string =>
  join(directory, `${what}-before-${new Date(before).toISOString().slice(0, 10)}`);

/** Writes all rows. Rejects with code 9 when such an archive is there, with 37 when the signal ended it. */
export async function writeArchive(
  rows: AsyncIterable<readonly ArchiveRow[]>,
  options: ArchiveOptions,
): Promise<ArchiveManifest> {
  const { directory, what, before, clock, signal, last } = options;
  await checkPath(directory, 'directory');
  const path = archivePath(options);
  const part = partOf(path);
  if (await exists(path)) {
    fail(code.INVALID_PARAMETER, `${path} is there already`, { field: 'directory', allowed: 'a directory without it' });
  }
  const days = new Days(part);
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 });
    // What a killed one has left.
    await rm(part, { recursive: true, force: true });
    await mkdir(part, { mode: 0o700 });
    for await (const some of rows) {
      if (signal?.aborted === true) throw new CsmError(problem(code.CONTEXT_LOST, 'the archive was called off'));
      for (const row of some) await days.add(row);
    }
    const files = await days.finish();
    const manifest: ArchiveManifest = {
      format: 'csm-archive-1',
      what,
      before: new Date(before).toISOString(),
      made: new Date(clock()).toISOString(),
      rows: files.reduce((sum, file) => sum + file.rows, 0),
      ...(last === undefined ? {} : { last: last() }),
      files,
    };
    await writeSynced(join(part, 'manifest.json'), `${JSON.stringify(manifest, null, 2)}\n`);
    await sync(part);
    await rename(part, path);
    await sync(directory);
    return manifest;
  } catch (thrown) {
    await days.abandon();
    await rm(part, { recursive: true, force: true });
    throw inWords(thrown, `writing ${path}`);
  }
}

/**
 * The manifest of the archive that these options name; undefined when there is none. Rejects with code 9 for one that is
 * of something else, or whose files are not those of its manifest.
 */
export async function readArchive(options: Omit<ArchiveOptions, 'clock'>): Promise<ArchiveManifest | undefined> {
  const path = archivePath(options);
  if (!(await exists(path))) return undefined;
  const refuse = (detail: string): never =>
    fail(code.INVALID_PARAMETER, detail, { field: 'directory', allowed: 'a whole archive, or a directory without it' });
  const text = await readFile(join(path, 'manifest.json'), 'utf8').catch(() => '');
  const manifest = parsed(text);
  const before = new Date(options.before).toISOString();
  if (manifest?.what !== options.what || manifest.before !== before) {
    return refuse(`${path} is there and is no archive of ${options.what} before ${before}`);
  }
  for (const { file, bytes, sha256 } of manifest.files) {
    const found = await stat(join(path, file)).catch(() => undefined);
    if (found?.size !== bytes || (await digestOf(join(path, file))) !== sha256) {
      return refuse(`${join(path, file)} is not the file that the manifest of the archive describes`);
    }
  }
  return manifest;
}

function parsed(text: string): ArchiveManifest | undefined {
  try {
    const found: unknown = JSON.parse(text);
    const isOurs = isObject(found) && found['format'] === 'csm-archive-1' && Array.isArray(found['files']);
    return isOurs ? (found as unknown as ArchiveManifest) : undefined;
  } catch {
    return undefined;
  }
}

interface Open {
  readonly gzip: Gzip;
  readonly file: WriteStream;
  readonly done: Promise<void>;
}

/** The files by day. One that was closed is opened again by adding a member, which gzip reads as one text. */
class Days {
  readonly #directory: string;
  readonly #open = new Map<string, Open>();
  readonly #rows = new Map<string, number>();

  constructor(directory: string) {
    this.#directory = directory;
  }

  async add({ time, text }: ArchiveRow): Promise<void> {
    const day = new Date(Math.floor(time / DAY_MS) * DAY_MS).toISOString().slice(0, 10);
    const { gzip, done } = this.#open.get(day) ?? (await this.#begin(day));
    this.#rows.set(day, (this.#rows.get(day) ?? 0) + 1);
    if (gzip.write(`${text}\n`)) return;
    // A disk that fails ends the pipe, and nothing is drained any more.
    await Promise.race([new Promise((resolve) => gzip.once('drain', resolve)), done]);
  }

  async finish(): Promise<DayFile[]> {
    for (const day of this.#open.keys()) await this.#close(day);
    const files: DayFile[] = [];
    for (const [day, rows] of [...this.#rows].sort(([a], [b]) => (a < b ? -1 : 1))) {
      const path = this.#path(day);
      await sync(path);
      files.push({ file: `${day}.jsonl.gz`, rows, bytes: (await stat(path)).size, sha256: await digestOf(path) });
    }
    return files;
  }

  async abandon(): Promise<void> {
    for (const { gzip, done } of this.#open.values()) {
      gzip.destroy();
      await done.catch(() => undefined);
    }
    this.#open.clear();
  }

  async #begin(day: string): Promise<Open> {
    const [oldest] = this.#open.keys();
    if (this.#open.size >= OPEN_MAX && oldest !== undefined) await this.#close(oldest);
    const gzip = createGzip();
    const file = createWriteStream(this.#path(day), { flags: 'a', mode: 0o600 });
    const open = { gzip, file, done: pipeline(gzip, file) };
    open.done.catch(() => undefined);
    this.#open.set(day, open);
    return open;
  }

  async #close(day: string): Promise<void> {
    const open = this.#open.get(day);
    this.#open.delete(day);
    open?.gzip.end();
    await open?.done;
  }

  #path(day: string): string {
    return join(this.#directory, `${day}.jsonl.gz`);
  }
}
