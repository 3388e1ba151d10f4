/** Programs are loaded from their bundle unless that is old, or modules are wished for. */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from './support/daemons.ts';

const CHOOSER = 'packages/model/bin/bundled.cjs';
const PROGRAMS = ['packages/daemon/bin/csmd.mjs', 'packages/cli/bin/csm.cjs'];

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
      const seal = kept.indexOf('\n');
      expect(JSON.parse(kept.toString('utf8', 0, seal))).to.include.members([process.version, process.arch]);
      for (const at of [0, seal - 1, seal, seal + 1, (seal + kept.length) >> 1, kept.length - 1]) {
        const bad = Buffer.from(kept);
        bad.writeUInt8(255 - bad.readUInt8(at), at);
        writeFileSync(compiled, bad);
        expect(run(), `byte ${at}`).to.equal('prog.cjs undefined');
      }
      for (const bad of [
        kept.subarray(0, -1),
        kept.subarray(0, seal + 1),
        kept.subarray(0, 20),
        Buffer.alloc(0),
        Buffer.alloc(kept.length),
      ]) {
        writeFileSync(compiled, bad);
        expect(run(), `${bad.length} bytes`).to.equal('prog.cjs undefined');
      }
      rmSync(compiled);
      mkdirSync(compiled);
      expect(run()).to.equal('prog.cjs undefined');
    });
  });

  describe('of csm', () => {
    const CSM = 'packages/cli/bin/csm.cjs';
    /** Runs the entry of `csm` over a program of these words. */
    const run = (main: string, ...flags: string[]) => {
      for (const file of [CSM, 'packages/cli/dist/bundle/csm.cjs'])
        mkdirSync(dirname(join(dir, file)), { recursive: true });
      copyFileSync(join(ROOT, CSM), join(dir, CSM));
      writeFileSync(join(dir, 'packages/cli/dist/bundle/csm.cjs'), `exports.main = ${main};`);
      const args = [...flags, join(dir, CSM), 'a', 'b'];
      const { status, stdout, stderr } = spawnSync(process.execPath, args, { encoding: 'utf8', env: environment({}) });
      return { status, stdout, stderr };
    };

    it('is given the line and the streams, and ends with its code', () => {
      const main = `async (argv, io) => {
        io.stdout.write(argv.join() + io.isTTY + io.canAsk + io.columns);
        io.stderr.write(String(io.interrupt.aborted));
        return (await io.stdin.toArray()).length + 7;
      }`;
      expect(run(main)).to.deep.equal({ status: 7, stdout: 'a,bfalsefalseundefined', stderr: 'false' });
    });

    it('is a success only when it has ended well', () => {
      expect(run('async () => 0').status).to.equal(0);
    });

    it('fails when it never ends', () => {
      const { status, stderr } = run('() => new Promise(() => undefined)');
      expect([status, stderr]).to.deep.equal([
        1,
        'csm: the command waits for something that will not come; this is a defect\n',
      ]);
    });

    it('fails with its stack when it throws', () => {
      const { status, stderr } = run('async function broken() { throw new TypeError("torn"); }');
      expect(status).to.equal(1);
      expect(stderr).to.match(/TypeError: torn\n +at broken .*bundle\/csm\.cjs:1:/);
    });

    it('starts without the loader of modules', () => {
      const told = join(dir, 'told.cjs');
      const words = 'process.on("exit", () => console.log(process.moduleLoadList.join()))';
      writeFileSync(told, words);
      const empty = join(dir, 'empty.mjs');
      writeFileSync(empty, '');
      const loader = /internal\/modules\/esm\/(?:module_job|resolve|translators)/;
      expect(node(['--require', told, empty])).to.match(loader);
      expect(run('async () => 0', '--require', told).stdout)
        .to.contain('NativeModule ')
        .and.not.match(loader);
    });
  });

  it('is left alone by a build where nothing was built since, for daemons may be starting from it', () => {
    const files = ['daemon/dist/bundle/csmd.mjs', 'cli/dist/bundle/csm.cjs', 'cli/dist/bundle/csm.compiled'];
    const seen = () => files.map((file) => statSync(join(ROOT, 'packages', file)).ino);
    const before = seen();
    const { status, stderr } = spawnSync(process.execPath, [join(ROOT, 'packaging/bundle.mjs')], { encoding: 'utf8' });
    expect(status, stderr).to.equal(0);
    expect(seen()).to.deep.equal(before);
  });

  it('says of its program what the modules say', () => {
    for (const program of PROGRAMS) {
      const help = [join(ROOT, program), '--help'];
      expect(node(help)).to.equal(node(help, { CSM_BUNDLE: 'off' }));
    }
  });
});
