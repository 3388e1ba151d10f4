/** The reader in its thread: one query after another on a read-only connection. */
import { parentPort, workerData } from 'node:worker_threads';
import { code, toProblem } from '@csm/model';
import { Connection } from './connection.ts';
import type { FromReader, ReaderData, ToReader } from './messages.ts';
import { type Found, readFound, readTexts } from './reader.ts';
import { pageOf } from './text-page.ts';

const { file, queryBytes, queryMs } = workerData as ReaderData;
const port = parentPort;
const tell = (message: FromReader, given: readonly ArrayBuffer[] = []): void => port?.postMessage(message, given);

/** As text where that says it all: one string goes to another thread in no time, thousands of values do not. */
const posted = ({ columns, values, plain }: Found) => ({ columns, values: plain ? JSON.stringify(values) : values });

try {
  const db = new Connection({ file, readonly: true, fileBytes: 0 });
  port?.on('message', (message: ToReader) => {
    if (message.kind === 'close') {
      db.close();
      port.close();
      return;
    }
    const { id, query } = message;
    try {
      const limits = { queryBytes, queryMs };
      if (message.kind === 'read') tell({ kind: 'rows', id, ...posted(readFound(db, query, limits)) });
      else {
        readTexts(db, query, limits, (texts) => {
          const page = pageOf(texts);
          tell({ kind: 'texts', id, page }, [page.bytes.buffer]);
        });
        tell({ kind: 'textsEnd', id });
      }
    } catch (thrown) {
      tell({ kind: 'failed', id, problem: toProblem(thrown, code.DATABASE) });
    }
  });
  tell({ kind: 'ready' });
} catch (thrown) {
  tell({ kind: 'refused', problem: toProblem(thrown, code.DATABASE_UNAVAILABLE) });
}
