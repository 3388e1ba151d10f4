/**
 * PostgreSQL's own programs: found, held against the server's version, and run with what they need to connect in their
 * environment. A password goes by a file that only its reader may open, never by a command line.
 */
import { existsSync, readdirSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { CsmError, code, fail, problem } from '@csm/model';
import type { RunProgram } from '../admin/run-program.ts';
import type { Connection } from './connection.ts';
import { inSecretDirectory } from './secret-directory.ts';
import type { PostgresServer } from './server.ts';

export type ProgramName = 'pg_dump' | 'pg_restore';

/** Characters of a program's output that are told. */
const TOLD = 2_000;
const DEBIAN = '/usr/lib/postgresql';

/** Where a program may be: on the path, and where Debian keeps each version's, the newest first. */
function candidates(name: ProgramName, path: string): string[] {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((a, b) => Number(b) - Number(a)) : [];
  return [...versions.map((v) => join(DEBIAN, v, 'bin')), ...path.split(':').filter((dir) => dir !== '')]
    .map((directory) => join(directory, name))
    .filter((file) => existsSync(file));
}

/** A program fit for a server of this major version. Rejects with code 17 naming what was found. */
export async function findProgram(name: ProgramName, major: number, run: RunProgram): Promise<string> {
  const found: string[] = [];
  for (const file of candidates(name, process.env['PATH'] ?? '')) {
    const { output } = await run({ argv: [file, '--version'] });
    const version = Number(/\(PostgreSQL\) (\d+)/.exec(output)?.[1]);
    if (version >= major) return file;
    found.push(`${file} is of version ${Number.isNaN(version) ? 'unknown' : version}`);
  }
  const what = found.length === 0 ? `${name} is not installed on this machine` : found.join(', ');
  return fail(code.SCRIPT_FAILURE, `${what}; the server is PostgreSQL ${major}`, {
    field: name,
    allowed: `${name} of version ${major} or later (package postgresql-client)`,
  });
}

/** The server's version as it tells it, and its major number. */
export async function serverVersion(db: Connection): Promise<{ readonly text: string; readonly major: number }> {
  const [row] = await db.ask(
    `SELECT current_setting('server_version') AS text, CAST(current_setting('server_version_num') AS INTEGER) / 10000 AS major`,
  );
  return { text: String(row?.['text']), major: Number(row?.['major']) };
}

export interface ProgramCall {
  readonly run: RunProgram;
  readonly signal?: AbortSignal | undefined;
  readonly maxOutput?: number;
}

/** Runs one of them against a server; gives what it wrote. Rejects with code 17, or 37 when the signal ended it. */
export async function runProgram(
  argv: readonly string[],
  server: PostgresServer,
  { run, signal, maxOutput }: ProgramCall,
): Promise<string> {
  return inSecretDirectory(async (directory) => {
    const env = await environment(server, directory, sessionOf(basename(argv[0] ?? '')));
    const result = await run({
      argv,
      env: { ...process.env, ...env },
      ...(signal === undefined ? {} : { signal }),
      ...(maxOutput === undefined ? {} : { maxOutput }),
    });
    if (result.aborted) throw new CsmError(problem(code.CONTEXT_LOST, `${argv[0]} was called off`));
    if (result.code !== 0 || result.notStarted !== undefined) {
      fail(code.SCRIPT_FAILURE, `${argv[0]} failed: ${(result.notStarted ?? result.output).trim().slice(0, TOLD)}`);
    }
    return result.output;
  });
}

const sessionOf = (program: string): string => `csm ${program}, pid ${process.pid}`;

/** How long sessions of a program that is gone may take to end, ms. */
const ENDING_MS = 30_000;
const PAUSE_MS = 50;
const RESTORING = `
  FROM pg_stat_activity WHERE datname = current_database() AND application_name LIKE 'csm pg\\_restore, pid %'`;

/**
 * Ends what a pg_restore has left at the server: whoever ends the program, or the tool above it, ends no session by
 * that, and one that lives on may commit. Only for who has the leader's lock. Rejects with code 24 when one stays.
 */
export async function endRestores(db: Connection): Promise<void> {
  const deadline = performance.now() + ENDING_MS;
  await db.ask(`SELECT pg_terminate_backend(pid) AS ended ${RESTORING}`);
  for (;;) {
    const [row] = await db.ask(`SELECT count(*) AS n ${RESTORING}`);
    if (Number(row?.['n'] ?? 0) === 0) return;
    if (performance.now() > deadline) {
      fail(code.DATABASE_UNAVAILABLE, 'the session of a pg_restore that was ended is still at work in the database', {
        field: 'database',
        allowed: 'to try again later, or to end the session at the server (pg_terminate_backend)',
      });
    }
    await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
  }
}

/** libpq's variables, chapter 34.15 of PostgreSQL's manual; the way to the server is that of the master itself. */
async function environment(
  server: PostgresServer,
  directory: string,
  session: string,
): Promise<Record<string, string | undefined>> {
  const { host, port, database, user, password, tls } = server;
  const env: Record<string, string | undefined> = {
    PGHOST: host,
    PGPORT: String(port),
    PGDATABASE: database,
    PGUSER: user,
    PGPASSWORD: undefined,
    PGSERVICE: undefined,
    PGOPTIONS: undefined,
    PGPASSFILE: join(directory, 'pgpass'),
    PGSSLMODE: tls === undefined ? 'disable' : 'verify-full',
    PGAPPNAME: session,
    LC_ALL: 'C',
  };
  const secret = typeof password === 'function' ? await password() : password;
  const line = secret === undefined ? '' : `*:*:*:*:${secret.replace(/[\\:]/g, '\\$&')}\n`;
  await writeFile(join(directory, 'pgpass'), line, { mode: 0o600 });
  if (tls?.ca !== undefined) {
    env['PGSSLROOTCERT'] = join(directory, 'ca.pem');
    await writeFile(join(directory, 'ca.pem'), [tls.ca].flat().map(String).join('\n'), { mode: 0o600 });
  }
  return env;
}
