/**
 * One opener a database. The lock is an exclusive transaction on `<file>.lock`, a SQLite file of its own: the kernel
 * frees it with the process, however that ends, so that there is never a stale lock to remove by hand. Who holds it
 * stands in `<file>.lock.holder`, for the words of the refusal only.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { code, fail, isObject } from '@csm/model';
import Database from 'better-sqlite3';

export interface Lock {
  release(): void;
}

/** Takes the lock at once or throws code 24 naming the holder. */
export function takeLock(file: string, now: number): Lock {
  const lockFile = `${file}.lock`;
  const holderFile = `${lockFile}.holder`;
  let db: Database.Database;
  try {
    db = new Database(lockFile, { timeout: 0 });
  } catch (thrown) {
    return fail(code.DATABASE_UNAVAILABLE, `${lockFile} cannot be opened: ${(thrown as Error).message}`);
  }
  try {
    db.pragma('locking_mode = EXCLUSIVE');
    db.exec('BEGIN EXCLUSIVE');
    const holder = JSON.stringify({ pid: process.pid, host: hostname(), since: new Date(now).toISOString() });
    const fresh = `${holderFile}.${process.pid}`;
    writeFileSync(fresh, `${holder}\n`);
    renameSync(fresh, holderFile);
  } catch (thrown) {
    db.close();
    if (!(thrown instanceof Database.SqliteError) || !thrown.code.startsWith('SQLITE_BUSY')) {
      return fail(code.DATABASE_UNAVAILABLE, `${lockFile} cannot be locked: ${(thrown as Error).message}`);
    }
    return fail(code.DATABASE_UNAVAILABLE, `the database ${file} is in use by ${holderOf(holderFile)}`, {
      field: 'file',
      allowed: 'one daemon a database; stop the other, or name another file',
    });
  }
  return {
    release: () => {
      rmSync(holderFile, { force: true });
      db.close();
    },
  };
}

function holderOf(holderFile: string): string {
  try {
    const holder: unknown = JSON.parse(readFileSync(holderFile, 'utf8'));
    if (isObject(holder)) {
      return `pid ${String(holder['pid'])} on host ${String(holder['host'])} since ${String(holder['since'])}`;
    }
  } catch {
    // The holder has the lock but has not written its name yet, or may not: the refusal stands without it.
  }
  return 'another process';
}
