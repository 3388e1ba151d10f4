#!/usr/bin/env node
import { setFlagsFromString } from 'node:v8';

// A thousand nodes share a heap of a hundred megabytes, and where all of them link anew it is full of what the links of
// before left: the engine looked through all of it eight times in a storm. It may grow to four times what lives before it
// does; a real node's heap is small, and soon looked through.
setFlagsFromString('--heap-growing-percent=300');
const { main } = await import('../dist/src/main.js');

process.exitCode = await main(process.argv.slice(2));
