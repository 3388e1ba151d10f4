/**
 * Restores a PostgreSQL database. What stands in its schema is moved to another schema of the same database, which asks
 * for no more rights than to make one; then pg_restore puts the backup in its place in one transaction. Between the two
 * the database says that it is unfinished. Whatever fails, the former tables are moved back.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { code, fail } from '@csm/model';
import { type ColumnRow, countRows, quoted, tablesOf } from '../admin/reading.ts';
import { checkCounts, type Restored, type Restoring } from '../admin/restore.ts';
import { stamp, UNFINISHED, unfinishedRow } from '../admin/unfinished.ts';
import { ALL_APPLIED, type Applied, INSERT_APPLIED, pendingSteps } from '../migrations.ts';
import type { SqlRow } from '../module.ts';
import type { Connection } from './connection.ts';
import { TABLE } from './migrate.ts';
import { openPatient, PostgresReading, TABLES } from './postgres-reading.ts';
import { findProgram, runProgram, serverVersion } from './programs.ts';
import type { PostgresServer } from './server.ts';
import { lockForTool } from './tool-lock.ts';

const LIST_MAX = 64 * 1024 * 1024;

/** All that stands in a schema by itself, as the words that move it, `%s` being the other schema. */
const OBJECTS = `
  SELECT 'ALTER TABLE ' || CAST(c.oid AS regclass) || ' SET SCHEMA ' AS words FROM pg_class c
    WHERE c.relnamespace = $1 AND c.relkind IN ('r', 'p')
  UNION ALL SELECT 'ALTER VIEW ' || CAST(c.oid AS regclass) || ' SET SCHEMA ' FROM pg_class c
    WHERE c.relnamespace = $1 AND c.relkind = 'v'
  UNION ALL SELECT 'ALTER ROUTINE ' || CAST(p.oid AS regprocedure) || ' SET SCHEMA ' FROM pg_proc p
    WHERE p.pronamespace = $1 AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')`;

export async function restorePostgres(server: PostgresServer, restoring: Restoring): Promise<Restored> {
  const db = await openPatient(server, 'csm db restore', false);
  try {
    await lockForTool(db, server.database);
    return await restoreInto(db, server, restoring);
  } finally {
    await db.close();
  }
}

async function restoreInto(db: Connection, server: PostgresServer, restoring: Restoring): Promise<Restored> {
  const { run, backup, manifest, modules, clock, tell } = restoring;
  const { major } = await serverVersion(db);
  const program = await findProgram('pg_restore', major, run);
  const list = await runProgram([program, '-l', backup], server, { run, maxOutput: LIST_MAX });
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
  try {
    await load(program, server, restoring, list);
    const applied = (await db.all(ALL_APPLIED)) as unknown as Applied[];
    pendingSteps(applied, modules, 'postgresql');
    await db.run('UPDATE leader SET term = $1 WHERE term < $1', [term]);
    const reading = await PostgresReading.open(server);
    try {
      const tables = await countRows(reading);
      checkCounts(manifest, tables);
      await db.exec('ANALYZE', true);
      return { aside: aside === undefined ? undefined : `schema ${aside} of database ${server.database}`, tables };
    } finally {
      await reading.close();
    }
  } catch (thrown) {
    await putBack(db, schema, aside);
    throw thrown;
  }
}

async function load(program: string, server: PostgresServer, { run, backup }: Restoring, list: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'csm-pg-'));
  try {
    // The schema itself is there, and may not be ours to make.
    const wanted = list.split('\n').filter((line) => !/^\d+; \d+ \d+ (?:SCHEMA|COMMENT|ACL) - /.test(line));
    const file = join(directory, 'list');
    await writeFile(file, wanted.join('\n'), { mode: 0o600 });
    const argv = [program, '-1', '--clean', '--if-exists', '--no-owner', '--no-privileges', '-w', '-L', file];
    await runProgram([...argv, '-d', server.database, backup], server, { run });
  } finally {
    await rm(directory, { recursive: true, force: true });
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
