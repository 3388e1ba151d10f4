/** Fixture machines that a real daemon takes for its own: a copy of the file tree, and programs that replay what was recorded. */
import { chmodSync, cpSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './daemons.ts';

export const MACHINES = join(ROOT, 'test/fixtures/machines');
export const FAULTY_PROGRAMS = join(ROOT, 'test/fixtures/programs');

/** The file name rule of recorded outputs, in words of the shell. */
const REPLAY = `#!/bin/sh
file=$(basename "$0")
for word; do file="\${file}_$(printf '%s' "$word" | sed 's#[^A-Za-z0-9.=,-]#_#g')"; done
exec cat "$(dirname "$0")/../outputs/$(printf '%.200s' "$file")"
`;

export interface Machine {
  /** For the setting host.root. */
  readonly root: string;
  /** For the setting host.program_path. */
  readonly path: string;
  /** Where the outputs stand, one file a command line. */
  readonly outputs: string;
  /** Puts a program in the place of the replayed one. */
  replace(program: string, script: string): void;
}

/** A copy of the machine `name` below `directory`, to be changed at will. */
export function machine(name: string, directory: string): Machine {
  const root = join(directory, 'root');
  const path = join(directory, 'bin');
  const outputs = join(directory, 'outputs');
  mkdirSync(path, { recursive: true });
  cpSync(join(MACHINES, name, 'root'), root, { recursive: true, verbatimSymlinks: true });
  cpSync(join(MACHINES, name, 'programs'), outputs, { recursive: true });
  const replace = (program: string, script: string) => {
    writeFileSync(join(path, program), script);
    chmodSync(join(path, program), 0o755);
  };
  for (const program of new Set(readdirSync(outputs).map((file) => file.split('_')[0] ?? file)))
    replace(program, REPLAY);
  return { root, path: `${path}:/usr/bin:/bin`, outputs, replace };
}

/**
 * Makes it another one of the same kind: replaces texts in its files and outputs, such as serial numbers and addresses.
 * Each must be there.
 */
export function rename(it: Machine, texts: Readonly<Record<string, string>>): void {
  const missing = new Set(Object.keys(texts));
  for (const file of [it.root, it.outputs].flatMap((dir) => filesBelow(dir))) {
    const before = readFileSync(file, 'latin1');
    let after = before;
    for (const [from, to] of Object.entries(texts)) {
      if (!after.includes(from)) continue;
      missing.delete(from);
      after = after.replaceAll(from, to);
    }
    if (after !== before) writeFileSync(file, after, 'latin1');
  }
  if (missing.size > 0) throw new Error(`the machine has no ${[...missing].join(', ')}`);
}

const filesBelow = (dir: string): string[] =>
  readdirSync(dir, { withFileTypes: true, recursive: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));

/** What a daemon's configuration says of it. */
export const hostOf = ({ root, path }: Machine) => ({ root, program_path: path });
