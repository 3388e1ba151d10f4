/**
 * What PostgreSQL can say of a database: every row is read and decoded, since only so a damaged page is met; checksums
 * that failed, indexes that are not whole, keys that were never checked, and numbers that would be given twice. Where
 * the extension amcheck is installed, each index is read, too. And the tables are those that the migrations make.
 */
import { CsmError, toProblem } from '@csm/model';
import type { EngineLook, Seen } from '../admin/check.ts';
import { quoted, type Reading } from '../admin/reading.ts';
import type { StoreModule } from '../module.ts';
import { schemaAsMade } from './schema-look.ts';
import type { PostgresServer } from './server.ts';

const HERE = '(SELECT oid FROM pg_namespace WHERE nspname = current_schema())';

const words = async (reading: Reading, postgresql: string): Promise<string[]> => {
  const rows = await reading.all<{ words: string }>({ sqlite: '', postgresql });
  return rows.map((row) => row.words);
};

export function postgresLooks(
  server: PostgresServer,
  reading: Reading,
  /** Whose migrations made the tables; undefined when these cannot be made here. */
  modules: readonly StoreModule[] | undefined,
): readonly EngineLook[] {
  return [
    ['rows', () => readAll(reading)],
    [
      'checksums',
      async () => {
        const faults = await words(
          reading,
          `SELECT checksum_failures || ' pages failed their checksum, the last at ' || checksum_last_failure AS words
           FROM pg_stat_database WHERE datname = current_database() AND checksum_failures > 0`,
        );
        const [on] = await words(reading, `SELECT current_setting('data_checksums') AS words`);
        return { faults, seen: on === 'on' ? 'kept' : 'not kept by this server' };
      },
    ],
    ['indexes', () => indexes(reading)],
    [
      'foreign keys',
      async () => ({
        faults: await words(
          reading,
          `SELECT 'constraint ' || conname || ' was never checked' AS words FROM pg_constraint
           WHERE connamespace = ${HERE} AND NOT convalidated`,
        ),
        seen: 'kept by the server',
      }),
    ],
    ['numbers', () => numbers(reading)],
    ['tables and indexes', () => schemaAsMade(server, reading, modules)],
  ];
}

async function readAll(reading: Reading): Promise<Seen> {
  const tables = await reading.tables();
  let rows = 0;
  const faults: string[] = [];
  for (const { name } of tables) {
    try {
      const [row] = await reading.all<{ n: number }>(
        `SELECT count(*) AS n, sum(length(CAST(t AS TEXT))) AS read FROM ${quoted(name)} t`,
      );
      rows += row?.n ?? 0;
    } catch (thrown) {
      // A damaged page says nothing of the other tables.
      if (!(thrown instanceof CsmError)) throw thrown;
      faults.push(`${name}: ${toProblem(thrown).detail}`);
    }
  }
  return { faults, seen: `${rows} in ${tables.length} tables` };
}

async function indexes(reading: Reading): Promise<Seen> {
  const faults = await words(
    reading,
    `SELECT 'index ' || c.relname || ' is not whole' AS words FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE c.relnamespace = ${HERE} AND NOT (i.indisvalid AND i.indisready)`,
  );
  const [amcheck] = await words(
    reading,
    `SELECT CAST(p.oid AS TEXT) AS words FROM pg_extension e JOIN pg_proc p ON p.pronamespace = e.extnamespace
     WHERE e.extname = 'amcheck' AND p.proname = 'bt_index_check' AND has_function_privilege(p.oid, 'EXECUTE') LIMIT 1`,
  );
  const trees = await reading.all<{ oid: number }>({
    sqlite: '',
    postgresql: `SELECT c.oid FROM pg_class c JOIN pg_am m ON m.oid = c.relam
      WHERE c.relnamespace = ${HERE} AND c.relkind = 'i' AND m.amname = 'btree' ORDER BY c.relname`,
  });
  if (amcheck === undefined)
    return { faults, seen: `${trees.length}; without the extension amcheck they are not read` };
  for (const { oid } of trees) {
    await reading.all({ sqlite: '', postgresql: 'SELECT bt_index_check(CAST($1 AS OID), true)' }, [oid]);
  }
  return { faults, seen: `${trees.length}, all read` };
}

/** The next number of a sequence is above every one given. */
async function numbers(reading: Reading): Promise<Seen> {
  const faults: string[] = [];
  const numbered = (await reading.tables()).filter(({ numbered }) => numbered !== undefined);
  for (const { name, numbered: column = '' } of numbered) {
    const [row] = await reading.all<{ given: number; highest: number }>(
      {
        sqlite: '',
        postgresql: `SELECT coalesce(pg_sequence_last_value(CAST(pg_get_serial_sequence($1, $2) AS regclass)), 0) AS given,
          (SELECT coalesce(max(${quoted(column)}), 0) FROM ${quoted(name)}) AS highest`,
      },
      [quoted(name), column],
    );
    const { given = 0, highest = 0 } = row ?? {};
    if (given < highest) faults.push(`the next number for ${name} is ${given + 1}, and ${highest} is given`);
  }
  return { faults, seen: `${numbered.length} sequences` };
}
