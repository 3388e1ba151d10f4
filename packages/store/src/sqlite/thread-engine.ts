/** SQLite behind two threads: the writer, and a reader whose queries see what is committed. */
import { closeSync, existsSync, fsyncSync, openSync, realpathSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import { Worker } from 'node:worker_threads';
import { CsmError, code, fail, type Problem, problem, toProblem } from '@csm/model';
import type { CallText, Committed, Engine, QueryText } from '../engine.ts';
import type { SqlRow, SqlValue } from '../module.ts';
import type { StoreLimits } from '../store.ts';
import type { FromReader, FromWriter, ReaderData, ToReader, ToWriter, WriterData } from './messages.ts';
import { rowsOf } from './reader.ts';
import { TextPages } from './text-pages.ts';

export interface ThreadOptions {
  readonly file: string;
  readonly modules: readonly string[];
  readonly lock: boolean;
  readonly limits: StoreLimits;
  readonly now: number;
  readonly master: string;
}

type Opened = Pick<Extract<FromWriter, { kind: 'ready' }>, 'procedures' | 'head' | 'term'>;

interface Settle<T> {
  resolve(value: T): void;
  reject(error: CsmError): void;
}

/** Opens the file in its threads; code 24 when it is in use, newer than this build, or cannot be opened. */
export async function openThreads(options: ThreadOptions): Promise<ThreadEngine> {
  const file = makeFile(options.file);
  const { batchMs, procedureMs, fileBytes, queryBytes, queryMs } = options.limits;
  const writerData: WriterData = {
    file,
    modules: options.modules,
    lock: options.lock,
    limits: { batchMs, procedureMs, fileBytes },
    now: options.now,
    master: options.master,
  };
  const writer = new Worker(new URL('./writer-thread.js', import.meta.url), { workerData: writerData });
  const { procedures, head, term } = await ready<Extract<FromWriter, { kind: 'ready' }>>(writer, 'writer');
  const readerData: ReaderData = { file, queryBytes, queryMs };
  const reader = new Worker(new URL('./reader-thread.js', import.meta.url), { workerData: readerData });
  try {
    await ready(reader, 'reader');
  } catch (thrown) {
    await ended(writer, () => writer.postMessage({ kind: 'close' } satisfies ToWriter));
    throw thrown;
  }
  return new ThreadEngine(file, writer, reader, { procedures, head, term });
}

export class ThreadEngine implements Engine {
  readonly term: number;
  readonly procedures: readonly string[];
  readonly head: number;
  readonly died: Promise<Problem>;
  readonly #file: string;
  readonly #writer: Worker;
  readonly #reader: Worker;
  readonly #reads = new Map<number, Settle<SqlRow[]>>();
  readonly #texts = new Map<number, TextPages>();
  #nextRead = 1;
  #write: (Settle<void> & { committed(commit: Committed): void }) | undefined;
  #dead: CsmError | undefined;
  #closing = false;

  constructor(file: string, writer: Worker, reader: Worker, { procedures, head, term }: Opened) {
    this.#file = file;
    this.#writer = writer;
    this.#reader = reader;
    this.term = term;
    this.procedures = procedures;
    this.head = head;
    writer.on('message', (message: FromWriter) => this.#fromWriter(message));
    reader.on('message', (message: FromReader) => this.#fromReader(message));
    this.died = new Promise((resolved) => {
      for (const [name, worker] of [
        ['writer', writer],
        ['reader', reader],
      ] as const) {
        let cause: unknown;
        worker.on('error', (error: unknown) => {
          cause = error;
        });
        const exited = (): void => {
          if (!this.#closing && this.#dead === undefined) resolved(this.#die(name, cause));
        };
        worker.on('exit', exited);
        // It may have ended while the other was starting.
        if (worker.threadId === -1) exited();
      }
    });
  }

  write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) return reject(this.#dead);
      this.#write = { resolve, reject, committed };
      this.#writer.postMessage({ kind: 'write', calls } satisfies ToWriter);
    });
  }

  read(query: QueryText): Promise<SqlRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) return reject(this.#dead);
      const id = this.#nextRead++;
      this.#reads.set(id, { resolve, reject });
      this.#reader.postMessage({ kind: 'read', id, query } satisfies ToReader);
    });
  }

  texts(query: QueryText, take: (texts: readonly string[]) => void): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#dead !== undefined) return reject(this.#dead);
      const id = this.#nextRead++;
      const settled = (): boolean => this.#texts.delete(id);
      this.#texts.set(id, new TextPages(take, { resolve, reject }, settled));
      this.#reader.postMessage({ kind: 'texts', id, query } satisfies ToReader);
    });
  }

  async sizes(): Promise<{ readonly fileBytes: number; readonly walBytes: number }> {
    const size = async (path: string): Promise<number> => {
      try {
        return (await stat(path)).size;
      } catch {
        // There is no log before the first write.
        return 0;
      }
    };
    return { fileBytes: await size(this.#file), walBytes: await size(`${this.#file}-wal`) };
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    // The reader first, so that the writer is the last to close and moves the log into the file.
    await ended(this.#reader, () => this.#reader.postMessage({ kind: 'close' } satisfies ToReader));
    await ended(this.#writer, () => this.#writer.postMessage({ kind: 'close' } satisfies ToWriter));
    this.#rejectReads(gone('the store was closed'));
  }

  /** Stops the threads where they stand, as a crash would; for tests. */
  async crash(): Promise<void> {
    await Promise.all([this.#writer.terminate(), this.#reader.terminate()]);
  }

  #fromWriter(message: FromWriter): void {
    if (message.kind === 'committed') this.#write?.committed(message.commit);
    if (message.kind === 'written') {
      const write = this.#write;
      this.#write = undefined;
      write?.resolve();
    }
  }

  #fromReader(message: FromReader): void {
    if (message.kind === 'ready' || message.kind === 'refused') return;
    const { id } = message;
    const read = this.#reads.get(id);
    const texts = this.#texts.get(id);
    this.#reads.delete(id);
    if (message.kind === 'texts') texts?.add(message.page);
    else if (message.kind === 'textsEnd') texts?.end();
    else if (message.kind === 'rows') read?.resolve(rowsFrom(message));
    else (read ?? texts)?.reject(new CsmError(message.problem));
  }

  #rejectReads(error: CsmError): void {
    for (const read of [...this.#reads.values(), ...this.#texts.values()]) read.reject(error);
    this.#reads.clear();
  }

  #die(name: string, cause: unknown): Problem {
    const why = cause === undefined ? '' : `: ${toProblem(cause).detail}`;
    this.#dead = gone(`the database's ${name} thread has ended${why}`);
    this.#write?.reject(this.#dead);
    this.#write = undefined;
    this.#rejectReads(this.#dead);
    // The other thread is of no use alone, and the lock must be free for the next daemon.
    void this.crash();
    return this.#dead.problem;
  }
}

/** The first word of a thread; rejects when it refuses or ends instead. */
function ready<M extends { readonly kind: 'ready' }>(worker: Worker, name: string): Promise<M> {
  return new Promise((resolve, reject) => {
    let refused: CsmError | undefined;
    const onError = (error: unknown): void => {
      refused ??= gone(`the database's ${name} thread failed: ${toProblem(error).detail}`);
    };
    const onExit = (): void => reject(refused ?? gone(`the database's ${name} thread ended at its start`));
    const onMessage = (message: M | { readonly kind: 'refused'; readonly problem: Problem }): void => {
      if (message.kind === 'refused') {
        // Rejected once the thread has ended, so that nothing of it is left behind.
        refused = new CsmError(message.problem);
        void worker.terminate();
        return;
      }
      worker.off('error', onError).off('exit', onExit).off('message', onMessage);
      resolve(message);
    };
    worker.on('error', onError).on('exit', onExit).on('message', onMessage);
  });
}

/** Resolves when the thread has ended. */
function ended(worker: Worker, ask: () => void): Promise<void> {
  return new Promise((resolve) => {
    if (worker.threadId === -1) return resolve();
    worker.once('exit', () => resolve());
    ask();
  });
}

/**
 * The one path all openers of a file agree on. A missing file is made here, so that only its owner may read it. One
 * that exists is never opened: closing it again would free every lock this process holds on it (fcntl(2)).
 */
function makeFile(given: string): string {
  const path = resolve(given);
  try {
    const directory = realpathSync(dirname(path));
    const file = join(directory, basename(path));
    if (!existsSync(file)) {
      closeSync(openSync(file, 'wx', 0o600));
      const entry = openSync(directory, 'r');
      fsyncSync(entry);
      closeSync(entry);
    }
    return realpathSync(file);
  } catch (thrown) {
    return fail(code.DATABASE_UNAVAILABLE, `the database ${path} cannot be opened: ${toProblem(thrown).detail}`, {
      field: 'file',
      allowed: 'a file in a directory that exists and may be written',
    });
  }
}

/** The rows of a message; Buffers cross between threads as bare Uint8Arrays. */
function rowsFrom({ columns, values }: Extract<FromReader, { kind: 'rows' }>): SqlRow[] {
  if (typeof values === 'string') return rowsOf({ columns, values: JSON.parse(values) as SqlValue[][] });
  return rowsOf({ columns, values: values.map((row) => row.map(withBuffer)) });
}

const withBuffer = (value: SqlValue): SqlValue =>
  value instanceof Uint8Array ? Buffer.from(value.buffer, value.byteOffset, value.length) : value;

const gone = (detail: string): CsmError => new CsmError(problem(code.DATABASE_UNAVAILABLE, detail));
