// Writing files with modes that do not depend on the umask, and reading a tree in one order.
import { createHash } from 'node:crypto';
import { chmodSync, copyFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

const made = new Set();

export function makeDir(dir) {
  if (made.has(dir)) return;
  const first = mkdirSync(dir, { recursive: true });
  for (let one = dir; first !== undefined && one.length >= first.length; one = dirname(one)) chmodSync(one, 0o755);
  made.add(dir);
}

export function write(file, text, mode = 0o644) {
  makeDir(dirname(file));
  writeFileSync(file, text);
  chmodSync(file, mode);
}

export function copy(from, to, mode = 0o644) {
  makeDir(dirname(to));
  copyFileSync(from, to);
  chmodSync(to, mode);
}

/** Paths of the files below `dir`, sorted. */
export function filesBelow(dir) {
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => !entry.isDirectory())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .sort();
}

export const digest = (data, algorithm = 'sha256') => createHash(algorithm).update(data).digest('hex');

/** One short name for the contents of a tree. */
export function buildOf(dir) {
  const lines = filesBelow(dir).map((path) => `${digest(readFileSync(join(dir, path)))} ${path}\n`);
  return digest(lines.join('')).slice(0, 12);
}
