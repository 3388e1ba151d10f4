import { resolve } from 'node:path';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { CONFIG_OPTION, runCsmd } from '../csmd.ts';
import { text } from '../given.ts';

export const dbRestore: CommandSpec = {
  path: ['db', 'restore'],
  arguments: [{ name: 'file', required: true, help: 'a file that csm db backup wrote, with its manifest beside it' }],
  options: [CONFIG_OPTION],
  summary: 'Puts a backup in the place of the database',
  purpose: `Run it as the master's user where the master runs, with every master of this database stopped; while one runs it is refused.
The backup is proved whole by its manifest, opened and counted first. The former database is kept aside and named: with
SQLite a file beside it, with PostgreSQL a schema of the same database. When anything fails the former database is back.
What nodes have reported since the backup was taken is not in it; they number their reports anew and go on.`,
  examples: [
    {
      title: 'Back to before the upgrade',
      line: 'csm db restore /tmp/before-upgrade.backup',
      exits: [0, 9, 24, 78],
    },
  ],
  exits: [
    [9, 'the file is no backup, not whole, of the other engine, or has a log beside it'],
    [24, 'a master uses the database, or the backup is of a newer build'],
    [37, 'called off; everything is as it was'],
    [78, 'the configuration is wrong'],
  ],
  codes: [code.SCRIPT_FAILURE, code.DATABASE],
  run: async (session, given) => {
    const { file } = given.arguments;
    if (file === undefined) fail(code.MISSING_PARAMETER, "the argument 'file' is missing", { field: 'file' });
    return runCsmd(session, text(given, 'config'), ['--db', 'restore', '--from', resolve(file)]);
  },
};
