import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory for the tests of the suite this is called in; its `path` is there while they run. */
export function scratch(): { readonly path: string } {
  let path = '';
  before(() => {
    path = mkdtempSync(join(tmpdir(), 'csm-kit-'));
  });
  after(() => rmSync(path, { recursive: true, force: true }));
  return {
    get path() {
      return path;
    },
  };
}

/** Waits until `isSo` holds; fails with `what` after `ms`. */
export async function until(what: string, isSo: () => boolean, ms = 30_000): Promise<void> {
  const end = performance.now() + ms;
  while (!isSo()) {
    if (performance.now() > end) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Skips the test in words when a program is missing; where all tests are required it fails. */
export function needs(context: Mocha.Context, isThere: boolean, what: string, debianPackage: string): void {
  if (isThere) return;
  const words = `skipped: needs ${what} (apt-get install ${debianPackage})`;
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
  console.log(`      ${words}`);
  context.skip();
}
