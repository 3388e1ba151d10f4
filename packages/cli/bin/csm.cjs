#!/usr/bin/env node
'use strict';
// A script, and so is what it loads: to start the engine's loader of modules takes longer than many a command.
const { writeSync } = require('node:fs');
const { isatty } = require('node:tty');
// By its place: what a package exports is looked up by a part of that loader.
const { load } = require('../../model/bin/bundled.cjs');

const interrupt = new AbortController();
// The first signal ends the command in order; a second one finds Node's own handler and ends the process.
for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => interrupt.abort(signal));

const io = {
  // A stream is made where it is first asked for.
  get stdin() {
    return process.stdin;
  },
  get stdout() {
    return process.stdout;
  },
  get stderr() {
    return process.stderr;
  },
  env: process.env,
  isTTY: isatty(1),
  canAsk: isatty(0) && isatty(2),
  // Of a terminal only, which is asked for its size.
  columns: isatty(1) ? process.stdout.columns : undefined,
  interrupt: interrupt.signal,
};

async function run(argv) {
  if (argv[0] === '__complete') {
    // A shell asks at every Tab: this loads a part of the program only.
    const { complete } = await import('../dist/src/completion/candidates.js');
    return complete(argv.slice(1), io);
  }
  const { main } = await load('cli', 'csm');
  return main(argv, io);
}

// A command that never ends, with nothing left to wait for, is no success.
const unfinished = () => {
  writeSync(2, 'csm: the command waits for something that will not come; this is a defect\n');
  process.exitCode = 1;
};
process.once('beforeExit', unfinished);
// What is thrown Node tells, with its stack, and ends with 1.
void run(process.argv.slice(2)).then((code) => {
  process.off('beforeExit', unfinished);
  process.exitCode = code;
});
