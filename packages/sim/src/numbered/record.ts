/**
 * Writes down what a master asks its database to commit, so that afterwards the database alone can be asked the same.
 * A line is a commit: its wall ms, then for each batch daemon, incarnation and the numbers of its reports. Bodies are
 * not written down: all of one size are alike but for their number.
 */
import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import { isObject } from '@csm/model';
import type { CommitReports, Store } from '@csm/store';

/** Names the file. A directory in memory is best: the disk belongs to the database. */
export const RECORD_ENV = 'CSM_SIM_RECORD';

export interface RecordedBatch {
  readonly daemon: string;
  readonly incarnation: string;
  readonly numbers: readonly number[];
}

export interface RecordedCommit {
  /** When it was asked for, wall ms. */
  readonly at: number;
  readonly batches: readonly RecordedBatch[];
}

const WRITE_AT = 64 * 1024;
const FLUSH_MS = 100;

/** Records every `store.commitReports` from here on. Returns what ends it. */
export function recordCommits(store: Store, path: string): () => void {
  const file = openSync(path, 'a', 0o600);
  let text = '';
  const flush = (): void => {
    if (text !== '') writeSync(file, text);
    text = '';
  };
  const timer = setInterval(flush, FLUSH_MS).unref();
  const call = store.call.bind(store) as Store['call'];
  const recording: Store['call'] = (procedure, input, options) => {
    if (procedure === 'store.commitReports') text += line(Date.now(), input as CommitReports);
    if (text.length > WRITE_AT) flush();
    return call(procedure, input, options);
  };
  Object.assign(store, { call: recording });
  return () => {
    Reflect.deleteProperty(store, 'call');
    clearInterval(timer);
    flush();
    closeSync(file);
  };
}

function line(at: number, { batches }: CommitReports): string {
  const words = [String(at)];
  for (const { daemon, incarnation, items } of batches) {
    // Nothing more than needed: this is the master's own time.
    const numbers: number[] = [];
    for (const { body } of items) if (isObject(body) && typeof body['n'] === 'number') numbers.push(body['n']);
    if (numbers.length > 0) words.push(daemon, incarnation, numbers.join(','));
  }
  return `${words.join(' ')}\n`;
}

/** What was recorded so far; a last line that is not whole yet is left out. */
export function readRecorded(path: string): RecordedCommit[] {
  const lines = readFileSync(path, 'utf8').split('\n').slice(0, -1);
  return lines.map((text) => {
    const [at, ...words] = text.split(' ');
    const batches: RecordedBatch[] = [];
    for (let i = 0; i + 2 < words.length; i += 3) {
      const [daemon = '', incarnation = '', numbers = ''] = words.slice(i, i + 3);
      batches.push({ daemon, incarnation, numbers: numbers.split(',').map(Number) });
    }
    return { at: Number(at), batches };
  });
}
