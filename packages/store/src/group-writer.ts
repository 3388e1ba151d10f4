/**
 * The one writer of a database. It takes a batch of calls and runs them strictly one after another in one
 * transaction, each within its own savepoint, so that one that fails is undone alone; then one COMMIT, one sync of
 * the disk for all of them, and only then the answers.
 *
 * When the database itself fails (disk full, I/O error, connection lost), the transaction is undone and all its calls
 * fail with code 24. One exception: with the disk full and several calls in the transaction, each is tried once more
 * alone, so that a small one, or one that frees room, is not held back by a large one. So is each after a COMMIT that
 * was refused for what a call did (a deferred constraint). Then the port makes its connection usable again.
 */
import { CsmError, code, fail, type Problem, problem, toProblem, wall } from '@csm/model';
import type { Registry } from './core.ts';
import type { Answer, CallText, Committed } from './engine.ts';
import { storeFailpoint } from './failpoint.ts';
import { StoreTx, type TxConnection } from './transaction.ts';

export interface WriterConnection extends TxConnection {
  /** Begins the transaction, and its first savepoint, named `call`. */
  begin(): void | Promise<void>;
  /** Durable when it returns. Throws when nothing was committed, or, with code 24, when that is not known. */
  commit(): void | Promise<void>;
}

export interface WriterPort {
  /** The connection to write on. Throws code 24 when there is none at present. */
  connection(): WriterConnection;
  /** After a transaction that failed with this fault: undoes it, and has a usable connection again, if one can be had. */
  recover(fault: CsmError): void | Promise<void>;
  /**
   * COMMIT was not answered, and it failed with this fault. True: these answers stand if it was carried out, and will be
   * told once that is known.
   */
  undecided?(commit: Committed, fault: CsmError, committed: (commit: Committed) => void): boolean;
  /** Whether this failure means that the disk or the allowed size is full: smaller changes may still fit. */
  isFull(error: CsmError): boolean;
  /** Any exception of the driver in our words. */
  asError(thrown: unknown, doing: string): CsmError;
}

export interface GroupLimits {
  readonly batchMs: number;
  readonly procedureMs: number;
}

interface Ran {
  readonly answer: Answer;
  readonly changed: boolean;
}

const HEAD = 'SELECT coalesce(max(seq), 0) AS head FROM change';

/** The newest change; 0 when there is none. */
export async function headOf(db: Pick<TxConnection, 'get'>): Promise<number> {
  return ((await db.get(HEAD)) as { readonly head: number }).head;
}

export class GroupWriter {
  readonly #port: WriterPort;
  readonly #registry: Registry;
  readonly #limits: GroupLimits;
  readonly #pass = storeFailpoint();

  constructor(port: WriterPort, registry: Registry, limits: GroupLimits) {
    this.#port = port;
    this.#registry = registry;
    this.#limits = limits;
  }

  /** Runs all calls, in as many transactions as their time asks for. Rejects when `recover` does. */
  async write(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<void> {
    for (let next = 0; next < calls.length; ) next += await this.#transaction(calls.slice(next), committed);
  }

  /** Runs a beginning of the calls as one transaction; gives how many. */
  async #transaction(calls: readonly CallText[], committed: (commit: Committed) => void): Promise<number> {
    const began = performance.now();
    const ran: Ran[] = [];
    let db: WriterConnection | undefined;
    let commit: Committed | undefined;
    let commitMs: number;
    try {
      db = this.#port.connection();
      await db.begin();
      for (const call of calls) {
        ran.push(await this.#run(db, call));
        const broken = brokenBy(db);
        if (broken !== undefined) throw broken;
        if (performance.now() - began >= this.#limits.batchMs) break;
      }
      commit = await outcomeOf(db, ran);
      this.#pass?.('store.commit.before');
      commitMs = await commitTimed(db);
      this.#pass?.('store.commit.after');
    } catch (thrown) {
      const fault = (db === undefined ? undefined : brokenBy(db, thrown)) ?? this.#port.asError(thrown, 'commit');
      if (commit !== undefined && this.#port.undecided?.(commit, fault, committed) === true) {
        await this.#port.recover(fault);
        return ran.length;
      }
      // When not even BEGIN worked, the first call stands for the transaction.
      return this.#undo(calls.slice(0, Math.max(1, ran.length)), fault, committed);
    }
    committed({ ...commit, commitMs });
    return ran.length;
  }

  /** The transaction of these calls cannot be committed: nothing of it stays. Gives how many calls are answered. */
  async #undo(calls: readonly CallText[], fault: CsmError, committed: (commit: Committed) => void): Promise<number> {
    await this.#port.recover(fault);
    if (calls.length > 1 && (this.#port.isFull(fault) || fault.code !== code.DATABASE_UNAVAILABLE)) {
      for (const call of calls) await this.#transaction([call], committed);
    } else {
      const answers = calls.map(({ id }) => ({ kind: 'failed', id, problem: fault.problem }) as const);
      committed({ answers, head: undefined, commitMs: undefined });
    }
    return calls.length;
  }

  /** One call, in the savepoint that is open. An exception of its procedure becomes its answer; what it did is undone. */
  async #run(db: WriterConnection, call: CallText): Promise<Ran> {
    const tx = new StoreTx(db, wall(call.now));
    try {
      const procedure = this.#registry.procedures.get(call.procedure);
      if (procedure === undefined) return fail(code.UNKNOWN_COMMAND, `there is no procedure ${call.procedure}`);
      const value = await this.#inTime(call.procedure, procedure(tx, JSON.parse(call.input) as never));
      const output = JSON.stringify(value) ?? 'null';
      tx.checkWhole();
      tx.end();
      await db.exec('RELEASE call; SAVEPOINT call');
      return { answer: { kind: 'done', id: call.id, output }, changed: tx.changed };
    } catch (thrown) {
      tx.end();
      if (brokenBy(db) === undefined) await db.exec('ROLLBACK TO call');
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
}

/** What is told when the transaction is committed. */
async function outcomeOf(db: WriterConnection, ran: readonly Ran[]): Promise<Committed> {
  const head = ran.some((r) => r.changed) ? await headOf(db) : undefined;
  return { answers: ran.map((r) => r.answer), head, commitMs: undefined };
}

/** Milliseconds it took. */
async function commitTimed(db: WriterConnection): Promise<number> {
  const began = performance.now();
  await db.commit();
  return performance.now() - began;
}

/** Why the open transaction cannot be committed, if so. What was thrown meanwhile says more than that it has ended. */
function brokenBy(db: WriterConnection, thrown?: unknown): CsmError | undefined {
  if (db.fault !== undefined) return db.fault;
  if (thrown !== undefined || db.inTransaction) return undefined;
  return new CsmError(problem(code.DATABASE, 'a statement ended the transaction', { allowed: 'no ROLLBACK in SQL' }));
}

/** A procedure's exception as the caller gets it: a `CsmError` keeps its problem, anything else is code 25. */
function described(thrown: unknown, procedure: string): Problem {
  if (thrown instanceof CsmError) return thrown.problem;
  const { detail } = toProblem(thrown);
  return problem(code.DATABASE, detail === '' ? `procedure ${procedure} failed` : detail);
}
