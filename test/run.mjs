/**
 * Builds and runs the tests; the last line is `N passed, N failed, N skipped`.
 *
 *   node test/run.mjs                          everything, after a clean build
 *   node test/run.mjs packages/store           a package, `test`, `test/slow` or one test file
 *   node test/run.mjs packages/store --fast    the same without removing what was built before
 *   node test/run.mjs --grep "loses no"        only tests whose names match
 *   node test/run.mjs --coverage               and a coverage report, in full in coverage/
 *   node test/run.mjs --clean                  only removes what builds leave
 *
 * Each package, and each slow file, has a mocha of its own, with a directory of its own for temporary files. A test
 * that leaves a file there, a process, or something that keeps its process alive, fails its group.
 */
import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { prepare, ROOT } from './prepare.mjs';

/** A deadline for what hangs, not a measure: a loaded machine is slow, and properties take their time. */
const TIMEOUT_MS = 60_000;
const SLOW_TIMEOUT_MS = 120_000;
const GROUP_TIMEOUT_MS = 20 * 60_000;
const COVERAGE = join(ROOT, 'coverage');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string', short: 'g' },
    fast: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    clean: { type: 'boolean', default: false },
  },
});

async function main() {
  const parts = positionals.length === 0 ? everyPart() : positionals.map(partOf);
  if (options.clean || !options.fast) clean(positionals.length === 0 ? everyPart() : parts);
  if (options.clean) return;
  prepare();
  if (!build(parts)) {
    console.log('\nthe build failed');
    return close({ passed: 0, failed: 1, skipped: 0 });
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  const bad = [];
  for (const group of parts.flatMap(groupsOf)) {
    const tally = await run(group);
    for (const key of Object.keys(total)) total[key] += tally[key];
    if (tally.failed > 0) bad.push(`${group.name}: ${tally.failed} failed`);
  }
  if (total.passed + total.failed === 0) {
    bad.push('no test ran');
    total.failed++;
  }
  if (options.coverage) reportCoverage();
  if (bad.length > 0) console.log(`\n${bad.join('\n')}`);
  close(total);
}

function close({ passed, failed, skipped }) {
  process.exitCode = failed > 0 ? 1 : 0;
  console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
}

/** A part is what is built and cleaned together: a package, or the folder test. `only` narrows what is run of it. */
function everyPart() {
  const packages = readdirSync(join(ROOT, 'packages')).sort();
  return [...packages.map((name) => ({ dir: `packages/${name}` })), { dir: 'test' }].filter(({ dir }) =>
    existsSync(join(ROOT, testProject(dir), 'tsconfig.json')),
  );
}

function partOf(given) {
  const path = relative(ROOT, resolve(given));
  const [top, name] = path.split(sep);
  const dir = top === 'packages' && name !== undefined ? `packages/${name}` : 'test';
  const isKnown = (top === 'packages' || top === 'test') && existsSync(join(ROOT, path));
  if (!isKnown || !existsSync(join(ROOT, testProject(dir), 'tsconfig.json'))) {
    console.error(`run: '${given}' is no package, nor test, test/slow or a test file in them`);
    process.exit(2);
  }
  const inTests = relative(testProject(dir), path);
  const isWhole = path === dir || inTests === '' || inTests.startsWith('..');
  return { dir, ...(!isWhole && { only: inTests.replace(/^dist\//, '').replace(/\.ts$/, '.js') }) };
}

const testProject = (dir) => (dir === 'test' ? 'test' : `${dir}/test`);
const outDir = (dir) => join(ROOT, dir === 'test' ? 'test/dist' : `${dir}/dist/test`);

function clean(parts) {
  for (const { dir } of parts) rmSync(join(ROOT, dir, 'dist'), { recursive: true, force: true });
}

function build(parts) {
  const all = positionals.length === 0;
  const projects = all ? [] : parts.map(({ dir }) => testProject(dir));
  return tool('typescript/bin/tsc', ['-b', ...projects]).status === 0;
}

function tool(file, args) {
  return spawnSync(process.execPath, [join(ROOT, 'node_modules', file), ...args], { cwd: ROOT, stdio: 'inherit' });
}

/** The mocha runs of a part: its quick tests at once, each slow file by itself. */
function groupsOf({ dir, only = '' }) {
  const out = outDir(dir);
  const files = (existsSync(out) ? readdirSync(out, { recursive: true }) : [])
    .filter((file) => file.endsWith('.test.js') && (file === only || only === '' || file.startsWith(`${only}${sep}`)))
    .sort();
  const isSlow = (file) => file.startsWith(`slow${sep}`);
  const quick = files.filter((file) => !isSlow(file));
  const groups = files.filter(isSlow).map((file) => ({
    name: `${testProject(dir)}/${file}`,
    files: [join(out, file)],
    timeout: SLOW_TIMEOUT_MS,
  }));
  if (quick.length > 0) groups.unshift({ name: dir, files: quick.map((file) => join(out, file)), timeout: TIMEOUT_MS });
  return groups;
}

async function run({ name, files, timeout }) {
  const temporary = mkdtempSync(join(tmpdir(), 'csm-t-'));
  // Tests that start a server as another user need to get through.
  chmodSync(temporary, 0o755);
  const mark = `csm-test-${process.pid}-${Date.now()}`;
  const tallyFile = `${temporary}.json`;
  console.log(`\n${name}`);
  const end = await mocha([...files, '--timeout', String(timeout)], {
    TMPDIR: temporary,
    CSM_TEST_TALLY: tallyFile,
    CSM_TEST_MARK: mark,
    ...(options.coverage && { NODE_V8_COVERAGE: join(COVERAGE, 'tmp') }),
  });
  const tally = existsSync(tallyFile)
    ? JSON.parse(readFileSync(tallyFile, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0 };
  const complain = (words) => {
    console.log(`  ${name}: ${words}`);
    tally.failed++;
  };
  if (!existsSync(tallyFile)) complain(`mocha did not come to its end (${end})`);
  else if (end !== 0 && tally.failed === 0) complain(`mocha ended with ${end}`);
  // Suites that --grep leaves out do not run the hooks that would remove what they made when they were read.
  const left = options.grep === undefined ? readdirSync(temporary) : [];
  if (left.length > 0) complain(`left in the directory for temporary files: ${left.slice(0, 10).join(', ')}`);
  for (const { pid, command } of marked(mark)) {
    complain(`left running: ${pid} ${command}`);
    kill(pid);
  }
  rmSync(temporary, { recursive: true, force: true });
  rmSync(tallyFile, { force: true });
  return tally;
}

/** Resolves with the exit code, or the signal. */
function mocha(args, env) {
  const grep = options.grep === undefined ? [] : ['--grep', options.grep];
  const file = join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const argv = ['--enable-source-maps', file, '--reporter', join(ROOT, 'test/reporter.cjs'), ...grep, ...args];
  const child = spawn(process.execPath, argv, { cwd: ROOT, env: { ...process.env, ...env }, stdio: 'inherit' });
  const timer = setTimeout(() => child.kill('SIGKILL'), GROUP_TIMEOUT_MS);
  return new Promise((done) => {
    child.once('error', (error) => done(error.message));
    child.once('exit', (code, signal) => {
      clearTimeout(timer);
      done(code ?? signal);
    });
  });
}

/** Processes that run and carry the mark in their environment: all that a group started, however far away. */
function marked(mark) {
  if (!existsSync('/proc/self/environ')) return [];
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((pid) => {
      try {
        // A process that has ended and waits for its parent has no environment any more.
        if (!readFileSync(`/proc/${pid}/environ`, 'latin1').includes(mark)) return [];
        const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').slice(0, 120);
        return [{ pid: Number(pid), command }];
      } catch {
        return [];
      }
    });
}

function kill(pid) {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It has ended meanwhile.
  }
}

function reportCoverage() {
  const sources = ['--include', 'packages/*/src/**', '--include', 'packages/*/dist/src/**', '--exclude-after-remap'];
  const report = ['report', '--temp-directory', join(COVERAGE, 'tmp'), '--reports-dir', COVERAGE];
  console.log('');
  tool('c8/bin/c8.js', [
    ...report,
    '--reporter',
    'text-summary',
    '--reporter',
    'html',
    '--reporter',
    'lcovonly',
    ...sources,
  ]);
  rmSync(join(COVERAGE, 'tmp'), { recursive: true, force: true });
}

await main();
