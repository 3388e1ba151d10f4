import { resolve } from 'node:path';
import { code } from '@csm/model';
import type { CommandSpec } from '../command.ts';
import { CONFIG_OPTION, runCsmd } from '../csmd.ts';
import { text } from '../given.ts';

export const dbCheck: CommandSpec = {
  path: ['db', 'check'],
  arguments: [
    { name: 'file', required: false, help: 'another SQLite file, such as a backup; the database when left out' },
  ],
  options: [CONFIG_OPTION],
  summary: 'Checks whether the database is sound',
  purpose: `Run it as the master's user where the master runs; the master may run meanwhile, for nothing is changed. Every page and index is
read, keys are followed, tables are held against the migrations that made them; the numbers of changes must have no gap,
no follower may be ahead of them, and no stream of reports behind what is stored of it. With PostgreSQL every row is read,
and every index where the extension amcheck is installed.`,
  examples: [{ title: 'The database', line: 'csm db check', exits: [0, 24, 78] }],
  exits: [
    [0, 'sound'],
    [24, 'the database cannot be opened, is of another build, or is unfinished'],
    [25, 'something is wrong; each fault is told'],
    [78, 'the configuration is wrong'],
  ],
  codes: [code.DATABASE_UNAVAILABLE],
  run: async (session, given) => {
    const { file } = given.arguments;
    const from = file === undefined ? [] : ['--from', resolve(file)];
    return runCsmd(session, text(given, 'config'), ['--db', 'check', ...from]);
  },
};
