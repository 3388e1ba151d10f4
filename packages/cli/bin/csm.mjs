#!/usr/bin/env node
import { main } from '../dist/src/main.js';

const interrupt = new AbortController();
// The first signal ends the command in order; a second one finds Node's own handler and ends the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupt.abort(signal));

process.exitCode = await main(process.argv.slice(2), {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  isTTY: process.stdout.isTTY === true,
  columns: process.stdout.columns,
  interrupt: interrupt.signal,
});
