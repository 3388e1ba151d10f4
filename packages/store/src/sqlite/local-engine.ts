/**
 * SQLite in the caller's thread: the in-memory twin. Writer and queries share one connection, so they take turns:
 * a query sees what is committed, never the inside of a transaction.
 */
import { hostname } from 'node:os';
import { code, type Problem, toProblem } from '@csm/model';
import { registry } from '../core.ts';
import type { CallText, Committed, Engine, QueryText } from '../engine.ts';
import type { SqlRow, StoreModule } from '../module.ts';
import type { StoreLimits } from '../store.ts';
import { readFound, rowsOf } from './reader.ts';
import { Writer } from './writer.ts';

export class LocalEngine implements Engine {
  readonly term: number;
  readonly procedures: readonly string[];
  readonly head: number;
  readonly died: Promise<Problem>;
  readonly #writer: Writer;
  readonly #limits: StoreLimits;
  #die: (problem: Problem) => void = () => {};
  #turn: Promise<unknown> = Promise.resolve();

  constructor(modules: readonly StoreModule[], limits: StoreLimits, now: number, master = hostname()) {
    const features = modules.map((module, i) => ({ exports: module, from: `modules[${i}]` }));
    this.#writer = new Writer(':memory:', registry(features), limits, now, master);
    this.#limits = limits;
    this.term = this.#writer.term;
    this.procedures = this.#writer.procedures;
    this.head = this.#writer.head();
    this.died = new Promise((resolve) => {
      this.#die = resolve;
    });
  }

  write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    return this.#inTurn(async () => {
      try {
        await this.#writer.write(calls, committed);
      } catch (thrown) {
        this.#die(toProblem(thrown, code.DATABASE_UNAVAILABLE));
        throw thrown;
      }
    });
  }

  read(query: QueryText): Promise<SqlRow[]> {
    return this.#inTurn(async () => {
      const db = this.#writer.connection;
      db.exec('PRAGMA query_only = ON');
      try {
        return rowsOf(readFound(db, query, this.#limits));
      } finally {
        db.clearFault();
        db.exec('PRAGMA query_only = OFF');
      }
    });
  }

  async sizes(): Promise<{ readonly fileBytes: number; readonly walBytes: number }> {
    const { pageSize, pageCount } = this.#writer.connection;
    return { fileBytes: pageSize * pageCount, walBytes: 0 };
  }

  async close(): Promise<void> {
    await this.#inTurn(async () => this.#writer.close());
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => {});
    return result;
  }
}
