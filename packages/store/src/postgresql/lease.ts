/**
 * The leader's lock, on a connection of its own. PostgreSQL ends this session, and frees the lock, when it has heard
 * nothing for the time of the lease (`idle_session_timeout`): of a leader that is stopped or cut off as well as of one
 * that died. So it is renewed each third of that time, by the one who leads and, by trying, by those who want to.
 */
import { CsmError, code, problem } from '@csm/model';
import { Connection } from './connection.ts';
import { asAway, asError } from './errors.ts';
import { takeLock } from './reign.ts';
import type { PostgresServer } from './server.ts';
import { type Backend, checkServer, configure, sessionName } from './session.ts';

/** Milliseconds until a connection that is not made is given up. */
export const CONNECT_MS = 5_000;

export class Lease {
  readonly db: Connection;
  readonly backend: Backend;
  readonly #ms: number;
  #timer: NodeJS.Timeout | undefined;

  private constructor(db: Connection, backend: Backend, ms: number) {
    this.db = db;
    this.backend = backend;
    this.#ms = ms;
    void db.ended.then(() => clearTimeout(this.#timer));
  }

  /** A session fit to hold the lock. Rejects with code 24. */
  static async open(server: PostgresServer, ms: number): Promise<Lease> {
    // Whoever cannot renew in time has lost the lease, though he may not know it yet.
    const db = await Connection.open({ server, name: sessionName('lease'), connectMs: CONNECT_MS, answerMs: ms });
    try {
      const backend = await checkServer(db, server);
      await configure(db, { statementMs: ms, readOnly: false });
      await db.exec(`SET idle_session_timeout = ${ms}`);
      return new Lease(db, backend, ms);
    } catch (thrown) {
      await db.close();
      throw asAway(thrown, 'opening');
    }
  }

  /** Tries to take the lock; from then on it is renewed. Tells who holds it instead. Rejects with code 24. */
  async take(): Promise<Backend | undefined> {
    const holder = await takeLock(this.db);
    if (holder === undefined) this.#renewLater();
    return holder;
  }

  /** Frees the lock. */
  async close(): Promise<void> {
    clearTimeout(this.#timer);
    await this.db.close();
  }

  #renewLater(): void {
    if (this.db.gone !== undefined) return;
    this.#timer = setTimeout(() => {
      this.db.ask('SELECT 1').then(
        () => this.#renewLater(),
        (thrown: unknown) => this.db.cut(asError(thrown, 'renewing the lease')),
      );
    }, this.#ms / 3);
  }
}

export const lostWhile = (doing: string): CsmError =>
  new CsmError(problem(code.DATABASE_UNAVAILABLE, `the lease was lost while ${doing}`));
