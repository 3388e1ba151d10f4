/**
 * Which migrations a database still needs. They only go forward. Each runs in a transaction of its own together with
 * its row in `schema_migration`, so that a crash leaves whole steps. A database that knows a step this build does not
 * know, or knows it with other text, was written by another build and is refused before anything is changed.
 */
import { createHash } from 'node:crypto';
import { code, fail } from '@csm/model';
import type { Migration, StoreModule } from './module.ts';
import { type Dialect, textFor } from './sql.ts';

/** A row of `schema_migration`. */
export interface Applied {
  readonly module: string;
  readonly id: number;
  readonly title: string;
  readonly checksum: string;
}

export interface Pending {
  readonly module: string;
  readonly step: Migration;
  readonly text: string;
  readonly checksum: string;
  /** For messages. */
  readonly what: string;
}

export const ALL_APPLIED = 'SELECT module, id, title, checksum FROM schema_migration ORDER BY module, id';
export const INSERT_APPLIED =
  'INSERT INTO schema_migration (module, id, title, time, checksum) VALUES ($1, $2, $3, $4, $5)';

/** The steps that are missing, in their order. Throws code 24 naming module and id when the database is newer. */
export function pendingSteps(
  applied: readonly Applied[],
  modules: readonly StoreModule[],
  dialect: Dialect,
): readonly Pending[] {
  for (const row of applied) checkApplied(row, modules, dialect);
  const done = new Set(applied.map((row) => `${row.module} ${row.id}`));
  return modules.flatMap(({ name: module, migrations }) =>
    migrations
      .filter((step) => !done.has(`${module} ${step.id}`))
      .map((step) => ({
        module,
        step,
        text: textFor(step.sql, dialect),
        checksum: checksum(step, dialect),
        what: `migration ${step.id} (${step.title}) of module ${module}`,
      })),
  );
}

function checkApplied(row: Applied, modules: readonly StoreModule[], dialect: Dialect): void {
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
  if (row.checksum !== checksum(step, dialect)) {
    fail(code.DATABASE_UNAVAILABLE, `the database was made by another build: its ${what} has another text`, {
      field: row.module,
      allowed: `the text with checksum ${checksum(step, dialect)}`,
    });
  }
}

/** Of the statements without their layout, so that indenting one anew changes nothing. */
export function checksum(step: Migration, dialect: Dialect): string {
  const text = textFor(step.sql, dialect).replace(/\s+/g, ' ').trim();
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
