// `npm run faults [-- name …]`: plays faults.
import { build } from './build.mjs';

await build();
const { faultsMain } = await import('../dist/src/faults/main.js');
process.exitCode = await faultsMain(process.argv.slice(2));
