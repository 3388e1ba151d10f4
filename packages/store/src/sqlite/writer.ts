/**
 * The one writer of a SQLite database. It takes a batch of calls and runs them strictly one after another in one
 * transaction, each within its own savepoint, so that one that fails is undone alone; then one COMMIT, one sync of
 * the disk for all of them, and only then the answers.
 *
 * When the database itself fails (disk full, I/O error), the transaction is undone and all its calls fail with code
 * 24. One exception: with the disk full and several calls in the transaction, each is tried once more alone, so that a
 * small one, or one that frees room, is not held back by a large one. After any other fault the file is opened anew.
 */
import { CsmError, code, fail, type Problem, problem, toProblem, wall } from '@csm/model';
import type { Registry } from '../core.ts';
import type { Answer, CallText, Committed } from '../engine.ts';
import { asError, Connection, isFull } from './connection.ts';
import { migrate } from './migrate.ts';
import { SqliteTx } from './transaction.ts';

export interface WriterLimits {
  readonly batchMs: number;
  readonly procedureMs: number;
  readonly fileBytes: number;
}

interface Ran {
  readonly answer: Answer;
  readonly changed: boolean;
}

export class Writer {
  readonly procedures: readonly string[];
  readonly #file: string;
  readonly #registry: Registry;
  readonly #limits: WriterLimits;
  #db: Connection;

  /** Opens the file and brings its tables up to date. Throws code 24. */
  constructor(file: string, registry: Registry, limits: WriterLimits, now: number) {
    this.#file = file;
    this.#registry = registry;
    this.#limits = limits;
    this.procedures = [...registry.procedures.keys()];
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
  async write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    for (let next = 0; next < calls.length; ) next += await this.#transaction(calls.slice(next), committed);
  }

  close(): void {
    this.#db.close();
  }

  /** Runs a beginning of the calls as one transaction; gives how many. */
  async #transaction(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<number> {
    const began = performance.now();
    const ran: Ran[] = [];
    let commit: Committed;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      for (const call of calls) {
        ran.push(await this.#run(call));
        const broken = this.#broken();
        if (broken !== undefined) throw broken;
        if (performance.now() - began >= this.#limits.batchMs) break;
      }
      commit = this.#commit(ran);
    } catch (thrown) {
      // When not even BEGIN worked, the first call stands for the transaction.
      return this.#undo(calls.slice(0, Math.max(1, ran.length)), thrown, committed);
    }
    committed(commit);
    return ran.length;
  }

  #commit(ran: readonly Ran[]): Committed {
    const answers = ran.map((r) => r.answer);
    const head = ran.some((r) => r.changed) ? this.head() : undefined;
    const began = performance.now();
    this.#db.exec('COMMIT');
    return { answers, head, commitMs: performance.now() - began };
  }

  /** The transaction of these calls cannot be committed: nothing of it stays. Gives how many calls are answered. */
  async #undo(calls: readonly CallText[], thrown: unknown, committed: (commit: Committed) => void): Promise<number> {
    const fault = this.#broken() ?? asError(thrown, 'commit');
    const unavailable = fault.code === code.DATABASE_UNAVAILABLE;
    this.#recover(unavailable && !isFull(fault));
    if (calls.length > 1 && (isFull(fault) || !unavailable)) {
      for (const call of calls) await this.#transaction([call], committed);
    } else {
      const answers = calls.map(({ id }) => ({ kind: 'failed', id, problem: fault.problem }) as const);
      committed({ answers, head: undefined, commitMs: undefined });
    }
    return calls.length;
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

  /** One call. An exception of its procedure becomes its answer, and what it did is undone. */
  async #run(call: CallText): Promise<Ran> {
    this.#db.exec('SAVEPOINT call');
    const tx = new SqliteTx(this.#db, wall(call.now));
    try {
      const procedure = this.#registry.procedures.get(call.procedure);
      if (procedure === undefined) return fail(code.UNKNOWN_COMMAND, `there is no procedure ${call.procedure}`);
      const value = await this.#inTime(call.procedure, procedure(tx, JSON.parse(call.input) as never));
      const output = JSON.stringify(value) ?? 'null';
      tx.end();
      this.#db.exec('RELEASE call');
      return { answer: { kind: 'done', id: call.id, output }, changed: tx.changed };
    } catch (thrown) {
      tx.end();
      if (this.#broken() === undefined) {
        this.#db.exec('ROLLBACK TO call');
        this.#db.exec('RELEASE call');
      }
      return { answer: { kind: 'failed', id: call.id, problem: described(thrown, call.procedure) }, changed: false };
    }
  }

  async #inTime<T>(name: string, work: Promise<T>): Promise<T> {
    const { procedureMs } = this.#limits;
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      const words = `procedure ${name} did not end`;
      const error = new CsmError(problem(code.TIMEOUT, words, { allowed: `${procedureMs} ms` }));
      timer = setTimeout(() => reject(error), procedureMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** Why the open transaction cannot be committed, if so. */
  #broken(): CsmError | undefined {
    if (this.#db.fault !== undefined) return this.#db.fault;
    if (this.#db.inTransaction) return undefined;
    return new CsmError(problem(code.DATABASE, 'a statement ended the transaction', { allowed: 'no ROLLBACK in SQL' }));
  }
}

/** A procedure's exception as the caller gets it: a `CsmError` keeps its problem, anything else is code 25. */
function described(thrown: unknown, procedure: string): Problem {
  if (thrown instanceof CsmError) return thrown.problem;
  const { detail } = toProblem(thrown);
  return problem(code.DATABASE, detail === '' ? `procedure ${procedure} failed` : detail);
}
