/** Programs are loaded from their bundle unless that is old, or modules are wished for. */
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
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

  describe('that is a script', () => {
    let script = '';
    let compiled = '';
    /** What the program says, and whether what was kept was refused; undefined where nothing was tried. */
    const run = (keeps = false, flags: readonly string[] = []): string => {
      const words = `import { keepCompiled, runScript } from './${CHOOSER}';
        const { script, exports } = runScript('${script}');
        console.log(exports.answer(), script.cachedDataRejected);
        if (${keeps}) keepCompiled('${script}', script);`;
      return node([...flags, '--input-type=module', '-e', words], {}, dir).trim();
    };

    beforeEach(() => {
      script = join(dir, 'packages/p/dist/bundle/prog.cjs');
      compiled = script.replace('.cjs', '.compiled');
      writeFileSync(script, 'exports.answer = () => require("node:path").basename(__filename);');
      expect(run(true)).to.equal('prog.cjs undefined');
    });

    it('runs as it was compiled before', () => {
      expect(run()).to.equal('prog.cjs false');
      expect(run(false, ['--no-opt']), 'other flags').to.equal('prog.cjs true');
    });

    it('is compiled anew where it has changed, if only in one character', () => {
      const text = 'exports.answer = () => "come.cjs";';
      writeFileSync(script, text);
      expect(run(true)).to.equal('come.cjs undefined');
      writeFileSync(script, text.replace('come', 'some'));
      expect(run()).to.equal('some.cjs undefined');
    });

    it('is compiled anew where what was kept is of another engine, torn or not to be read', () => {
      const kept = readFileSync(compiled);
      for (const at of [0, 31, 40, kept.length - 1]) {
        const bad = Buffer.from(kept);
        bad.writeUInt8(255 - bad.readUInt8(at), at);
        writeFileSync(compiled, bad);
        expect(run(), `byte ${at}`).to.equal('prog.cjs undefined');
      }
      for (const bad of [kept.subarray(0, -1), kept.subarray(0, 20), Buffer.alloc(0), Buffer.alloc(kept.length)]) {
        writeFileSync(compiled, bad);
        expect(run(), `${bad.length} bytes`).to.equal('prog.cjs undefined');
      }
      rmSync(compiled);
      mkdirSync(compiled);
      expect(run()).to.equal('prog.cjs undefined');
    });
  });

  it('says of its program what the modules say', () => {
    for (const program of PROGRAMS) {
      const help = [join(ROOT, program), '--help'];
      expect(node(help)).to.equal(node(help, { CSM_BUNDLE: 'off' }));
    }
  });
});
