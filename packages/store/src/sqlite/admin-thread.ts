/** The thread of a reading: one question after another on a read-only connection of its own. */
import { parentPort, workerData } from 'node:worker_threads';
import { code, toProblem } from '@csm/model';
import type { SqlRow } from '../module.ts';
import { Connection } from './connection.ts';
import { copyFile } from './copy-file.ts';
import type { AdminData, FromAdmin, ToAdmin } from './thread-reading.ts';

const { file } = workerData as AdminData;
const port = parentPort;
const tell = (message: FromAdmin): void => port?.postMessage(message);
let cancelled = new AbortController();

async function answer(db: Connection, message: Extract<ToAdmin, { readonly id: number }>): Promise<SqlRow[]> {
  switch (message.kind) {
    case 'all':
      return db.all(message.sql, message.params) as SqlRow[];
    case 'exec':
      db.exec(message.sql);
      return [];
    case 'copy':
      cancelled = new AbortController();
      await copyFile(file, message.to, cancelled.signal);
      return [];
    default:
      return message satisfies never;
  }
}

try {
  const db = new Connection({ file, readonly: true, fileBytes: 0 });
  let turn = Promise.resolve();
  port?.on('message', (message: ToAdmin) => {
    if (message.kind === 'cancel') return cancelled.abort();
    turn = turn.then(async () => {
      if (message.kind === 'close') {
        db.close();
        port.close();
        return;
      }
      const { id } = message;
      try {
        tell({ kind: 'done', id, rows: await answer(db, message) });
      } catch (thrown) {
        tell({ kind: 'failed', id, problem: toProblem(thrown, code.DATABASE) });
      }
    });
  });
  tell({ kind: 'ready' });
} catch (thrown) {
  tell({ kind: 'refused', problem: toProblem(thrown, code.DATABASE_UNAVAILABLE) });
  port?.close();
}
