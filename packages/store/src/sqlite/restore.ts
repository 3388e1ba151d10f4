/**
 * Restores a SQLite file: copied beside the database, checked there, then renamed over it. The former file gets a second
 * name first, so that at no moment there is none. Its log is moved into it before; where it is so damaged that this
 * fails, the log is kept beside it.
 */
import { constants, existsSync, linkSync, renameSync, unlinkSync } from 'node:fs';
import { chmod, copyFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { CsmError } from '@csm/model';
import { sync } from '../admin/files.ts';
import { calledOff, checkCounts, type Restored, type Restoring } from '../admin/restore.ts';
import { stamp } from '../admin/unfinished.ts';
import { ALL_APPLIED, type Applied, pendingSteps } from '../migrations.ts';
import { describeFile } from './backup.ts';
import { Connection } from './connection.ts';
import { takeLock } from './lock.ts';

export async function restoreSqlite(
  given: string,
  { backup, manifest, modules, clock, tell, signal }: Restoring,
): Promise<Restored> {
  const file = join(dirname(resolve(given)), given.split('/').at(-1) ?? '');
  const lock = takeLock(file, clock());
  const fresh = `${file}.restoring`;
  try {
    remove(fresh);
    await copyFile(backup, fresh, constants.COPYFILE_FICLONE);
    await chmod(fresh, 0o600);
    const { tables } = await describeFile(fresh);
    checkCounts(manifest, tables);
    const former = existsSync(file) ? formerTerm(file) : 0;
    prepare(fresh, former, (db) => pendingSteps(db.all(ALL_APPLIED) as Applied[], modules, 'sqlite'));
    await sync(fresh);
    // From here on nothing takes time.
    if (signal?.aborted === true) throw calledOff();
    tell('the backup is checked; it takes its place now');
    const aside = existsSync(file) ? `${file}.before-${stamp(clock())}` : undefined;
    if (aside !== undefined) putAside(file, aside);
    renameSync(fresh, file);
    await sync(dirname(file));
    return { aside, tables };
  } finally {
    remove(fresh);
    lock.release();
  }
}

/** Moves the log of the former database into it, and reads its term; 0 when it is too damaged to tell. */
function formerTerm(file: string): number {
  try {
    const db = new Connection({ file, readonly: false, fileBytes: 0 });
    try {
      return termOf(db);
    } finally {
      // The last to close moves the log.
      db.close();
    }
  } catch (thrown) {
    if (thrown instanceof CsmError) return 0;
    throw thrown;
  }
}

function termOf(db: Connection): number {
  if (db.get(`SELECT name FROM sqlite_master WHERE name = 'leader'`) === undefined) return 0;
  return (db.get('SELECT max(term) AS term FROM leader') as { readonly term: number | null }).term ?? 0;
}

/** Terms never go back: who has seen a higher one would believe no master of a lower. Throws for a newer build's file. */
function prepare(fresh: string, former: number, judge: (db: Connection) => unknown): void {
  const db = new Connection({ file: fresh, readonly: false, fileBytes: 0 });
  try {
    judge(db);
    if (termOf(db) > 0) db.run('UPDATE leader SET term = $1 WHERE term < $1', [former]);
    db.exec('PRAGMA journal_mode = DELETE');
  } finally {
    db.close();
  }
}

/** Gives the former files second names, then takes away the log: it would be read into the new file. */
function putAside(file: string, aside: string): void {
  linkSync(file, aside);
  for (const end of ['-wal', '-shm']) {
    if (!existsSync(file + end)) continue;
    if (end === '-wal') linkSync(file + end, aside + end);
    unlinkSync(file + end);
  }
}

function remove(fresh: string): void {
  for (const end of ['', '-wal', '-shm', '-journal']) if (existsSync(fresh + end)) unlinkSync(fresh + end);
}
