/**
 * Puts a backup in the place of a database that no master uses. The backup is proved whole first; the former database is
 * kept aside under a name with the time; all or nothing.
 */
import { stat } from 'node:fs/promises';
import { CsmError, code, fail, problem } from '@csm/model';
import { registry } from '../core.ts';
import { loadModules } from '../load.ts';
import type { StoreModule } from '../module.ts';
import { engineOf } from './backup.ts';
import { inWords } from './files.ts';
import { logsBeside } from './logs.ts';
import { type Manifest, manifestOf, proofOf } from './manifest.ts';
import type { Place } from './reading.ts';
import type { RunProgram } from './run-program.ts';

export interface RestoreOptions {
  readonly modules: readonly string[];
  readonly run: RunProgram;
  readonly clock: () => number;
  /** Told what is being done, a line each. */
  readonly tell: (line: string) => void;
  /** Ends it; the former database is back then. */
  readonly signal?: AbortSignal | undefined;
}

export interface Restored {
  /** Where the former database is now; undefined when there was none. */
  readonly aside: string | undefined;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
}

/** What an engine's half gets. */
export interface Restoring extends Omit<RestoreOptions, 'modules'> {
  readonly backup: string;
  readonly manifest: Manifest | undefined;
  readonly modules: readonly StoreModule[];
}

/**
 * Rejects with code 24 when a master uses the database or the backup is of a newer build, with 9 for a file that is no
 * backup, not whole, or of the other engine, and with 37 when the signal ended it. What was there is untouched then.
 */
export async function restore(place: Place, backup: string, options: RestoreOptions): Promise<Restored> {
  const { modules, tell, signal } = options;
  const known = registry(await loadModules(modules)).modules;
  try {
    const manifest = await prove(place, backup, tell);
    if (signal?.aborted === true) throw calledOff();
    const restoring: Restoring = { ...options, modules: known, backup, manifest };
    if (place.engine === 'sqlite') {
      const { restoreSqlite } = await import('../sqlite/restore.ts');
      return await restoreSqlite(place.file, restoring);
    }
    const { restorePostgres } = await import('../postgresql/restore.ts');
    return await restorePostgres(place.server, restoring);
  } catch (thrown) {
    throw inWords(thrown, `restoring ${backup}`);
  }
}

/** The backup is what its manifest says. One without a manifest is only known by what is in it. */
async function prove(place: Place, backup: string, tell: (line: string) => void): Promise<Manifest | undefined> {
  const refuse = (detail: string, allowed: string): never =>
    fail(code.INVALID_PARAMETER, detail, { field: 'file', allowed });
  const found = await stat(backup).catch(() => undefined);
  if (found?.isFile() !== true) return refuse(`${backup} is no file`, 'a backup made by csm db backup');
  const engine = await engineOf(backup);
  if (engine === undefined) return refuse(`${backup} is no backup`, 'a file made by csm db backup');
  if (engine !== place.engine) {
    const way = engine === 'sqlite' ? '; csm db copy brings a SQLite file into PostgreSQL' : '';
    refuse(`${backup} is a backup of ${engine}, db.engine is ${place.engine}`, `a backup of ${place.engine}${way}`);
  }
  const [log] = engine === 'sqlite' ? await logsBeside(backup) : [];
  if (log !== undefined) {
    refuse(
      `${log} stands beside ${backup}: what is in it would be missing`,
      'a backup made by csm db backup; a copy of a database whose master was stopped in order has no such file',
    );
  }
  const { manifest, fault } = await proofOf(backup);
  if (manifest === undefined) {
    tell(`${manifestOf(backup)} is missing: the backup is checked by itself only`);
    return undefined;
  }
  if (fault !== undefined) refuse(fault, 'a backup that is whole, with its own manifest');
  tell(`${backup}: whole, taken at ${manifest.taken} from ${manifest.source}`);
  return manifest;
}

export const calledOff = (): CsmError => new CsmError(problem(code.CONTEXT_LOST, 'the restore was called off'));

/** Throws code 25 naming the tables whose rows are not those of the manifest. */
export function checkCounts(manifest: Manifest | undefined, tables: Readonly<Record<string, number>>): void {
  const words = otherCounts(manifest, tables);
  if (words.length === 0) return;
  fail(code.DATABASE, `the restored database is not what was backed up: ${words.join(', ')}`, { field: 'tables' });
}

/** Tables whose rows are not those of the manifest, in words. */
export const otherCounts = (manifest: Manifest | undefined, tables: Readonly<Record<string, number>>): string[] =>
  Object.entries(manifest?.tables ?? {})
    .filter(([name, rows]) => tables[name] !== rows)
    .map(([name, rows]) => `${name} has ${tables[name] ?? 'no'} rows instead of ${rows}`);
