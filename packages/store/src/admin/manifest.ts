/** What stands beside a backup: what is in it, by which a restore knows that it is whole. */
import { readFile } from 'node:fs/promises';
import { code, fail, isObject } from '@csm/model';

export interface Manifest {
  readonly format: typeof FORMAT;
  readonly engine: 'sqlite' | 'postgresql';
  /** Of the database program. */
  readonly engine_version: string;
  /** Where it was taken from, in words. */
  readonly source: string;
  /** When it was begun: what was committed before is in it. ISO 8601, UTC. */
  readonly taken: string;
  readonly seconds: number;
  readonly bytes: number;
  readonly sha256: string;
  /** The newest migration by module. */
  readonly schema: Readonly<Record<string, number>>;
  /** Rows by table. */
  readonly tables: Readonly<Record<string, number>>;
}

export const FORMAT = 'csm-backup-1';

export const manifestOf = (file: string): string => `${file}.manifest.json`;

/** The manifest beside a backup; undefined when there is none. Throws code 9 for one that is none of ours. */
export async function readManifest(file: string): Promise<Manifest | undefined> {
  const path = manifestOf(file);
  let text: string;
  try {
    text = await readFile(path, 'utf8');
  } catch (thrown) {
    if ((thrown as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw thrown;
  }
  try {
    const found: unknown = JSON.parse(text);
    if (isManifest(found)) return found;
  } catch {
    // Told below.
  }
  return fail(code.INVALID_PARAMETER, `${path} is no manifest of a backup`, {
    field: 'manifest',
    allowed: `what csm db backup wrote, with format ${FORMAT}`,
  });
}

const isManifest = (found: unknown): found is Manifest =>
  isObject(found) &&
  found['format'] === FORMAT &&
  (found['engine'] === 'sqlite' || found['engine'] === 'postgresql') &&
  typeof found['bytes'] === 'number' &&
  typeof found['sha256'] === 'string' &&
  isObject(found['tables']) &&
  isObject(found['schema']);
