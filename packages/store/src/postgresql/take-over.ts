/**
 * From the lock to the pen: opens the writer's connection, ends what an older leader has left open, brings the tables up
 * to date, and begins a term; or, for a leader that comes back, finds that its own is still the newest.
 */
import { type CsmError, type Wall, wall } from '@csm/model';
import type { Registry } from '../core.ts';
import { headOf } from '../group-writer.ts';
import type { StoreLimits } from '../store.ts';
import { Connection } from './connection.ts';
import { asAway } from './errors.ts';
import { CONNECT_MS, type Lease, lostWhile } from './lease.ts';
import { migrate } from './migrate.ts';
import { closeTerm, deposed, openTerm, raise, readLeader } from './reign.ts';
import type { PostgresServer } from './server.ts';
import { checkServer, configure, sessionName } from './session.ts';

export interface WriterOptions {
  readonly server: PostgresServer;
  readonly registry: Registry;
  readonly limits: StoreLimits;
  /** Milliseconds. */
  readonly lease: number;
  readonly master: string;
  /** Of this process. */
  readonly session: string;
  readonly clock: () => Wall;
}

/** How much later than the server's own timeout a statement is given up, ms. */
export const GRACE_MS = 2_000;

export type TakenOver =
  | { readonly kind: 'leads'; readonly db: Connection; readonly term: number; readonly head: number }
  | { readonly kind: 'deposed'; readonly why: CsmError };

/** `mine`: the term this process has led under before. Rejects with code 24. */
export async function takeOver(options: WriterOptions, lease: Lease, mine?: number): Promise<TakenOver> {
  const { server, registry, clock } = options;
  const statementMs = options.limits.procedureMs;
  const name = sessionName('writer');
  const db = await Connection.open({ server, name, connectMs: CONNECT_MS, answerMs: statementMs + GRACE_MS });
  // A long migration is not to go on under a lock that others may have by now.
  void lease.db.ended.then((why) => db.cut(why));
  try {
    await checkServer(db, server);
    await configure(db, { statementMs, readOnly: false });
    await closeTerm(db, lease.backend);
    if (mine === undefined) await migrate(db, registry.modules, wall(clock()));
    const term = mine ?? (await begin(db, options, lease));
    const found = (await readLeader(db)) ?? { term: 0, session: '' };
    await openTerm(db);
    if (found.term !== term || found.session !== options.session) {
      await db.close();
      return { kind: 'deposed', why: deposed(term, found.term) };
    }
    return { kind: 'leads', db, term, head: await headOf(db) };
  } catch (thrown) {
    await db.close();
    throw asAway(thrown, 'taking over');
  }
}

async function begin(db: Connection, options: WriterOptions, lease: Lease): Promise<number> {
  const { master, session, clock, lease: ms } = options;
  const term = await raise(db, { master, session, since: wall(clock()), lease: ms }, lease.backend);
  if (term === undefined) throw lostWhile('taking over');
  return term;
}
