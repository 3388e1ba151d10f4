/** What SQLite can say of a file, and whether its tables are those that the migrations make. */
import { wall } from '@csm/model';
import type { EngineLook, Seen } from '../admin/check.ts';
import type { Reading } from '../admin/reading.ts';
import type { StoreModule } from '../module.ts';
import { damages } from './backup.ts';
import { Connection } from './connection.ts';
import { migrate } from './migrate.ts';

const ORPHANS = `SELECT "table" AS child, parent, count(*) AS n FROM pragma_foreign_key_check GROUP BY "table", parent`;
/** What SQLite keeps for itself beside tables has no text. */
const SCHEMA = `SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY name`;

interface Made {
  readonly type: string;
  readonly name: string;
  readonly sql: string;
}

export function sqliteLooks(
  reading: Reading,
  /** Whose migrations made the tables; undefined when these cannot be made here. */
  modules: readonly StoreModule[] | undefined,
): readonly EngineLook[] {
  return [
    ['pages and indexes', async () => ({ faults: await damages(reading), seen: 'all read' })],
    [
      'foreign keys',
      async () => {
        const rows = await reading.all<{ child: string; parent: string; n: number }>(ORPHANS);
        return {
          faults: rows.map((r) => `${r.n} rows of ${r.child} point to no row of ${r.parent}`),
          seen: 'all followed',
        };
      },
    ],
    ['tables and indexes', () => schemaAsMade(reading, modules)],
  ];
}

/** Held against a database that is made anew by the same migrations. */
async function schemaAsMade(reading: Reading, modules: readonly StoreModule[] | undefined): Promise<Seen> {
  const there = new Map((await reading.all<Made>(SCHEMA)).map((one) => [one.name, one]));
  const seen = `${there.size}`;
  if (modules === undefined) return { faults: [], seen };
  const fresh = new Connection({ file: ':memory:', readonly: false, fileBytes: 0 });
  try {
    migrate(fresh, modules, wall(0));
    const faults: string[] = [];
    for (const { type, name, sql } of fresh.all(SCHEMA) as Made[]) {
      const found = there.get(name);
      if (found === undefined) faults.push(`${type} ${name} is missing`);
      else if (plain(found.sql) !== plain(sql)) faults.push(`${type} ${name} is not as the migrations make it`);
    }
    return { faults, seen };
  } finally {
    fresh.close();
  }
}

const plain = (sql: string): string => sql.replace(/\s+/g, ' ').trim();
