import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { found, type Host, missing, type Programs, RootTree } from '@csm/host';

/** Path below the root → content; a path that ends with `/` is a directory, `{link}` a symbolic link. */
export type Files = { readonly [path: string]: string | Buffer | { readonly link: string } };

const made: string[] = [];

/** Writes `files` below a new directory and gives its path; `removeTrees` takes all of them away. */
export function writeTree(files: Files): string {
  const root = mkdtempSync(join(tmpdir(), 'csm-inventory-'));
  made.push(root);
  for (const [path, content] of Object.entries(files)) {
    if (path.endsWith('/')) {
      mkdirSync(join(root, path), { recursive: true });
      continue;
    }
    mkdirSync(dirname(join(root, path)), { recursive: true });
    if (typeof content === 'string' || Buffer.isBuffer(content)) writeFileSync(join(root, path), content);
    else symlinkSync(content.link, join(root, path));
  }
  return root;
}

export function removeTrees(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** Programs by their whole command line → output, or the reason there is none. `runs` is filled with what was run. */
export function told(
  outputs: { readonly [command: string]: string | { readonly reason: string } },
  runs: string[] = [],
): Programs {
  return {
    async run(argv) {
      const command = argv.join(' ');
      runs.push(command);
      const output = outputs[command];
      if (output === undefined) return missing(`${argv[0]}: not found`);
      return typeof output === 'string' ? found(output) : output;
    },
  };
}

export const hostAt = (root: string, programs: Programs = told({})): Host => ({ tree: new RootTree(root), programs });

/** A machine of these files, and of these programs alone. */
export const machine = (files: Files, programs?: Programs): Host => hostAt(writeTree(files), programs);
