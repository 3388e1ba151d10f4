/**
 * Migrations only go forward. Each runs in a transaction of its own together with its row in `schema_migration`, so
 * that a crash leaves whole steps. A database that knows a step this build does not know, or knows it with other
 * text, was written by another build and is refused before anything is changed.
 */
import { createHash } from 'node:crypto';
import { code, fail, type Wall } from '@csm/model';
import type { Migration, StoreModule } from '../module.ts';
import type { Connection } from './connection.ts';

const TABLE = `CREATE TABLE IF NOT EXISTS schema_migration (
  module TEXT NOT NULL, id INTEGER NOT NULL, title TEXT NOT NULL, time INTEGER NOT NULL, checksum TEXT NOT NULL,
  PRIMARY KEY (module, id)
) STRICT`;

interface Applied {
  readonly module: string;
  readonly id: number;
  readonly title: string;
  readonly checksum: string;
}

/** Brings the database up to the modules' newest step. Throws code 24 naming module and id when it is newer. */
export function migrate(db: Connection, modules: readonly StoreModule[], now: Wall): void {
  const exists = db.get(`SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'schema_migration'`);
  const applied =
    exists === undefined ? [] : (db.all('SELECT * FROM schema_migration ORDER BY module, id') as Applied[]);
  for (const row of applied) checkApplied(row, modules);
  if (exists === undefined) db.exec(TABLE);
  const done = new Set(applied.map((row) => `${row.module} ${row.id}`));
  for (const module of modules) {
    for (const step of module.migrations) {
      if (!done.has(`${module.name} ${step.id}`)) apply(db, module.name, step, now);
    }
  }
}

function checkApplied(row: Applied, modules: readonly StoreModule[]): void {
  const module = modules.find((m) => m.name === row.module);
  const step = module?.migrations[row.id - 1];
  const what = `migration ${row.id} (${row.title}) of module ${row.module}`;
  if (module === undefined) {
    fail(code.DATABASE_UNAVAILABLE, `the database has ${what}, a module this build does not have`, {
      field: row.module,
      allowed: `modules ${modules.map((m) => m.name).join(', ')}`,
    });
  }
  if (step === undefined) {
    fail(code.DATABASE_UNAVAILABLE, `the database is newer than this build: it has ${what}`, {
      field: row.module,
      allowed: `migrations up to ${module.migrations.length}`,
    });
  }
  if (row.checksum !== checksum(step)) {
    fail(code.DATABASE_UNAVAILABLE, `the database was made by another build: its ${what} has another text`, {
      field: row.module,
      allowed: `the text with checksum ${checksum(step)}`,
    });
  }
}

function apply(db: Connection, module: string, step: Migration, now: Wall): void {
  const what = `migration ${step.id} (${step.title}) of module ${module}`;
  // SQLite's own procedure for changing tables: foreign keys are off meanwhile and checked before the commit.
  db.exec('PRAGMA foreign_keys = OFF');
  try {
    db.exec('BEGIN IMMEDIATE');
    db.exec(text(step));
    if (!db.inTransaction) fail(code.DATABASE_UNAVAILABLE, `${what} ended its own transaction`, { field: module });
    const orphan = db.get('SELECT "table" AS child, parent FROM pragma_foreign_key_check LIMIT 1') as
      | { readonly child: string; readonly parent: string }
      | undefined;
    if (orphan !== undefined) fail(code.DATABASE, `rows of ${orphan.child} point to no row of ${orphan.parent}`);
    db.run('INSERT INTO schema_migration (module, id, title, time, checksum) VALUES ($1, $2, $3, $4, $5)', [
      module,
      step.id,
      step.title,
      now,
      checksum(step),
    ]);
    db.exec('COMMIT');
  } catch (thrown) {
    db.rollback();
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    fail(code.DATABASE_UNAVAILABLE, `${what} failed and was undone: ${message}`, { field: module });
  } finally {
    db.exec('PRAGMA foreign_keys = ON');
  }
}

const text = (step: Migration): string => (typeof step.sql === 'string' ? step.sql : step.sql.sqlite);

/** Of the statements without their layout, so that indenting one anew changes nothing. */
export function checksum(step: Migration): string {
  return createHash('sha256').update(text(step).replace(/\s+/g, ' ').trim()).digest('hex').slice(0, 32);
}
