/** The loader's side of `record-modules.ts`; runs in the loader's own thread. */
import { appendFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

let file = '';

export function initialize(data: string): void {
  file = data;
}

export async function load(url: string, context: object, next: (url: string, context: object) => unknown) {
  if (url.startsWith('file:')) appendFileSync(file, `${fileURLToPath(url)}\n`);
  return next(url, context);
}
