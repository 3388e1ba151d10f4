/** The writer of a SQLite file: the group writer over one connection, which is opened anew after a fault of the disk. */
import { randomUUID } from 'node:crypto';
import { type CsmError, code, wall } from '@csm/model';
import type { Registry } from '../core.ts';
import type { CallText, Committed } from '../engine.ts';
import { type GroupLimits, GroupWriter } from '../group-writer.ts';
import { RAISE } from '../leader.ts';
import { asError, Connection, isFull } from './connection.ts';
import { migrate } from './migrate.ts';

export interface WriterLimits extends GroupLimits {
  readonly fileBytes: number;
}

export class Writer {
  /** Rises each time the file is opened. */
  readonly term: number;
  readonly procedures: readonly string[];
  readonly #file: string;
  readonly #limits: WriterLimits;
  readonly #group: GroupWriter;
  #db: Connection;

  /** Opens the file, brings its tables up to date and begins a term. Throws code 24. */
  constructor(file: string, registry: Registry, limits: WriterLimits, now: number, master: string) {
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
      // The lock of the file is held until the process ends: there is no lease.
      const raised = this.#db.get(RAISE, [master, randomUUID(), now, 0]);
      this.term = (raised as { readonly term: number }).term;
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
