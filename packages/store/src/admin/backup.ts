/**
 * A backup of a database that may be in use: taken at one moment, opened again and counted, then synced and renamed into
 * place with its manifest beside it. Nothing stands under its name before it is whole; and where it replaces an older
 * one, there is at each moment a file with the manifest that describes it (see `proofOf`).
 */
import { open, stat, unlink } from 'node:fs/promises';
import { CsmError, code, fail, problem } from '@csm/model';
import { digestOf } from './digest.ts';
import { checkPath, exists, inWords, isThere, make, partOf, publish, sync, writeSynced } from './files.ts';
import { FORMAT, type Manifest, manifestOf, proofOf } from './manifest.ts';
import { type Place, placeWords } from './reading.ts';
import type { RunProgram } from './run-program.ts';

export interface BackupOptions {
  /** Replace an older backup; nothing else is ever replaced. */
  readonly force?: boolean;
  /** Ends it; nothing is left then. */
  readonly signal?: AbortSignal;
  /** For pg_dump and pg_restore. */
  readonly run: RunProgram;
  readonly clock: () => number;
}

/** What an engine tells of a copy it has made and read again. */
export type Copied = Pick<Manifest, 'engine_version' | 'schema' | 'tables'>;

/**
 * Writes the backup to `file`, an absolute path. Rejects with code 9 when something stands there, with 17 when a
 * program of PostgreSQL is missing, too old or fails, and with 24 or 25 when the database does.
 */
export async function backup(place: Place, file: string, options: BackupOptions): Promise<Manifest> {
  const { force = false, signal, clock } = options;
  await checkPath(file, 'file');
  const manifest = manifestOf(file);
  for (const path of [file, manifest]) {
    if (!(await exists(path))) continue;
    if (!force) throw isThere(path);
  }
  if (await exists(file)) await checkReplaceable(place, file);
  const began = clock();
  const part = partOf(file);
  try {
    await make(part);
    const copied = await copyOut(place, part, options);
    await sync(part);
    const sha256 = await digestOf(part);
    if (signal?.aborted === true) throw new CsmError(problem(code.CONTEXT_LOST, 'the backup was called off'));
    const told: Manifest = {
      format: FORMAT,
      engine: place.engine,
      engine_version: copied.engine_version,
      source: placeWords(place),
      taken: new Date(began).toISOString(),
      seconds: (clock() - began) / 1000,
      bytes: (await stat(part)).size,
      sha256,
      schema: copied.schema,
      tables: copied.tables,
    };
    await writeSynced(partOf(manifest), `${JSON.stringify(told, null, 2)}\n`);
    // A new backup is never seen without its manifest; an older one has its own until it is replaced itself.
    const isReplacing = await exists(file);
    for (const path of isReplacing ? [file, manifest] : [manifest, file]) await publish(path, force);
    return told;
  } catch (thrown) {
    // With the file in its place already the manifest must not go.
    const isPlaced = !(await exists(part));
    await unlink(part).catch(() => undefined);
    if (!isPlaced) await unlink(partOf(manifest)).catch(() => undefined);
    throw inWords(thrown, `writing ${file}`);
  }
}

async function copyOut(place: Place, part: string, options: BackupOptions): Promise<Copied> {
  if (place.engine === 'sqlite') {
    const { copyOutSqlite } = await import('../sqlite/backup.ts');
    return copyOutSqlite(place.file, part, options.signal);
  }
  const { dump } = await import('../postgresql/dump.ts');
  return dump(place.server, part, options);
}

const SQLITE_HEAD = 'SQLite format 3\0';
const DUMP_HEAD = 'PGDMP';

/** What a backup begins with. */
export async function engineOf(file: string): Promise<'sqlite' | 'postgresql' | undefined> {
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(16), 0, 16, 0);
    const head = buffer.toString('latin1', 0, bytesRead);
    if (head === SQLITE_HEAD) return 'sqlite';
    return head.startsWith(DUMP_HEAD) ? 'postgresql' : undefined;
  } finally {
    await handle.close();
  }
}

/** A mistyped name must cost no file but a backup: one has a manifest beside it, and the database has none. */
async function checkReplaceable(place: Place, file: string): Promise<void> {
  const allowed = 'a new file, or an older backup with its manifest';
  // The database itself is never opened here: closing it would free the locks that this process has on it.
  const isDatabase = place.engine === 'sqlite' && (await isSame(file, place.file));
  if (isDatabase || !(await exists(manifestOf(file))) || (await engineOf(file)) === undefined) {
    fail(code.INVALID_PARAMETER, `${file} is no backup, and is not replaced`, { field: 'file', allowed });
  }
  // One that was killed in the midst of this has left it to us; ours will need the name.
  if (!(await exists(partOf(manifestOf(file))))) return;
  if ((await proofOf(file)).isUnnamed) await publish(manifestOf(file), true);
}

async function isSame(a: string, b: string): Promise<boolean> {
  const [one, other] = await Promise.all([stat(a), stat(b)]);
  return one.dev === other.dev && one.ino === other.ino;
}
