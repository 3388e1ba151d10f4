/** The command line of the fault suite. */
import { parseArgs } from 'node:util';
import type { DatabaseEngine } from '../site/tree.ts';
import type { Fault } from './fault.ts';

export interface FaultOptions {
  readonly names: readonly string[];
  readonly db: DatabaseEngine;
  readonly seed: number;
  readonly short: boolean;
  readonly json: boolean;
  readonly list: boolean;
  readonly help: boolean;
  /** A directory for everything of a run that failed. */
  readonly keep: string | undefined;
}

export const HELP = `npm run faults [-- name …] [options]

Makes faults happen to a whole cluster with reports under way, and judges by SELECT that none was lost or doubled and
that nobody was told dead who was not. Exit code 1 when something was.
  --db      sqlite or postgresql (default sqlite)
  --seed    of all chance (default: drawn, and printed)
  --short   one round of each sort on a smaller cluster
  --json    a line of JSON for each fault
  --keep    directory to which logs and state of a failed run are copied
  --list    the faults, and what each needs
`;

const SEED_MAX = 2 ** 31 - 1;

/** Throws an `Error` that names option, value and what is allowed. `drawn`: the seed when none is given. */
export function readFaultOptions(argv: readonly string[], faults: readonly Fault[], drawn: number): FaultOptions {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: {
      db: { type: 'string', default: 'sqlite' },
      seed: { type: 'string' },
      short: { type: 'boolean', default: false },
      json: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      keep: { type: 'string' },
    },
  });
  const { db, seed: given, short, json, list, help, keep } = values;
  if (db !== 'sqlite' && db !== 'postgresql') throw new Error(`--db is '${db}'; allowed is one of sqlite, postgresql`);
  const known = faults.map(({ name }) => name);
  const stranger = positionals.find((name) => !known.includes(name));
  if (stranger !== undefined) throw new Error(`there is no fault '${stranger}'; allowed are ${known.join(', ')}`);
  const seed = given === undefined ? drawn : Number(given === '' ? Number.NaN : given);
  if (!Number.isInteger(seed) || seed < 0 || seed > SEED_MAX)
    throw new Error(`--seed is '${given}'; allowed is a whole number from 0 to ${SEED_MAX}`);
  return { names: positionals, db, seed, short, json, list, help, keep };
}
