/** What stands beside a backup: what is in it, by which a restore knows that it is whole. */
import { readFile, stat } from 'node:fs/promises';
import { code, fail, isObject } from '@csm/model';
import { digestOf } from './digest.ts';
import { exists, partOf } from './files.ts';

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

export interface Proof {
  /** The one that describes the file; else the one beside it; undefined without one. */
  readonly manifest: Manifest | undefined;
  /** What is wrong with the file, in words; undefined when it is what a manifest says, or there is none. */
  readonly fault: string | undefined;
  /** The manifest has yet to get its name: a backup that replaced another was killed after its file had. */
  readonly isUnnamed: boolean;
}

/** Holds a file against the manifest beside it. Throws code 9 for a manifest that is none of ours. */
export async function proofOf(file: string): Promise<Proof> {
  const { size } = await stat(file);
  const named = await readManifest(manifestOf(file));
  const part = partOf(manifestOf(file));
  const unnamed = (await exists(part)) ? await readManifest(part).catch(() => undefined) : undefined;
  const fitting = [named, unnamed].filter((one) => one?.bytes === size);
  const digest = fitting.length === 0 ? '' : await digestOf(file);
  const manifest = fitting.find((one) => one?.sha256 === digest);
  if (manifest !== undefined) return { manifest, fault: undefined, isUnnamed: manifest !== named };
  const fault =
    named === undefined
      ? undefined
      : `${file} is not the file its manifest describes: it is damaged, or not whole, or the manifest is of another`;
  return { manifest: named, fault, isUnnamed: false };
}

async function readManifest(path: string): Promise<Manifest | undefined> {
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
