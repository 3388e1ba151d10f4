import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Path below the root → content. */
export type Files = { readonly [path: string]: string };

const made: string[] = [];

/** Writes `files` below a new directory and gives its path; `removeTrees` takes all of them away. */
export function writeTree(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'csm-inventory-'));
  made.push(root);
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

export function removeTrees(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}
