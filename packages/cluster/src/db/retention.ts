/**
 * What every table takes, how long its rows are kept, and what goes next. Read beside the master's own queries, table by
 * table: no one moment is held, since that would keep the log from being cut back for as long as it takes.
 */
import type { MasterPorts } from '@csm/feature';
import { isObject, type Json } from '@csm/model';
import { loadAdmin, type Reading } from '@csm/store';
import { KEPT, type Kept, OTHERS } from './kept.ts';
import { placeOf } from './status.ts';

/** Bytes with their indexes. The pair is the same question to the catalog of either engine. */
const BYTES = {
  sqlite: `SELECT m.tbl_name AS "table", sum(s.pgsize) AS bytes FROM dbstat s JOIN sqlite_master m ON m.name = s.name
    WHERE s.aggregate = 1 GROUP BY m.tbl_name`,
  postgresql: `SELECT c.relname AS "table", coalesce(
      (SELECT sum(pg_total_relation_size(t.relid)) FROM pg_partition_tree(c.oid) t), pg_total_relation_size(c.oid)
    ) AS bytes FROM pg_class c
    WHERE c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = current_schema())
      AND c.relkind IN ('r', 'p') AND NOT c.relispartition`,
};

export async function retention(ports: MasterPorts): Promise<Json> {
  const { openReading, countRows } = await loadAdmin();
  const now = ports.clock.now().wall;
  const reading = await openReading(placeOf(ports));
  try {
    const rows = await countRows(reading);
    const bytes = new Map(
      (await reading.all<{ table: string; bytes: number }>(BYTES)).map(({ table, bytes }) => [table, bytes]),
    );
    const answer: Json[] = [];
    for (const [table, count] of Object.entries(rows)) {
      const kept = KEPT[table];
      const rule = kept?.rule ?? OTHERS[table] ?? 'as long as what it tells of is there';
      answer.push({
        table,
        rows: count,
        bytes: bytes.get(table) ?? 0,
        oldest: kept === undefined ? null : await oldest(reading, kept),
        rule,
        setting: kept?.setting === undefined ? null : `csm.${kept.setting}`,
        due: kept === undefined ? null : await due(reading, kept, ports.config, now),
      });
    }
    return answer;
  } finally {
    await reading.close();
  }
}

async function oldest(reading: Reading, kept: Kept): Promise<string | null> {
  const [row] = await reading.all<{ oldest: number | null }>(kept.oldest);
  return row?.oldest == null ? null : new Date(row.oldest).toISOString();
}

async function due(reading: Reading, kept: Kept, config: unknown, now: number): Promise<number | null> {
  const keepMs = kept.setting === undefined ? kept.keepMs : settingOf(config, kept.setting);
  if (kept.due === undefined || keepMs === undefined) return null;
  const [row] = await reading.all<{ due: number }>(kept.due, [now - keepMs]);
  return row?.due ?? null;
}

/** A setting by its key, as this master has it in force. */
function settingOf(config: unknown, key: string): number | undefined {
  let at: unknown = config;
  for (const word of key.split('.')) at = isObject(at) ? at[word] : undefined;
  return typeof at === 'number' ? at : undefined;
}
