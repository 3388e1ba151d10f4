// Before what `npm run` starts: installs if needed, and builds.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../../test/prepare.mjs';

/** Ends the process when the build fails. */
export async function build() {
  prepare();
  const root = fileURLToPath(new URL('../../../', import.meta.url));
  const { status } = spawnSync(
    process.execPath,
    [`${root}node_modules/typescript/bin/tsc`, '-b', 'packages/sim', 'packages/daemon', 'packages/cli'],
    // What is asked for goes to the standard output, and nothing else.
    { cwd: root, stdio: ['inherit', 2, 'inherit'] },
  );
  if (status !== 0) process.exit(status ?? 1);
  const { bundle } = await import('../../../packaging/bundle.mjs');
  await bundle();
}
