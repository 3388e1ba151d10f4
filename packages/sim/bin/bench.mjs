// `npm run bench -- <name>`: runs a benchmark.
import { build } from './build.mjs';

await build();
const { benchMain } = await import('../dist/src/bench/main.js');
process.exitCode = await benchMain(process.argv.slice(2));
