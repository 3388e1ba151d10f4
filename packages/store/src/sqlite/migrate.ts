/** Brings a SQLite file up to the modules' newest step; what is needed stands in `../migrations.ts`. */
import { code, fail, type Wall } from '@csm/model';
import { ALL_APPLIED, type Applied, INSERT_APPLIED, type Pending, pendingSteps } from '../migrations.ts';
import type { StoreModule } from '../module.ts';
import type { Connection } from './connection.ts';

const TABLE = `CREATE TABLE IF NOT EXISTS schema_migration (
  module TEXT NOT NULL, id INTEGER NOT NULL, title TEXT NOT NULL, time INTEGER NOT NULL, checksum TEXT NOT NULL,
  PRIMARY KEY (module, id)
) STRICT`;

/** Throws code 24 naming module and id when the database is newer, or a step fails. */
export function migrate(db: Connection, modules: readonly StoreModule[], now: Wall): void {
  const exists = db.get(`SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'`);
  const applied = exists === undefined ? [] : (db.all(ALL_APPLIED) as Applied[]);
  const pending = pendingSteps(applied, modules, 'sqlite');
  if (exists === undefined) db.exec(TABLE);
  for (const step of pending) apply(db, step, now);
}

function apply(db: Connection, { module, step, text, checksum, what }: Pending, now: Wall): void {
  // SQLite's own procedure for changing tables: foreign keys are off meanwhile and checked before the commit.
  db.exec('PRAGMA foreign_keys = OFF');
  try {
    db.exec('BEGIN IMMEDIATE');
    db.exec(text);
    if (!db.inTransaction) fail(code.DATABASE_UNAVAILABLE, `${what} ended its own transaction`, { field: module });
    const orphan = db.get('SELECT "table" AS child, parent FROM pragma_foreign_key_check LIMIT 1') as
      | { readonly child: string; readonly parent: string }
      | undefined;
    if (orphan !== undefined) fail(code.DATABASE, `rows of ${orphan.child} point to no row of ${orphan.parent}`);
    db.run(INSERT_APPLIED, [module, step.id, step.title, now, checksum]);
    db.exec('COMMIT');
  } catch (thrown) {
    db.rollback();
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    fail(code.DATABASE_UNAVAILABLE, `${what} failed and was undone: ${message}`, { field: module });
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}
