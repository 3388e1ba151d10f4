/** A backup of a SQLite file: copied in a thread, then opened, checked and counted there. */
import { code, fail } from '@csm/model';
import type { Copied } from '../admin/backup.ts';
import { countRows, type Reading, schemaVersions } from '../admin/reading.ts';
import { ThreadReading } from './thread-reading.ts';

export async function copyOutSqlite(file: string, part: string, signal: AbortSignal | undefined): Promise<Copied> {
  const source = await ThreadReading.open(file);
  try {
    await source.copy(part, signal);
  } finally {
    await source.close();
  }
  return describeFile(part);
}

/** Opens a file that nobody writes; code 24 when it is damaged. */
export async function describeFile(file: string): Promise<Copied> {
  const reading = await ThreadReading.open(file);
  try {
    const faults = await damages(reading);
    if (faults.length > 0) fail(code.DATABASE_UNAVAILABLE, `${file} is damaged: ${faults.join('; ')}`);
    const [version] = await reading.all<{ version: string }>('SELECT sqlite_version() AS version');
    return {
      engine_version: version?.version ?? '',
      schema: await schemaVersions(reading),
      tables: await countRows(reading),
    };
  } finally {
    await reading.close();
  }
}

/** Faults told, at most. */
const DAMAGES_MAX = 20;

/** What SQLite's own check finds wrong with the pages and indexes of a file. */
export async function damages(reading: Reading): Promise<string[]> {
  const rows = await reading.all<{ words: string }>(
    `SELECT integrity_check AS words FROM pragma_integrity_check LIMIT ${DAMAGES_MAX}`,
  );
  return rows.map(({ words }) => words).filter((words) => words !== 'ok');
}
