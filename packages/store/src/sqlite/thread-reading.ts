/** Reading a SQLite file in a thread of its own, which ends with it. */
import { Worker } from 'node:worker_threads';
import { CsmError, code, type Problem, problem, toProblem } from '@csm/model';
import { type ColumnRow, type Reading, type Table, tablesOf } from '../admin/reading.ts';
import type { Sql, SqlRow, SqlValue } from '../module.ts';

/** What the thread is asked; each is answered under its number. */
export type ToAdmin =
  | { readonly kind: 'all'; readonly id: number; readonly sql: Sql; readonly params: readonly SqlValue[] }
  | { readonly kind: 'exec'; readonly id: number; readonly sql: string }
  | { readonly kind: 'copy'; readonly id: number; readonly to: string }
  | { readonly kind: 'cancel' }
  | { readonly kind: 'close' };

export type FromAdmin =
  | { readonly kind: 'ready' }
  | { readonly kind: 'refused'; readonly problem: Problem }
  | { readonly kind: 'done'; readonly id: number; readonly rows: SqlRow[] }
  | { readonly kind: 'failed'; readonly id: number; readonly problem: Problem };

export interface AdminData {
  readonly file: string;
}

type Asked = { readonly kind: 'all' | 'exec' | 'copy' } & Record<string, unknown>;

interface Waiting {
  resolve(rows: SqlRow[]): void;
  reject(error: CsmError): void;
}

const TABLES = `
  SELECT m.name AS "table", c.name AS "column", c.pk AS key, 0 AS numbered
  FROM sqlite_master m JOIN pragma_table_info(m.name) c
  WHERE m.type = 'table' AND substr(m.name, 1, 7) <> 'sqlite_' ORDER BY m.name, c.cid`;

export class ThreadReading implements Reading {
  readonly dialect = 'sqlite';
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #next = 1;
  #ended: CsmError | undefined;

  private constructor(worker: Worker) {
    this.#worker = worker;
  }

  /** Opens the file, which must be there. Rejects with code 24. */
  static async open(file: string): Promise<ThreadReading> {
    const workerData: AdminData = { file };
    const worker = new Worker(new URL('./admin-thread.js', import.meta.url), { workerData });
    const reading = new ThreadReading(worker);
    await new Promise<void>((resolve, reject) => {
      worker.on('message', (message: FromAdmin) => {
        if (message.kind === 'ready') resolve();
        else if (message.kind === 'refused') reject(new CsmError(message.problem));
        else reading.#answer(message);
      });
      worker.on('error', (error: unknown) => reading.#end(gone(toProblem(error).detail)));
      worker.on('exit', () => {
        reading.#end(gone('the thread that reads the database has ended'));
        reject(reading.#ended ?? gone('it ended'));
      });
    });
    return reading;
  }

  async all<Row = SqlRow>(sql: Sql, params: readonly SqlValue[] = []): Promise<Row[]> {
    return (await this.#ask({ kind: 'all', sql, params })) as Row[];
  }

  async hold(): Promise<void> {
    await this.#ask({ kind: 'exec', sql: 'BEGIN' });
    // The moment is that of the first read.
    await this.all('SELECT count(*) AS n FROM sqlite_master');
  }

  async tables(): Promise<Table[]> {
    return tablesOf(await this.all<ColumnRow>(TABLES));
  }

  /** Copies the whole file as it is at one moment. The copy is a file by itself, without a log beside it. */
  async copy(to: string, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) throw new CsmError(problem(code.CONTEXT_LOST, 'the copy was called off'));
    const cancel = (): void => this.#worker.postMessage({ kind: 'cancel' } satisfies ToAdmin);
    signal?.addEventListener('abort', cancel, { once: true });
    try {
      await this.#ask({ kind: 'copy', to });
    } finally {
      signal?.removeEventListener('abort', cancel);
    }
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const ended = new Promise((resolve) => this.#worker.once('exit', resolve));
    this.#worker.postMessage({ kind: 'close' } satisfies ToAdmin);
    await ended;
  }

  #ask(asked: Asked): Promise<SqlRow[]> {
    return new Promise((resolve, reject) => {
      if (this.#ended !== undefined) return reject(this.#ended);
      const id = this.#next++;
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ ...asked, id });
    });
  }

  #answer(message: Extract<FromAdmin, { readonly id: number }>): void {
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'failed') waiting?.reject(new CsmError(message.problem));
    else waiting?.resolve(message.rows.map(withBuffers));
  }

  #end(why: CsmError): void {
    this.#ended ??= why;
    for (const waiting of this.#waiting.values()) waiting.reject(this.#ended);
    this.#waiting.clear();
  }
}

/** Buffers cross between threads as bare Uint8Arrays. */
function withBuffers(row: SqlRow): SqlRow {
  for (const [column, value] of Object.entries(row)) {
    if (value instanceof Uint8Array) row[column] = Buffer.from(value.buffer, value.byteOffset, value.length);
  }
  return row;
}

const gone = (detail: string): CsmError => new CsmError(problem(code.DATABASE_UNAVAILABLE, detail));
