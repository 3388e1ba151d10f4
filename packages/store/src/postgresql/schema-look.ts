/**
 * Whether the tables of a PostgreSQL database are those that the migrations make: they are made in a schema of their
 * own, in a transaction that is undone, and the catalog tells what both have. Partitions come and go and are not held
 * against anything; what a partition lacks makes the index of its table one that is not whole.
 */
import type { Seen } from '../admin/check.ts';
import { quoted, type Reading } from '../admin/reading.ts';
import { pendingSteps } from '../migrations.ts';
import type { StoreModule } from '../module.ts';
import { TABLE } from './migrate.ts';
import { openPatient } from './postgres-reading.ts';
import type { PostgresServer } from './server.ts';

const TABLES_HERE = `c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
    AND c.relkind IN ('r', 'p') AND NOT c.relispartition`;

/** Names are seen through the search path, so that none tells its schema. Newer servers list NOT NULL as a constraint, too. */
const MADE = `
  SELECT 'table' AS kind, c.relname AS "table", c.relname AS name, coalesce(pg_get_partkeydef(c.oid), '') AS made
    FROM pg_class c WHERE ${TABLES_HERE}
  UNION ALL SELECT 'column', c.relname, a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
      CASE WHEN a.attnotnull THEN 'NOT NULL' END, nullif(CAST(a.attidentity AS TEXT), ''),
      nullif(CAST(a.attgenerated AS TEXT), ''), pg_get_expr(d.adbin, d.adrelid))
    FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
      LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum WHERE ${TABLES_HERE}
  UNION ALL SELECT 'index', c.relname, x.relname, pg_get_indexdef(x.oid, 0, true)
    FROM pg_class c JOIN pg_index i ON i.indrelid = c.oid JOIN pg_class x ON x.oid = i.indexrelid WHERE ${TABLES_HERE}
  UNION ALL SELECT 'constraint', c.relname, k.conname, replace(pg_get_constraintdef(k.oid), ' NOT VALID', '')
    FROM pg_class c JOIN pg_constraint k ON k.conrelid = c.oid AND k.contype <> 'n' WHERE ${TABLES_HERE}`;

interface Made {
  readonly kind: 'table' | 'column' | 'index' | 'constraint';
  readonly table: string;
  readonly name: string;
  readonly made: string;
}

export async function schemaAsMade(
  server: PostgresServer,
  reading: Reading,
  modules: readonly StoreModule[] | undefined,
): Promise<Seen> {
  const there = await reading.all<Made>({ sqlite: '', postgresql: MADE });
  const seen = `${there.length}, columns and constraints among them`;
  if (modules === undefined) return { faults: [], seen };
  const [may] = await reading.all<{ may: number }>({
    sqlite: '',
    postgresql: `SELECT has_database_privilege(current_database(), 'CREATE') AS may`,
  });
  if (may?.may !== 1) {
    return { faults: [], seen: `${seen}; not compared, since ${server.user} may make no schema to compare them with` };
  }
  return { faults: differences(await asMade(server, modules), there), seen };
}

/** What a new database would have. */
async function asMade(server: PostgresServer, modules: readonly StoreModule[]): Promise<readonly Made[]> {
  const db = await openPatient(server, { name: 'csm db check' });
  try {
    const schema = quoted(`csm_check_${process.pid}_${Date.now()}`);
    await db.exec(`BEGIN; CREATE SCHEMA ${schema}; SET LOCAL search_path = ${schema}`);
    await db.exec(TABLE);
    for (const { text } of pendingSteps([], modules, 'postgresql')) await db.exec(text, true);
    return (await db.all({ sqlite: '', postgresql: MADE })) as unknown as Made[];
  } finally {
    await db.rollback().catch(() => {});
    await db.close();
  }
}

/** Of a table that is missing nothing else is told. */
export function differences(wanted: readonly Made[], there: readonly Made[]): string[] {
  const key = ({ kind, table, name }: Made): string => JSON.stringify([kind, table, name]);
  const found = new Map(there.map((one) => [key(one), one]));
  const tables = new Set(there.map(({ table }) => table));
  const faults: string[] = [];
  for (const one of wanted) {
    if (one.kind !== 'table' && !tables.has(one.table)) continue;
    const words = one.kind === 'table' ? `table ${one.name}` : `${one.kind} ${one.name} of table ${one.table}`;
    const twin = found.get(key(one));
    if (twin === undefined) faults.push(`${words} is missing`);
    else if (twin.made !== one.made) faults.push(`${words} is not as the migrations make it: ${twin.made}`);
  }
  return faults;
}
