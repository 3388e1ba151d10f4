/** Brings a PostgreSQL database up to the modules' newest step; what is needed stands in `../migrations.ts`. */
import { code, fail, type Wall } from '@csm/model';
import { makeRoomForChanges } from '../change-table.ts';
import { headOf } from '../group-writer.ts';
import { ALL_APPLIED, type Applied, INSERT_APPLIED, type Pending, pendingSteps } from '../migrations.ts';
import type { StoreModule } from '../module.ts';
import type { Connection } from './connection.ts';

export const TABLE = `CREATE TABLE IF NOT EXISTS schema_migration (
  module TEXT NOT NULL, id BIGINT NOT NULL, title TEXT NOT NULL, time BIGINT NOT NULL, checksum TEXT NOT NULL,
  PRIMARY KEY (module, id)
)`;

/** Throws code 24 naming module and id when the database is newer. Changes nothing. */
export async function checkFits(db: Connection, modules: readonly StoreModule[]): Promise<void> {
  pendingSteps((await applied(db)) ?? [], modules, 'postgresql');
}

/** Throws code 24 naming module and id when the database is newer, or a step fails. */
export async function migrate(db: Connection, modules: readonly StoreModule[], now: Wall): Promise<void> {
  const done = await applied(db);
  const pending = pendingSteps(done ?? [], modules, 'postgresql');
  if (done === undefined) await db.exec(TABLE);
  for (const step of pending) await apply(db, step, now);
  await makeRoom(db);
}

/** The partitions of the next changes, whatever was put there by other ways. All or none: one half made is in the way. */
async function makeRoom(db: Connection): Promise<void> {
  try {
    await db.exec('BEGIN; SET LOCAL statement_timeout = 0');
    await makeRoomForChanges(db, await headOf(db));
    await db.commit();
  } catch (thrown) {
    await db.rollback().catch(() => {});
    throw thrown;
  }
}

/** Undefined for a database that has none of our tables. */
async function applied(db: Connection): Promise<Applied[] | undefined> {
  const found = await db.get(`SELECT to_regclass('schema_migration') IS NOT NULL AS found`);
  return found?.['found'] === 1 ? ((await db.all(ALL_APPLIED)) as unknown as Applied[]) : undefined;
}

async function apply(db: Connection, { module, step, text, checksum, what }: Pending, now: Wall): Promise<void> {
  try {
    // A step over a large table takes its time.
    await db.exec('BEGIN; SET LOCAL statement_timeout = 0');
    await db.exec(text, true);
    if (!db.inTransaction) fail(code.DATABASE_UNAVAILABLE, `${what} ended its own transaction`, { field: module });
    await db.run(INSERT_APPLIED, [module, step.id, step.title, now, checksum]);
    await db.commit();
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    await db.rollback().catch(() => {});
    fail(code.DATABASE_UNAVAILABLE, `${what} failed and was undone: ${message}`, { field: module });
  }
}
