/** The writer of a SQLite file: the group writer over one connection, which is opened anew after a fault of the disk. */
import { type CsmError, code, wall } from '@csm/model';
import type { Registry } from '../core.ts';
import type { CallText, Committed } from '../engine.ts';
import { type GroupLimits, GroupWriter } from '../group-writer.ts';
import { asError, Connection, isFull } from './connection.ts';
import { migrate } from './migrate.ts';

export interface WriterLimits extends GroupLimits {
  readonly fileBytes: number;
}

export class Writer {
  readonly procedures: readonly string[];
  readonly #file: string;
  readonly #limits: WriterLimits;
  readonly #group: GroupWriter;
  #db: Connection;

  /** Opens the file and brings its tables up to date. Throws code 24. */
  constructor(file: string, registry: Registry, limits: WriterLimits, now: number) {
    this.#file = file;
    this.#limits = limits;
    this.procedures = [...registry.procedures.keys()];
    const port = {
      connection: () => this.#db,
      recover: (fault: CsmError) => this.#recover(fault.code === code.DATABASE_UNAVAILABLE && !isFull(fault)),
      isFull,
      asError,
    };
    this.#group = new GroupWriter(port, registry, limits);
    this.#db = this.#open();
    try {
      migrate(this.#db, registry.modules, wall(now));
    } catch (thrown) {
      this.#db.close();
      throw thrown;
    }
  }

  get connection(): Connection {
    return this.#db;
  }

  /** The newest change; 0 when there is none. */
  head(): number {
    return (this.#db.get('SELECT coalesce(max(seq), 0) AS head FROM change') as { readonly head: number }).head;
  }

  /** Runs all calls, in as many transactions as their time asks for. Rejects when the file cannot be opened anew. */
  write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    return this.#group.write(calls, committed);
  }

  close(): void {
    this.#db.close();
  }

  #recover(anew: boolean): void {
    try {
      this.#db.rollback();
    } catch (thrown) {
      // A connection that cannot even roll back is of no more use.
      if (!(thrown instanceof Error)) throw thrown;
      anew = true;
    }
    this.#db.clearFault();
    if (!anew) return;
    this.#db.close();
    this.#db = this.#open();
  }

  #open(): Connection {
    return new Connection({ file: this.#file, readonly: false, fileBytes: this.#limits.fileBytes });
  }
}
