// `npm run bench -- <name>`: installs if needed, builds, and runs a benchmark.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../../test/prepare.mjs';

prepare();
const root = fileURLToPath(new URL('../../../', import.meta.url));
const built = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-b', 'packages/sim', 'packages/daemon', 'packages/cli'],
  // What is measured goes to the standard output, and nothing else.
  { cwd: root, stdio: ['inherit', 2, 'inherit'] },
);
if (built.status !== 0) process.exit(built.status ?? 1);
const { benchMain } = await import('../dist/src/bench/main.js');
process.exitCode = await benchMain(process.argv.slice(2));
