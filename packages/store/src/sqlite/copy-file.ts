/**
 * A copy of a database that is written meanwhile. SQLite's own backup copies page by page; a read transaction held
 * around it keeps all pages those of one moment, so that it never begins anew however busy the writer is. Nobody waits
 * for it, but the log cannot be cut back before it ends, and grows by what is written.
 */
import { CsmError, code, problem } from '@csm/model';
import Database from 'better-sqlite3';
import { asError } from './connection.ts';

/** Pages between two looks at the signal, and at what else the thread is asked. 16 MiB. */
const STEP_PAGES = 4_096;
const BUSY_MS = 5_000;

/** Rejects with code 24 or 25, or 37 when the signal ended it. Runs in a thread of its own. */
export async function copyFile(from: string, to: string, signal: AbortSignal): Promise<void> {
  let source: Database.Database | undefined;
  try {
    source = new Database(from, { readonly: true, fileMustExist: true, timeout: BUSY_MS });
    source.exec('BEGIN');
    source.prepare('SELECT count(*) FROM sqlite_master').get();
    await source.backup(to, {
      progress: () => {
        if (signal.aborted) throw new CsmError(problem(code.CONTEXT_LOST, 'the copy was called off'));
        return STEP_PAGES;
      },
    });
    source.exec('ROLLBACK');
    // One file, that is all there is: no log beside it.
    const copy = new Database(to, { timeout: BUSY_MS });
    copy.pragma('journal_mode = DELETE');
    copy.close();
  } catch (thrown) {
    throw asError(thrown, `copying ${from} to ${to}`);
  } finally {
    source?.close();
  }
}
