/** Programs are loaded from their bundle unless that is old, or modules are wished for. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from './support/daemons.ts';

const CHOOSER = 'packages/model/bin/bundled.mjs';
const PROGRAMS = ['packages/daemon/bin/csmd.mjs', 'packages/cli/bin/csm.mjs'];

/** Without what coverage sets, which has a meaning here. */
const environment = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv => {
  const { NODE_V8_COVERAGE: _, ...rest } = process.env;
  return { ...rest, ...env };
};

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}, cwd = ROOT): string {
  const options = { encoding: 'utf8', env: environment(env), cwd } as const;
  const { status, stdout, stderr } = spawnSync(process.execPath, args, options);
  expect(stderr).to.equal('');
  expect(status).to.equal(0);
  return stdout;
}

describe('the bundle of a program', () => {
  let dir = '';
  beforeEach(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-bundle-'));
    for (const file of ['packages/p/dist/bundle/prog.mjs', 'packages/p/dist/src.tsbuildinfo', CHOOSER])
      mkdirSync(dirname(join(dir, file)), { recursive: true });
    copyFileSync(join(ROOT, CHOOSER), join(dir, CHOOSER));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const built = (file: string, second: number): void => {
    writeFileSync(join(dir, 'packages/p/dist', file), '');
    utimesSync(join(dir, 'packages/p/dist', file), second, second);
  };
  const chosen = (env: NodeJS.ProcessEnv = {}): string => {
    const words = `import { programOf } from './${CHOOSER}'; console.log(programOf('p', 'prog'));`;
    const { stdout } = spawnSync(process.execPath, ['--input-type=module', '-e', words], {
      cwd: dir,
      encoding: 'utf8',
      env: environment(env),
    });
    return stdout.trim().split('/dist/')[1] ?? stdout;
  };

  it('is taken when nothing was built after it', () => {
    built('bundle/prog.mjs', 1000);
    expect(chosen(), 'an installation has no trace of the build').to.equal('bundle/prog.mjs');
    built('src.tsbuildinfo', 1000);
    expect(chosen()).to.equal('bundle/prog.mjs');
  });

  it('is left where a part was built later, where coverage is measured, and where it is not wanted', () => {
    built('bundle/prog.mjs', 1000);
    expect(chosen({ CSM_BUNDLE: 'off' })).to.equal('src/main.js');
    expect(chosen({ NODE_V8_COVERAGE: join(dir, 'coverage') })).to.equal('src/main.js');
    built('src.tsbuildinfo', 1001);
    expect(chosen()).to.equal('src/main.js');
    built('bundle/prog.cjs', 1001);
    expect(chosen(), 'a script').to.equal('bundle/prog.cjs');
  });

  it('is not missed where there is none', () => {
    built('src.tsbuildinfo', 1000);
    expect(chosen()).to.equal('src/main.js');
  });

  it('that is a script runs as the engine has compiled it before, where that is still so', () => {
    const script = join(dir, 'packages/p/dist/bundle/prog.cjs');
    const compiled = script.replace('.cjs', '.compiled');
    const words = `import { runScript } from './${CHOOSER}'; import { writeFileSync } from 'node:fs';
      const { script, exports } = runScript('${script}');
      console.log(exports.answer(), script.cachedDataRejected);
      if (process.argv[1] === 'keep') writeFileSync('${compiled}', script.createCachedData());`;
    const run = (...args: string[]): string => {
      const [program, ...flags] = args.reverse();
      return node([...flags, '--input-type=module', '-e', words, program ?? ''], {}, dir).trim();
    };
    writeFileSync(script, 'exports.answer = () => require("node:path").basename(__filename);');
    expect(run('')).to.equal('prog.cjs undefined');
    expect(run('keep')).to.equal('prog.cjs undefined');
    expect(run('')).to.equal('prog.cjs false');
    expect(run('--no-opt', ''), 'other flags').to.equal('prog.cjs true');
    writeFileSync(compiled, 'torn');
    expect(run('')).to.equal('prog.cjs true');
    expect(run('keep')).to.equal('prog.cjs true');
    writeFileSync(script, 'exports.answer = () => 42;');
    utimesSync(compiled, 1000, 1000);
    expect(run(''), 'a newer script').to.equal('42 undefined');
  });

  it('says of its program what the modules say', () => {
    for (const program of PROGRAMS) {
      const help = [join(ROOT, program), '--help'];
      expect(node(help)).to.equal(node(help, { CSM_BUNDLE: 'off' }));
    }
  });
});
