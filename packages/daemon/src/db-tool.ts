/**
 * Work on the database that no running master can do: `csmd --role master --db restore|check|copy`. What it does is
 * told line by line on stderr; the outcome stands on stdout, as text or as one JSON document.
 */
import { join, resolve } from 'node:path';
import type { Feature } from '@csm/feature';
import { runChild } from '@csm/kit';
import { CsmError, code, fail, type Json, toProblem } from '@csm/model';
import { type CopiedTable, type Finding, loadAdmin, type Place, type Restored } from '@csm/store';
import type { ConfigFor } from './config.ts';
import { serverOf } from './database-settings.ts';
import type { DbWork } from './db-work.ts';

export interface DbToolOptions {
  readonly config: ConfigFor<'master'>;
  readonly features: readonly Feature[];
  /** The backup to restore; the SQLite file to copy. */
  readonly from?: string | undefined;
  readonly json: boolean;
  readonly out: (text: string) => void;
  readonly err: (text: string) => void;
}

/** Signals that call off what changes a database: it is undone first. A check has nothing to undo, and just ends. */
const CALL_OFF = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const UNDONE: ReadonlySet<DbWork> = new Set(['restore', 'copy']);

/** Gives the exit code: 0, or the code of what is wrong. Never rejects. */
export async function runDbTool(work: DbWork, options: DbToolOptions): Promise<number> {
  const abort = new AbortController();
  const callOff = (signal: NodeJS.Signals): void => {
    if (!abort.signal.aborted) options.err(`csm: ${signal}: ${work} is called off and undone\n`);
    abort.abort();
  };
  // They stay to the end: a second one must not end the tool while it undoes what it has done.
  if (UNDONE.has(work)) for (const signal of CALL_OFF) process.on(signal, callOff);
  try {
    const { answer, text, exit } = await WORK[work](options, abort.signal);
    options.out(options.json ? `${JSON.stringify(answer, null, 2)}\n` : text);
    return exit;
  } catch (thrown) {
    const p = toProblem(thrown, code.DATABASE);
    const more = [
      p.field === undefined ? [] : [`  field: ${p.field}`],
      p.allowed === undefined ? [] : [`  allowed: ${p.allowed}`],
    ];
    options.err(options.json ? `${JSON.stringify(p)}\n` : `${[`csm: ${p.detail}`, ...more.flat()].join('\n')}\n`);
    if (!(thrown instanceof CsmError) && thrown instanceof Error) options.err(`${thrown.stack}\n`);
    return Math.max(1, p.code);
  } finally {
    for (const signal of CALL_OFF) process.off(signal, callOff);
  }
}

interface Done {
  readonly answer: Json;
  readonly text: string;
  readonly exit: number;
}

type Work = (options: DbToolOptions, signal: AbortSignal) => Promise<Done>;

const WORK: Readonly<Record<DbWork, Work>> = { restore, check, copy };

async function restore(options: DbToolOptions, signal: AbortSignal): Promise<Done> {
  const { from } = options;
  if (from === undefined) fail(code.MISSING_PARAMETER, 'the backup is not named', { field: 'from' });
  const admin = await loadAdmin();
  const place = placeOf(options.config);
  const how = { ...common(options), run: runChild, signal };
  const { aside, tables }: Restored = await admin.restore(place, resolve(from), how);
  const rows = sum(Object.values(tables));
  return {
    answer: { restored: resolve(from), into: admin.placeWords(place), aside: aside ?? null, tables },
    text: [
      `restored ${resolve(from)} into ${admin.placeWords(place)}: ${rows} rows in ${Object.keys(tables).length} tables`,
      ...(aside === undefined ? [] : [`the former database is kept as ${aside}`]),
      '',
    ].join('\n'),
    exit: 0,
  };
}

async function check(options: DbToolOptions): Promise<Done> {
  const admin = await loadAdmin();
  const place: Place = options.from === undefined ? placeOf(options.config) : sqlite(options.from);
  const findings = await admin.check(place, modulesOf(options.features), { isBackup: options.from !== undefined });
  const faults = findings.flatMap((finding) => finding.faults);
  const verdict = faults.length === 0 ? 'sound' : `${faults.length} faults`;
  return {
    answer: { database: admin.placeWords(place), sound: faults.length === 0, findings } as unknown as Json,
    text: `${findings.map(line).join('')}${admin.placeWords(place)}: ${verdict}\n`,
    exit: faults.length === 0 ? 0 : code.DATABASE,
  };
}

const line = ({ what, faults, seen }: Finding): string =>
  faults.length === 0 ? `ok     ${what}: ${seen}\n` : faults.map((fault) => `FAULT  ${what}: ${fault}\n`).join('');

async function copy(options: DbToolOptions, signal: AbortSignal): Promise<Done> {
  const { db, state_dir } = options.config.csm;
  if (db.engine !== 'postgresql') {
    fail(code.INVALID_PARAMETER, `db.engine is ${db.engine}`, {
      field: 'csm.db.engine',
      allowed: 'postgresql: the configuration names the database that is copied to',
    });
  }
  const file = resolve(options.from ?? join(state_dir, 'csm.db'));
  const admin = await loadAdmin();
  const server = serverOf(db);
  const tables: readonly CopiedTable[] = await admin.copyToPostgres(file, server, {
    ...common(options),
    signal,
  });
  const to = admin.placeWords({ engine: 'postgresql', server });
  const rows = sum(tables.map((table) => table.rows));
  return {
    answer: { from: file, to, tables } as unknown as Json,
    text: `copied ${file} to ${to}: ${rows} rows in ${tables.length} tables, counted and compared\n${file} is as it was\n`,
    exit: 0,
  };
}

function placeOf({ csm: { db, state_dir } }: ConfigFor<'master'>): Place {
  return db.engine === 'postgresql'
    ? { engine: 'postgresql', server: serverOf(db) }
    : sqlite(db.file ?? join(state_dir, 'csm.db'));
}

const sqlite = (file: string): Place => ({ engine: 'sqlite', file: resolve(file) });

const modulesOf = (features: readonly Feature[]): string[] =>
  features.map(({ store }) => store).filter((url) => url !== undefined);

const common = ({ features, err }: DbToolOptions) => ({
  modules: modulesOf(features),
  clock: () => Date.now(),
  tell: (text: string) => err(`csm: ${text}\n`),
});

const sum = (numbers: readonly number[]): number => numbers.reduce((all, n) => all + n, 0);
