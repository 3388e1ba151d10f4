/**
 * One connection to PostgreSQL. Statements run one after another; each must be answered within `answerMs`, else the
 * server or the way to it is taken for dead and the connection is cut. A fault of the database itself is remembered
 * in `fault`, so that a procedure that catches it cannot make a half-done transaction look whole.
 */
import { Socket } from 'node:net';
import { CsmError, code, fail, problem } from '@csm/model';
import { Client, type Submittable } from 'pg';
import type { WriterConnection } from '../group-writer.ts';
import type { Insert } from '../insert.ts';
import type { Sql, SqlRow, SqlValue } from '../module.ts';
import { checkValues, excerpt, textFor } from '../sql.ts';
import { columnsOf } from './arrays.ts';
import { asError, isFatal, stateOf } from './errors.ts';
import { PreparedStatements } from './prepared.ts';
import { deposed, HOLD_TERM, leaveMark } from './reign.ts';
import type { PostgresServer } from './server.ts';
import { type Bounds, type Outcome, Statement, type StatementPlan } from './statement.ts';
import { encoded } from './values.ts';

export interface ConnectionOptions {
  readonly server: PostgresServer;
  /** Shown by the server in pg_stat_activity. */
  readonly name: string;
  readonly connectMs: number;
  /** Milliseconds until an unanswered statement ends the connection. The server's own timeout must come first. */
  readonly answerMs: number;
  /** Ends the connecting; of no more effect afterwards. Its reason is what it fails with. */
  readonly signal?: AbortSignal;
}

/** Milliseconds between probes of an idle connection: one that was cut without a word is noticed. */
const KEEPALIVE_MS = 10_000;
/** How long a goodbye may take. */
const CLOSE_MS = 1_000;

/** A plan that no longer fits its tables, or that the server does not know: the next try prepares it anew. */
const STALE = new Set(['0A000', '26000']);

/** Commands after which a COMMIT has something to lose. */
const CHANGING = new Set(['INSERT', 'UPDATE', 'DELETE', 'MERGE']);

/** Under what a connection writes. */
export interface Reign {
  readonly term: number;
  /** Of the process that began it: a database that was put back may give a number twice. */
  readonly session: string;
  /** Rises with each transaction of the process. */
  nextMark(): number;
}

export class Connection implements WriterConnection {
  /** Resolves with the reason once it has ended, however it did. */
  readonly ended: Promise<CsmError>;
  readonly #client: Client;
  readonly #socket: Socket;
  readonly #answerMs: number;
  readonly #prepared = new PreparedStatements();
  #watchdog: NodeJS.Timeout | undefined;
  #end: (why: CsmError) => void = () => {};
  #gone: CsmError | undefined;
  #fault: CsmError | undefined;
  #last: Promise<unknown> = Promise.resolve();
  #reign: Reign | undefined;
  #wrote = false;
  #unanswered: number | undefined;
  #deposed: CsmError | undefined;
  #waiting = 0;

  private constructor(client: Client, socket: Socket, answerMs: number) {
    this.#client = client;
    this.#socket = socket;
    this.#answerMs = answerMs;
    this.ended = new Promise((resolve) => {
      this.#end = resolve;
    });
    client.on('error', (error) => this.#lost(asError(error, 'waiting')));
    client.on('end', () => this.#lost(gone('the connection to the database has ended')));
  }

  /** Rejects with code 24. */
  static async open({ server, name, connectMs, answerMs, signal }: ConnectionOptions): Promise<Connection> {
    const socket = new Socket();
    const { host, port, database, user, password, tls } = server;
    const client = new Client({
      host,
      port,
      database,
      user,
      ...(password === undefined ? {} : { password }),
      ssl: tls ?? false,
      application_name: name,
      connectionTimeoutMillis: connectMs,
      keepAlive: true,
      keepAliveInitialDelayMillis: KEEPALIVE_MS,
      stream: () => socket,
    });
    const connection = new Connection(client, socket, answerMs);
    const end = (): void => void socket.destroy(signal?.reason as Error);
    signal?.throwIfAborted();
    signal?.addEventListener('abort', end);
    try {
      await client.connect();
      signal?.throwIfAborted();
    } catch (thrown) {
      socket.destroy();
      signal?.throwIfAborted();
      throw unreachable(server, asError(thrown, 'connecting'));
    } finally {
      signal?.removeEventListener('abort', end);
    }
    return connection;
  }

  /** The process id the other side named at the connecting: the server's, or what a pooler made up. */
  get announcedPid(): number {
    return (this.#client as unknown as { readonly processID: number | null }).processID ?? 0;
  }

  /** Why nothing more can be done on it. */
  get gone(): CsmError | undefined {
    return this.#gone;
  }

  /** A connection lost between two statements is a fault, too: nothing was thrown then. */
  get fault(): CsmError | undefined {
    return this.#fault ?? this.#gone;
  }

  get inTransaction(): boolean {
    return this.#gone === undefined && this.#client.getTransactionStatus() !== 'I';
  }

  async all(sql: Sql, params?: readonly SqlValue[]): Promise<SqlRow[]> {
    return (await this.#extended(sql, params)).rows;
  }

  async get(sql: Sql, params?: readonly SqlValue[]): Promise<SqlRow | undefined> {
    return (await this.#extended(sql, params)).rows[0];
  }

  async run(sql: Sql, params?: readonly SqlValue[]): Promise<{ readonly changes: number }> {
    const { changes } = await this.#extended(sql, params);
    return { changes };
  }

  /** One statement, in which each column is one array. */
  async insert(insert: Insert): Promise<{ readonly changes: number }> {
    const { text, types, values } = columnsOf(insert);
    const prepared = this.#prepared.typed(text, types);
    const { changes } = await this.#send({ text, prepared, values, forget: this.#prepared.takeForgotten() });
    return { changes };
  }

  /** Rows of a query within bounds: code 30 when it gives too much, 5 when it takes too long. */
  async read(sql: Sql, params: readonly SqlValue[], bounds: Bounds): Promise<SqlRow[]> {
    return (await this.#extended(sql, params, bounds)).rows;
  }

  /** Rows of a text without values, for which nothing is prepared: fit for whatever is on the other side. */
  async ask(sql: string): Promise<SqlRow[]> {
    return (await this.#send({ text: sql })).rows;
  }

  async exec(sql: string, patient = false): Promise<void> {
    await this.#send({ text: sql }, patient);
  }

  /** From here on each transaction is begun under this term. */
  reign(reign: Reign): void {
    this.#reign = reign;
  }

  /** Set when a transaction was refused because another term has begun. */
  get deposed(): CsmError | undefined {
    return this.#deposed;
  }

  /** The mark of a COMMIT that nobody has answered: it is in the database if the COMMIT was carried out. */
  get unanswered(): number | undefined {
    return this.#unanswered;
  }

  async begin(): Promise<void> {
    this.#fault = undefined;
    this.#wrote = false;
    const reign = this.#reign;
    if (reign === undefined) return this.exec('BEGIN; SAVEPOINT call');
    // The lock is held to the end of the transaction, so that no term can begin between this look and the commit.
    const { rows } = await this.#send({ text: `BEGIN; ${HOLD_TERM}; SAVEPOINT call` });
    const found = Number(rows[0]?.['term'] ?? 0);
    if (found === reign.term && rows[0]?.['session'] === reign.session) return;
    this.#deposed = deposed(reign.term, found);
    throw this.#deposed;
  }

  async commit(): Promise<void> {
    const mark = this.#reign !== undefined && this.#wrote ? this.#reign.nextMark() : undefined;
    let tag: string;
    try {
      const leave = mark === undefined ? '' : `${leaveMark(this.#reign?.term ?? 0, mark)}; `;
      ({ tag } = await this.#send({ text: `${leave}COMMIT` }));
    } catch (thrown) {
      // An error is a refusal. When the session ends instead, it may have committed before it could tell.
      const ended = this.#gone !== undefined || isFatal((thrown as CsmError).cause);
      if (!ended) throw thrown;
      this.#unanswered = mark;
      const detail = `${(thrown as CsmError).problem.detail}; whether the changes were made is not known`;
      this.#fault = new CsmError(problem(code.DATABASE_UNAVAILABLE, detail), { cause: thrown });
      throw this.#fault;
    }
    // The server answers the COMMIT of a transaction it has given up with a rollback, and no error.
    if (tag !== 'COMMIT') fail(code.DATABASE, `the database has undone the transaction, at: COMMIT (${tag})`);
  }

  /** Ends a transaction that may already be gone. */
  async rollback(): Promise<void> {
    this.#fault = undefined;
    if (this.inTransaction) await this.exec('ROLLBACK');
  }

  /** Cuts it at once: what is under way fails with this. */
  cut(why: CsmError): void {
    this.#lost(why);
    this.#socket.destroy();
  }

  /** After the last statement. The server frees its locks. */
  async close(): Promise<void> {
    this.#lost(gone('the connection to the database was closed'));
    const late = setTimeout(() => this.#socket.destroy(), CLOSE_MS);
    await this.#client.end().catch(() => {});
    clearTimeout(late);
    this.#socket.destroy();
  }

  #extended(given: Sql, params: readonly SqlValue[] = [], bounds?: Bounds): Promise<Outcome> {
    const text = textFor(given, 'postgresql');
    const common = typeof given === 'string';
    const values = checkValues(this.#prepared.translated(text, common), params, text);
    const prepared = this.#prepared.variant(text, common, values);
    const plan = { text, prepared, values: values.map(encoded), forget: this.#prepared.takeForgotten() };
    return this.#send(bounds === undefined ? plan : { ...plan, bounds });
  }

  /** Sends when the one before has been answered. */
  #send(plan: StatementPlan, patient = false): Promise<Outcome> {
    const sent = this.#waiting++ === 0 ? this.#now(plan, patient) : this.#last.then(() => this.#now(plan, patient));
    this.#last = sent.then(
      () => {},
      () => {},
    );
    return sent;
  }

  async #now(plan: StatementPlan, patient: boolean): Promise<Outcome> {
    try {
      if (this.#gone !== undefined) throw this.#gone;
      const statement = new Statement(plan);
      if (!patient) this.#watchdog = setTimeout(() => this.#silent(), this.#answerMs);
      this.#client.query(statement as unknown as Submittable);
      const outcome = await statement.done;
      this.#wrote ||= CHANGING.has(outcome.tag);
      return outcome;
    } catch (thrown) {
      if (STALE.has(stateOf(thrown) ?? '')) this.#prepared.forget(plan.text);
      const error = this.#gone ?? asError(thrown, excerpt(plan.text));
      if (error.code === code.DATABASE_UNAVAILABLE) this.#fault ??= error;
      throw error;
    } finally {
      clearTimeout(this.#watchdog);
      this.#waiting--;
    }
  }

  #silent(): void {
    this.cut(gone(`the database has not answered for ${this.#answerMs} ms`));
  }

  #lost(why: CsmError): void {
    if (this.#gone !== undefined) return;
    this.#gone = why;
    clearTimeout(this.#watchdog);
    this.#end(why);
  }
}

/** The problem with where it was: a refused connection names no address by itself when it is a unix socket. */
function unreachable({ host, port, database }: PostgresServer, error: CsmError): CsmError {
  const detail = `the database ${database} at ${host}, port ${port} cannot be opened: ${error.problem.detail}`;
  return new CsmError(problem(code.DATABASE_UNAVAILABLE, detail), { cause: error.cause });
}

const gone = (detail: string): CsmError => new CsmError(problem(code.DATABASE_UNAVAILABLE, detail));
