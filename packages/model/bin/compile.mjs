// Keeps beside a bundled script what this engine makes of it: `node compile.mjs FILE`. In a process of its own, since the
// engine takes it again only under the same flags. A command is run first that finds no daemon, so that what is compiled
// when it is first needed is kept too.
import { Readable, Writable } from 'node:stream';
import { keepCompiled, runScript } from './bundled.cjs';

const [, , file] = process.argv;
const { script, exports: program } = runScript(file);
const nowhere = () => new Writable({ write: (_chunk, _encoding, done) => done() });
const io = { stdin: Readable.from([]), stdout: nowhere(), stderr: nowhere(), env: {}, isTTY: false };
await program.main(['node', 'list', '--socket', `${file}.none`], io);
keepCompiled(file, script);
