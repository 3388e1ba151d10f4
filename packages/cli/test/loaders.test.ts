import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect } from 'chai';
import { commandName } from '../src/command.ts';
import { allCommands } from '../src/commands/index.ts';
import { LOADERS, loaderOf } from '../src/commands/loaders.ts';

const COMMANDS = await allCommands();
const run = promisify(execFile);
const MAIN = new URL('../src/main.js', import.meta.url).href;

/** Names the modules that a command line takes, one a line, on stderr. */
const HOOKS = `data:text/javascript,${encodeURIComponent(`
  import { writeSync } from 'node:fs';
  export async function load(url, context, next) { writeSync(2, 'module ' + url + '\\n'); return next(url, context); }
`)}`;
const PROGRAM = `
  import { register } from 'node:module';
  register(${JSON.stringify(HOOKS)});
  const { main } = await import(${JSON.stringify(MAIN)});
  const { stdin, stdout, stderr, env } = process;
  process.exitCode = await main(process.argv.slice(1), { stdin, stdout, stderr, env, isTTY: false });
`;

async function modulesOf(...argv: readonly string[]): Promise<readonly string[]> {
  const args = ['--input-type=module', '-e', PROGRAM, '--', ...argv];
  const { stderr } = await run(process.execPath, args, { cwd: fileURLToPath(new URL('.', import.meta.url)) });
  return [...stderr.matchAll(/^module (.*)$/gm)].map(([, url = '']) => url);
}

describe('the modules of a command', function () {
  this.timeout(60_000);

  it('are found by the words that name it, each once', () => {
    const names = COMMANDS.map((spec) => commandName(spec).replace(/^csm /, ''));
    expect(names).to.deep.equal(Object.keys(LOADERS));
    expect(new Set(COMMANDS).size).to.equal(COMMANDS.length);
  });

  it('are looked for only where a line begins with those words', async () => {
    expect((await loaderOf(['node', 'list', '-o', 'json'])?.())?.path).to.deep.equal(['node', 'list']);
    expect((await loaderOf(['health', 'list'])?.())?.path).to.deep.equal(['health']);
    for (const line of [
      [],
      ['node'],
      ['list'],
      ['node list'],
      ['-o', 'json', 'node', 'list'],
      ['toString'],
      ['node', 'lisst'],
    ])
      expect(loaderOf(line), line.join(' ')).to.equal(undefined);
  });

  it('are few where a line names one command, and those of no other', async () => {
    const modules = await modulesOf('node', 'list', '--help');
    const commands = modules.filter((url) => /\/cli\/dist\/src\/(?:commands|cert)\//.test(url));
    expect(commands.map((url) => url.replace(/.*\//, ''))).to.have.members(['loaders.js', 'node-list.js']);
    expect(modules.filter((url) => url.includes('/pki/'))).to.deep.equal([]);
    expect(modules.length).to.be.within(20, 70);
  });

  it('are all loaded where help lists them', async () => {
    const modules = await modulesOf('--help');
    expect(modules.filter((url) => url.includes('/cli/dist/src/commands/')).length).to.be.above(40);
  });
});
