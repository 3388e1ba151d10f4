#!/usr/bin/env node
import { load } from '@csm/model/bundled';

const interrupt = new AbortController();
// The first signal ends the command in order; a second one finds Node's own handler and ends the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupt.abort(signal));

const io = {
  stdin: process.stdin,
  stdout: process.stdout,
  stderr: process.stderr,
  env: process.env,
  isTTY: process.stdout.isTTY === true,
  canAsk: process.stdin.isTTY === true && process.stderr.isTTY === true,
  columns: process.stdout.columns,
  interrupt: interrupt.signal,
};
const argv = process.argv.slice(2);

if (argv[0] === '__complete') {
  // A shell asks at every Tab: this loads a part of the program only.
  const { complete } = await import('../dist/src/completion/candidates.js');
  await complete(argv.slice(1), io);
} else {
  const { main } = await load('cli', 'csm');
  process.exitCode = await main(argv, io);
}
