/** The writer in its thread: takes the lock, imports the modules, then runs each batch it is sent. */
import { parentPort, workerData } from 'node:worker_threads';
import { code, toProblem } from '@csm/model';
import { registry } from '../core.ts';
import { loadModules } from '../load.ts';
import { type Lock, takeLock } from './lock.ts';
import type { FromWriter, ToWriter, WriterData } from './messages.ts';
import { Writer } from './writer.ts';

const { file, modules, lock, limits, now, master } = workerData as WriterData;
const port = parentPort;
const tell = (message: FromWriter): void => port?.postMessage(message);

let held: Lock | undefined;
try {
  if (lock) held = takeLock(file, now);
  const features = await loadModules(modules);
  const writer = new Writer(file, registry(features), limits, now, master);
  port?.on('message', (message: ToWriter) => {
    if (message.kind === 'close') {
      writer.close();
      held?.release();
      port.close();
    } else {
      // A rejection means that the file cannot be opened any more: it ends the thread, and the store with it.
      void writer
        .write(message.calls, (commit) => tell({ kind: 'committed', commit }))
        .then(() => tell({ kind: 'written' }));
    }
  });
  tell({ kind: 'ready', procedures: writer.procedures, head: writer.head(), term: writer.term });
} catch (thrown) {
  held?.release();
  tell({ kind: 'refused', problem: toProblem(thrown, code.DATABASE_UNAVAILABLE) });
}
