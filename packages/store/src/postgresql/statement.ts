/**
 * One statement on the wire. It is handed to the driver's client, which calls its handlers (the interface pg-cursor
 * is made with); they belong to the driver's read loop and never throw. `done` settles once the server is ready for
 * the next one, or the connection is lost.
 *
 * A bounded statement asks for its rows page by page, and for no more once a bound is passed: what a query may give
 * is limited here as well as there.
 */
import { CsmError, code, problem } from '@csm/model';
import type { SqlRow } from '../module.ts';
import { type Decoder, decoderOf } from './values.ts';

/** The driver's connection, as far as it is used; its published types give some of these wrongly. */
export interface Wire {
  readonly stream: { cork?(): void; uncork?(): void };
  /** What was prepared here and has not failed, by name. */
  readonly parsedStatements: Record<string, string>;
  query(text: string): void;
  parse(message: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
  bind(message: { readonly statement: string; readonly values: readonly (string | Buffer | null)[] }): void;
  describe(message: { readonly type: 'P' }): void;
  execute(message: { readonly rows: number }): void;
  close(message: { readonly type: 'P' | 'S'; readonly name: string }): void;
  flush(): void;
  sync(): void;
  sendCopyFail(words: string): void;
}

export interface Bounds {
  readonly limit: number;
  readonly bytes: number;
  readonly ms: number;
}

export interface Prepared {
  readonly name: string;
  readonly types: readonly number[];
}

export interface StatementPlan {
  readonly text: string;
  /** How it is prepared; without it the text is sent as it stands, and may be several statements. */
  readonly prepared?: Prepared;
  readonly values?: readonly (string | Buffer | null)[];
  readonly bounds?: Bounds;
  /** Names of prepared statements that nobody needs any more. */
  readonly forget?: readonly string[];
}

export interface Outcome {
  readonly rows: SqlRow[];
  /** Rows inserted, updated or deleted by the last command. */
  readonly changes: number;
  /** The last command's tag, such as `COMMIT`. */
  readonly tag: string;
}

const PAGE_ROWS = 256;

interface Column {
  readonly name: string;
  readonly decode: Decoder;
}

export class Statement {
  readonly done: Promise<Outcome>;
  /** The driver notes under this name that the statement is prepared. */
  readonly name: string | undefined;
  readonly text: string;
  readonly #plan: StatementPlan;
  readonly #began = performance.now();
  #resolve: (outcome: Outcome) => void = () => {};
  #reject: (error: unknown) => void = () => {};
  #columns: Column[] = [];
  #rows: SqlRow[] = [];
  #bytes = 0;
  #tag = '';
  #synced = false;
  /** Why nothing more is read. */
  #stopped: unknown;

  constructor(plan: StatementPlan) {
    this.#plan = plan;
    this.name = plan.prepared?.name;
    this.text = plan.text;
    this.done = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  submit(wire: Wire): null {
    const { text, prepared, values = [], forget = [] } = this.#plan;
    if (prepared === undefined) {
      this.#synced = true;
      wire.query(text);
      return null;
    }
    wire.stream.cork?.();
    for (const name of forget) {
      delete wire.parsedStatements[name];
      wire.close({ type: 'S', name });
    }
    if (wire.parsedStatements[prepared.name] === undefined) wire.parse({ ...prepared, text });
    wire.bind({ statement: prepared.name, values });
    wire.describe({ type: 'P' });
    this.#nextPage(wire);
    wire.stream.uncork?.();
    return null;
  }

  handleRowDescription({ fields }: { readonly fields: readonly { name: string; dataTypeID: number }[] }): void {
    this.#columns = fields.map(({ name, dataTypeID }) => ({ name, decode: decoderOf(dataTypeID) }));
    // Of several statements in one text the last one's rows count.
    this.#rows = [];
  }

  handleDataRow({ fields }: { readonly fields: readonly (string | null)[] }): void {
    if (this.#stopped !== undefined) return;
    try {
      this.#take(fields);
    } catch (thrown) {
      this.#stopped = thrown;
    }
  }

  handlePortalSuspended(wire: Wire): void {
    const { bounds } = this.#plan;
    if (bounds !== undefined && performance.now() - this.#began > bounds.ms) this.#stopped ??= tookTooLong(bounds.ms);
    if (this.#stopped === undefined) {
      this.#nextPage(wire);
    } else {
      wire.close({ type: 'P', name: '' });
      this.#sync(wire);
    }
  }

  handleCommandComplete({ text }: { readonly text: string }, wire: Wire): void {
    this.#tag = text;
    this.#sync(wire);
  }

  handleEmptyQuery(wire: Wire): void {
    this.#sync(wire);
  }

  handleCopyInResponse(wire: Wire): void {
    wire.sendCopyFail('no data is sent this way');
  }

  handleCopyData(): void {}

  handleError(error: unknown, wire: Wire): void {
    this.#sync(wire);
    this.#reject(this.#stopped ?? error);
  }

  handleReadyForQuery(): void {
    // Nothing happens when it was resolved or rejected before.
    if (this.#stopped !== undefined) this.#reject(this.#stopped);
    // The tag ends with a count: `INSERT 0 5`, `UPDATE 5`, `DELETE 5`; also `SELECT 5`, which changed nothing.
    const [verb = '', ...counts] = this.#tag.split(' ');
    const changes = verb === 'SELECT' ? 0 : Number(counts.at(-1) ?? 0) || 0;
    this.#resolve({ rows: this.#rows, changes, tag: verb });
  }

  /** Asks for all rows and ends the statement, or for a page of them, leaving it open. */
  #nextPage(wire: Wire): void {
    const { bounds } = this.#plan;
    if (bounds === undefined) {
      wire.execute({ rows: 0 });
      this.#sync(wire);
    } else {
      wire.execute({ rows: Math.min(PAGE_ROWS, bounds.limit - this.#rows.length + 1) });
      wire.flush();
    }
  }

  #sync(wire: Wire): void {
    if (this.#synced) return;
    this.#synced = true;
    wire.sync();
  }

  #take(fields: readonly (string | null)[]): void {
    const { bounds } = this.#plan;
    if (bounds !== undefined && this.#rows.length === bounds.limit) throw tooManyRows(bounds.limit);
    const row: SqlRow = {};
    for (const [i, { name, decode }] of this.#columns.entries()) {
      const text = fields[i] ?? null;
      const value = text === null ? null : decode(text);
      row[name] = value;
      this.#bytes += typeof value === 'string' || Buffer.isBuffer(value) ? value.length : 8;
    }
    if (bounds !== undefined && this.#bytes > bounds.bytes) throw tooLarge(bounds.bytes);
    this.#rows.push(row);
  }
}

export const tookTooLong = (ms: number): CsmError =>
  new CsmError(problem(code.TIMEOUT, `the query took longer than ${ms} ms`, { field: 'sql' }));

const tooManyRows = (limit: number): CsmError =>
  new CsmError(
    problem(code.BUFFER_OVERFLOW, `the query gives more than ${limit} rows`, {
      field: 'limit',
      allowed: `${limit} rows`,
    }),
  );

const tooLarge = (bytes: number): CsmError =>
  new CsmError(
    problem(code.BUFFER_OVERFLOW, `the rows of the query are larger than ${bytes} bytes`, {
      field: 'sql',
      allowed: 'a query for less, or for part after part',
    }),
  );
