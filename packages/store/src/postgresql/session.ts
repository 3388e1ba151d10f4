/**
 * What makes a connection fit to write: it reaches PostgreSQL itself, on a primary, in a database whose text compares
 * as SQLite's does; and its timeouts are ours.
 */
import { hostname } from 'node:os';
import { code, fail } from '@csm/model';
import type { Connection } from './connection.ts';
import type { PostgresServer } from './server.ts';

/** How long a server may leave a transaction open in which nothing is asked, beyond the time of a procedure. */
const IDLE_EXTRA_MS = 5_000;

/** The first that ends a session for being idle, which is what a lease is made of. */
const OLDEST_VERSION = 14;

/** A process of the server. `started` tells apart two that were given one pid, ms. */
export interface Backend {
  readonly pid: number;
  readonly started: number;
  readonly words: string;
}

/** At most 63 characters, of which the host's may be cut. */
export const sessionName = (part: 'lease' | 'writer' | 'reader'): string =>
  `csm ${part}, pid ${process.pid} on ${hostname()}`.slice(0, 63);

const SERVER = `
  SELECT pg_backend_pid() AS pid, pg_is_in_recovery() AS recovery, pg_encoding_to_char(encoding) AS encoding,
    CAST(current_setting('server_version_num') AS INTEGER) AS version,
    current_setting('synchronous_commit') AS sync, current_setting('transaction_read_only') AS read_only,
    'n-2' < 'n1' AND 'B' < 'a' AND 'z' < 'ä' AS bytes,
    (SELECT CAST(extract(epoch FROM backend_start) * 1000 AS BIGINT) FROM pg_stat_activity
      WHERE pid = pg_backend_pid()) AS started
  FROM pg_database WHERE datname = current_database()`;

/**
 * Refuses what cannot be written to, with code 24. Gives the backend that serves this connection.
 *
 * A pooler is known by the pid: PostgreSQL tells a new connection the pid of the process that serves it, a pooler
 * (PgBouncer in every mode, pgcat, Odyssey, RDS Proxy) makes one up, since it does not know yet who will. Whether it
 * pools by transaction cannot be asked and, on a quiet server, not be seen either; what a pooler is for, one writer
 * and a few readers do not need. So every pooler is refused.
 */
export async function checkServer(
  db: Connection,
  { database }: PostgresServer,
  { readOnly }: { readonly readOnly: boolean } = { readOnly: false },
): Promise<Backend> {
  const [row] = (await db.ask(SERVER)) as unknown as readonly {
    readonly pid: number;
    readonly started: number | null;
    readonly version: number;
    readonly recovery: number;
    readonly encoding: string;
    readonly bytes: number;
    readonly sync: string;
    readonly read_only: string;
  }[];
  if (row === undefined) return refuse(`${database} does not tell what it is`, 'PostgreSQL');
  if (row.pid !== db.announcedPid) {
    refuse(
      `${database} is reached through a connection pooler such as PgBouncer (the server process is ${row.pid}, the other side says ${db.announcedPid}); with pooling by transaction each one may run in another session, and the lock by which one master leads would not hold`,
      'the address of PostgreSQL itself',
    );
  }
  if (row.version < OLDEST_VERSION * 10_000) {
    refuse(`${database} is served by PostgreSQL ${Math.floor(row.version / 10_000)}`, `${OLDEST_VERSION} and later`);
  }
  if (row.recovery !== 0) refuse(`${database} is a standby of PostgreSQL, which takes no changes`, 'the primary');
  if (!readOnly && row.read_only === 'on') {
    refuse(`${database} takes no changes: its sessions are read-only`, 'default_transaction_read_only off');
  }
  if (row.encoding !== 'UTF8') refuse(`the encoding of ${database} is ${row.encoding}`, 'UTF8');
  if (row.bytes !== 1) {
    refuse(
      `the collation of ${database} does not compare text by its bytes`,
      'a database made with createdb -T template0 -E UTF8 -l C',
    );
  }
  // A commit that is acknowledged must be on the disk; stronger settings are the admin's.
  if (row.sync === 'off') await db.exec('SET synchronous_commit = on');
  return { pid: row.pid, started: row.started ?? 0, words: '' };
}

/** The bounds the server itself keeps, the one for locks the sooner since it says more; and the forms of text the row mapper reads. */
export async function configure(
  db: Connection,
  { statementMs, readOnly }: { readonly statementMs: number; readonly readOnly: boolean },
): Promise<void> {
  await db.exec(
    `SET statement_timeout = ${statementMs}; SET lock_timeout = ${Math.ceil(statementMs / 2)};
     SET idle_in_transaction_session_timeout = ${statementMs + IDLE_EXTRA_MS};
     SET client_min_messages = error; SET bytea_output = hex; SET extra_float_digits = 1;
     SET standard_conforming_strings = on; SET TimeZone = 'UTC'; SET DateStyle = 'ISO';
     SET default_transaction_isolation = 'read committed'; SET jit = off;
     SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3;
     ${readOnly ? 'SET default_transaction_read_only = on;' : ''}`,
  );
}

const refuse = (detail: string, allowed: string): never =>
  fail(code.DATABASE_UNAVAILABLE, `the database ${detail}`, { field: 'database', allowed });
