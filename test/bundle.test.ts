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

function node(args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
  const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: environment(env) });
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
  });

  it('is not missed where there is none', () => {
    built('src.tsbuildinfo', 1000);
    expect(chosen()).to.equal('src/main.js');
  });

  it('says of its program what the modules say', () => {
    for (const program of PROGRAMS) {
      const help = [join(ROOT, program), '--help'];
      expect(node(help)).to.equal(node(help, { CSM_BUNDLE: 'off' }));
    }
  });
});
