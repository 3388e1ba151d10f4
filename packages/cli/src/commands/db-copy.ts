import { resolve } from 'node:path';
import { code, fail } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { CONFIG_OPTION, runCsmd } from '../csmd.ts';
import { oneOf, text } from '../given.ts';

const ENGINES = ['postgresql'] as const;

export const dbCopy: CommandSpec = {
  path: ['db', 'copy'],
  arguments: [],
  options: [
    { flags: '--to <engine>', help: 'postgresql', values: ENGINES },
    { flags: '--from <file>', help: 'the SQLite file; default csm.db in state_dir' },
    CONFIG_OPTION,
  ],
  summary: 'Copies the database from SQLite to PostgreSQL',
  purpose: `Run it as the master's user where the master runs, with the master stopped. The configuration is the new one: it names the
PostgreSQL database, which must be empty. Tables are made, filled and compared row by row in one transaction: the copy is
there whole or not at all. A copy that was killed leaves a database that says so and that no master uses; run it again.
The SQLite file stays as it is. How to move step by step: docs/operate/database.md.`,
  examples: [
    {
      title: 'To the database that the configuration names',
      line: 'csm db copy --to postgresql',
      exits: [0, 9, 24, 78],
    },
  ],
  exits: [
    [9, 'db.engine is not postgresql, or the file is no SQLite database'],
    [24, 'a master uses one of them, one cannot be reached, or the new one is not empty'],
    [37, 'called off; everything is as it was'],
    [25, 'the copy differs; it was undone'],
    [78, 'the configuration is wrong'],
  ],
  codes: [code.DATABASE_UNAVAILABLE],
  run: async (session, given) => {
    const to = text(given, 'to');
    if (to === undefined) fail(code.MISSING_PARAMETER, '--to is missing', { field: '--to', allowed: 'postgresql' });
    oneOf(to, ENGINES, '--to');
    const from = text(given, 'from');
    const words = from === undefined ? [] : ['--from', resolve(from)];
    return runCsmd(session, text(given, 'config'), ['--db', 'copy', ...words]);
  },
};
