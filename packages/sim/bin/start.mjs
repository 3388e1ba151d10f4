// `npm start`: runs the demo cluster.
import { build } from './build.mjs';

await build();
const { demoMain } = await import('../dist/src/demo.js');
process.exitCode = await demoMain(process.argv.slice(2));
