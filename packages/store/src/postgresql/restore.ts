/**
 * Restores a PostgreSQL database. What stands in its schema is moved to another schema of the same database, which asks
 * for no more rights than to make one; then pg_restore puts the backup in its place in one transaction. The database
 * says that it is unfinished until what pg_restore has committed is counted: the word stands in `schema_migration`, which
 * is not made anew but gets its rows. Whatever fails, the former tables are moved back. A pg_restore that has lost the
 * tool above it may commit; no master takes that, and the next restore ends it first.
 */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { code, fail, toProblem } from '@csm/model';
import { type ColumnRow, countRows, quoted, tablesOf } from '../admin/reading.ts';
import { calledOff, checkCounts, type Restored, type Restoring } from '../admin/restore.ts';
import { stamp, UNFINISHED, unfinishedRow } from '../admin/unfinished.ts';
import { ALL_APPLIED, type Applied, INSERT_APPLIED, pendingSteps } from '../migrations.ts';
import type { SqlRow } from '../module.ts';
import type { Connection } from './connection.ts';
import { TABLE } from './migrate.ts';
import { openPatient, PostgresReading, TABLES } from './postgres-reading.ts';
import { endRestores, findProgram, runProgram, serverVersion } from './programs.ts';
import { inSecretDirectory } from './secret-directory.ts';
import type { PostgresServer } from './server.ts';
import { lockForTool } from './tool-lock.ts';

const LIST_MAX = 64 * 1024 * 1024;

/** All that stands in a schema by itself, as the words that move it; the name of the other schema follows them. */
const OBJECTS = `
  SELECT 'ALTER TABLE ' || CAST(c.oid AS regclass) || ' SET SCHEMA ' AS words FROM pg_class c
    WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p')
  UNION ALL SELECT 'ALTER VIEW ' || CAST(c.oid AS regclass) || ' SET SCHEMA ' FROM pg_class c
    WHERE c.relnamespace = $1 AND c.relkind = 'v'
  UNION ALL SELECT 'ALTER ROUTINE ' || CAST(p.oid AS regprocedure) || ' SET SCHEMA ' FROM pg_proc p
    WHERE p.pronamespace = $1 AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`;

export async function restorePostgres(server: PostgresServer, restoring: Restoring): Promise<Restored> {
  const db = await openPatient(server, { name: 'csm db restore' });
  try {
    await lockForTool(db, server.database);
    await endRestores(db);
    return await restoreInto(db, server, restoring);
  } finally {
    await db.close();
  }
}

async function restoreInto(db: Connection, server: PostgresServer, restoring: Restoring): Promise<Restored> {
  const { run, backup, clock, signal, tell } = restoring;
  const { major } = await serverVersion(db);
  const program = await findProgram('pg_restore', major, run);
  const list = await runProgram([program, '-l', backup], server, { run, signal, maxOutput: LIST_MAX });
  const schema = String((await db.ask('SELECT current_schema() AS name'))[0]?.['name']);
  if (!list.includes(` TABLE ${schema} schema_migration `)) {
    fail(code.INVALID_PARAMETER, `${backup} holds no tables of schema ${schema}`, {
      field: 'file',
      allowed: `a backup of a database whose tables stand in schema ${schema}`,
    });
  }
  const here = await termOf(db, 'leader');
  const aside = await putAside(db, schema, backup, clock());
  const term = Math.max(here, aside === undefined ? 0 : await termOf(db, `${quoted(aside)}.leader`));
  if (aside !== undefined) tell(`the former tables are in schema ${aside}`);
  let tables: Readonly<Record<string, number>>;
  try {
    await load(program, server, restoring, { list, schema });
    tables = await finish(db, restoring, term);
  } catch (thrown) {
    await endRestores(db)
      .then(() => putBack(db, schema, aside))
      .catch((error: unknown) => {
        tell(`the former tables could not be put back: ${toProblem(error).detail}; begin the restore anew`);
      });
    throw thrown;
  }
  await db.exec('ANALYZE', true).catch((error: unknown) => tell(`ANALYZE failed: ${toProblem(error).detail}`));
  return { aside: aside === undefined ? undefined : `schema ${aside} of database ${server.database}`, tables };
}

interface Listed {
  /** What `pg_restore -l` tells. */
  readonly list: string;
  readonly schema: string;
}

async function load(
  program: string,
  server: PostgresServer,
  { run, signal, backup }: Restoring,
  { list, schema }: Listed,
): Promise<void> {
  await inSecretDirectory(async (directory) => {
    // The schema itself is there, and may not be ours to make; the table that says what is unfinished stays.
    const marked = ['TABLE', 'CONSTRAINT'].map((what) => ` ${what} ${schema} schema_migration `);
    const wanted = list
      .split('\n')
      .filter((line) => !/^\d+; \d+ \d+ (?:SCHEMA|COMMENT|ACL) - /.test(line))
      .filter((line) => !marked.some((words) => line.includes(words)));
    const file = join(directory, 'list');
    await writeFile(file, wanted.join('\n'), { mode: 0o600 });
    const argv = [program, '-1', '--clean', '--if-exists', '--no-owner', '--no-privileges', '-w', '-L', file];
    await runProgram([...argv, '-d', server.database, backup], server, { run, signal });
  });
}

/** From here on a master may use it: everything that was loaded is there, under a term that nobody has seen yet. */
async function finish(
  db: Connection,
  { manifest, modules, signal }: Restoring,
  former: number,
): Promise<Readonly<Record<string, number>>> {
  await db.exec('BEGIN');
  try {
    await db.run('DELETE FROM schema_migration WHERE module = $1', [UNFINISHED]);
    pendingSteps((await db.all(ALL_APPLIED)) as unknown as Applied[], modules, 'postgresql');
    const tables = await countRows(PostgresReading.on(db));
    checkCounts(manifest, tables);
    const term = Math.max(former, await termOf(db, 'leader')) + 1;
    if (tables['leader'] !== undefined) await db.run('UPDATE leader SET term = $1', [term]);
    if (signal?.aborted === true) throw calledOff();
    await db.commit();
    return tables;
  } catch (thrown) {
    await db.rollback().catch(() => {});
    throw thrown;
  }
}

async function termOf(db: Connection, table: string): Promise<number> {
  const found = await db.get('SELECT to_regclass($1) IS NOT NULL AS found', [table]);
  if (found?.['found'] !== 1) return 0;
  return Number((await db.get(`SELECT coalesce(max(term), 0) AS term FROM ${table}`))?.['term'] ?? 0);
}

/** Moves what stands in the schema, and says that it is unfinished. Undefined when there was nothing. */
async function putAside(db: Connection, schema: string, backup: string, now: number): Promise<string | undefined> {
  const name = `before_${stamp(now).toLowerCase()}`;
  await db.exec('BEGIN');
  try {
    const former = await unfinished(db);
    // What an unfinished one left here is nothing of worth: the tables from before it are aside already.
    if (former !== undefined) await clear(db, schema);
    const objects = await objectsOf(db, schema);
    if (objects.length > 0) {
      await db.exec(`CREATE SCHEMA ${quoted(name)}`);
      for (const words of objects) await db.exec(words + quoted(name));
    }
    const aside = objects.length > 0 ? name : (former ?? '');
    await db.exec(TABLE);
    await db.run(INSERT_APPLIED, [...unfinishedRow(`a restore of ${backup}`, now, aside)]);
    await db.commit();
    return aside === '' ? undefined : aside;
  } catch (thrown) {
    await db.rollback().catch(() => {});
    throw thrown;
  }
}

async function putBack(db: Connection, schema: string, aside: string | undefined): Promise<void> {
  await db.exec('BEGIN');
  await clear(db, schema);
  if (aside !== undefined) {
    for (const words of await objectsOf(db, aside)) await db.exec(words + quoted(schema));
    await db.exec(`DROP SCHEMA ${quoted(aside)}`);
  }
  await db.commit();
}

/** Where a restore or copy that has not ended has put what was here, '' when that was nothing; undefined without one. */
export async function unfinished(db: Connection): Promise<string | undefined> {
  const [found] = await db.ask(`SELECT to_regclass('schema_migration') IS NOT NULL AS found`);
  if (found?.['found'] !== 1) return undefined;
  const row = await db.get('SELECT checksum FROM schema_migration WHERE module = $1', [UNFINISHED]);
  return row === undefined ? undefined : String(row['checksum']);
}

/** Removes all tables and routines of a schema. */
export async function clear(db: Connection, schema: string): Promise<void> {
  for (const { name } of tablesOf((await db.ask(TABLES)) as unknown as ColumnRow[])) {
    await db.exec(`DROP TABLE IF EXISTS ${quoted(schema)}.${quoted(name)} CASCADE`);
  }
  for (const words of await objectsOf(db, schema)) {
    const routine = /^ALTER ROUTINE (.*) SET SCHEMA $/.exec(words)?.[1];
    if (routine !== undefined) await db.exec(`DROP ROUTINE ${routine}`);
  }
}

async function objectsOf(db: Connection, schema: string): Promise<string[]> {
  const [row] = (await db.all('SELECT oid FROM pg_namespace WHERE nspname = $1', [schema])) as SqlRow[];
  if (row === undefined) return [];
  const objects = (await db.all({ sqlite: '', postgresql: OBJECTS }, [row['oid'] ?? 0])) as SqlRow[];
  return objects.map(({ words }) => String(words));
}
