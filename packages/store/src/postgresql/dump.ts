/**
 * A backup of a PostgreSQL database: pg_dump reads at a moment that a session of ours holds, in which the rows are
 * counted, so that the counts are those of the dump. Afterwards pg_restore must be able to list it, with every table.
 */
import { code, fail } from '@csm/model';
import type { BackupOptions, Copied } from '../admin/backup.ts';
import { countRows, quoted, schemaVersions } from '../admin/reading.ts';
import { PostgresReading } from './postgres-reading.ts';
import { findProgram, runProgram, serverVersion } from './programs.ts';
import type { PostgresServer } from './server.ts';

/** Bytes of a dump's list: a line of some hundred bytes for each table, index and partition. */
const LIST_MAX = 64 * 1024 * 1024;

export async function dump(
  server: PostgresServer,
  part: string,
  { run, signal }: Pick<BackupOptions, 'run' | 'signal'>,
): Promise<Copied> {
  const reading = await PostgresReading.open(server);
  try {
    const version = await serverVersion(reading.connection);
    const pgDump = await findProgram('pg_dump', version.major, run);
    const pgRestore = await findProgram('pg_restore', version.major, run);
    await reading.hold();
    const snapshot = await reading.snapshot();
    const [schema] = await reading.all<{ name: string }>('SELECT current_schema() AS name');
    const only = quoted(schema?.name ?? 'public');
    const argv = [pgDump, '-Fc', '--no-owner', '--no-privileges', '-w', '-n', only];
    const uncounted = new AbortController();
    const dumping = runProgram([...argv, `--snapshot=${snapshot}`, '-f', part], server, {
      run,
      signal: AbortSignal.any([uncounted.signal, ...(signal === undefined ? [] : [signal])]),
    });
    const [, schemas, tables] = await Promise.all([dumping, schemaVersions(reading), countRows(reading)]).catch(
      async (thrown: unknown) => {
        // Nobody would wait for the program any more.
        uncounted.abort();
        await dumping.catch(() => undefined);
        throw thrown;
      },
    );
    const list = await runProgram([pgRestore, '-l', part], server, { run, signal, maxOutput: LIST_MAX });
    const missing = Object.keys(tables).filter((name) => !list.includes(` TABLE ${schema?.name} ${name} `));
    if (missing.length > 0) {
      fail(code.DATABASE, `the dump does not hold ${missing.join(', ')}`, { field: 'tables' });
    }
    return { engine_version: version.text, schema: schemas, tables };
  } finally {
    await reading.close();
  }
}
