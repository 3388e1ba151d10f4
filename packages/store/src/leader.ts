/**
 * Who leads. Each master that opens the database begins a term, a number that only rises; what is written is written
 * under it. On SQLite the lock of the file keeps a second master away; on PostgreSQL the term does, too.
 */
import type { Wall } from '@csm/model';

/** The one row of table `leader`. */
export interface Leader {
  readonly term: number;
  /** Name of its node. */
  readonly master: string;
  /** Made anew by each process that leads. */
  readonly session: string;
  /** When it began to lead. */
  readonly since: Wall;
  /** Milliseconds without a renewal after which it leads no more; 0 where there is no lease. */
  readonly lease: number;
}

export const LEADER = 'SELECT term, master, session, since, lease FROM leader WHERE id = 1';

/** Begins a term for `(master, session, since, lease)`, if the condition holds; gives its number. */
export const raiseIf = (condition: string): string => `
  INSERT INTO leader (id, term, master, session, since, lease) SELECT 1, 1, $1, $2, $3, $4 WHERE ${condition}
  ON CONFLICT (id) DO UPDATE SET term = leader.term + 1, master = excluded.master, session = excluded.session,
    since = excluded.since, lease = excluded.lease
  RETURNING term`;

export const RAISE: string = raiseIf('true');
