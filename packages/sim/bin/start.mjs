// `npm start`: installs if needed, builds, and runs the demo cluster.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { prepare } from '../../../test/prepare.mjs';

prepare();
const root = fileURLToPath(new URL('../../../', import.meta.url));
const built = spawnSync(
  process.execPath,
  [`${root}node_modules/typescript/bin/tsc`, '-b', 'packages/sim', 'packages/daemon', 'packages/cli'],
  { cwd: root, stdio: 'inherit' },
);
if (built.status !== 0) process.exit(built.status ?? 1);
const { demoMain } = await import('../dist/src/demo.js');
process.exitCode = await demoMain(process.argv.slice(2));
