// `npm run faults [-- name …]`: installs if needed, builds, and plays faults.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../../test/prepare.mjs';

prepare();
const root = fileURLToPath(new URL('../../../', import.meta.url));
const built = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-b', 'packages/sim', 'packages/daemon', 'packages/cli'],
  // What is found goes to the standard output, and nothing else.
  { cwd: root, stdio: ['inherit', 2, 'inherit'] },
);
if (built.status !== 0) process.exit(built.status ?? 1);
const { faultsMain } = await import('../dist/src/faults/main.js');
process.exitCode = await faultsMain(process.argv.slice(2));
