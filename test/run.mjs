/**
 * Builds and runs the tests; the last line is `N passed, N failed, N skipped`.
 *
 *   node test/run.mjs                          everything, after a clean build
 *   node test/run.mjs packages/store           a package, `test`, `test/slow` or one test file
 *   node test/run.mjs packages/store --fast    the same without removing what was built before
 *   node test/run.mjs --grep "loses no"        only tests whose names match
 *   node test/run.mjs --coverage               and a coverage report, in full in coverage/
 *   node test/run.mjs --times                  and what each group and the slowest and dearest tests took
 *   node test/run.mjs --jobs 1                 one group after the other, printed as it goes
 *   node test/run.mjs --clean                  only removes what builds leave
 *
 * Each package, and each slow file, has a mocha of its own, with a directory of its own for temporary files. A test
 * that leaves a file there, a process, or something that keeps its process alive, fails its group. Five groups run at once
 * for two processors, since whole daemons mostly wait; each group's output comes in one piece.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative, resolve, sep } from 'node:path';
import { parseArgs } from 'node:util';
import { atOnce, LANES_MAX, runGroup } from './groups.mjs';
import { prepare, ROOT } from './prepare.mjs';
import { timesOf } from './times.mjs';

/** A deadline for what hangs, not a measure: a loaded machine is slow, and properties take their time. */
const TIMEOUT_MS = 60_000;
const SLOW_TIMEOUT_MS = 120_000;
/**
 * The groups that take half a minute and more begin first, the longest of all before them: none is left alone at the end.
 * Those that mostly wait stand between those that mostly work.
 */
const LONGEST = [
  'packages/store',
  'packages/heartbeat',
  'slow/versions',
  'slow/node-states',
  'slow/exactly-once',
  'slow/hostile',
  'slow/master-away',
  'packages/node',
  'packages/environment',
  'slow/install',
  'slow/sink',
  'test',
  'slow/certificates',
  'slow/demo',
  'slow/heartbeat',
  'slow/run-once',
  'packages/tree',
  'slow/access',
  'slow/modules',
  'slow/standby',
  'slow/signals',
  'slow/database',
  'slow/refusals',
  'slow/streams',
  'slow/metrics',
  'slow/environment',
  'slow/health',
  'packages/cli',
];
/**
 * What judges by time who is dead: beside other groups, a starved daemon would be told dead, and rightly so. These run
 * one after another at the end.
 */
const TIMED = ['faults'];
const COVERAGE = join(ROOT, 'coverage');

const { values: options, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    grep: { type: 'string', short: 'g' },
    fast: { type: 'boolean', default: false },
    coverage: { type: 'boolean', default: false },
    times: { type: 'boolean', default: false },
    jobs: { type: 'string', short: 'j', default: String(Math.min(Math.ceil(2.5 * availableParallelism()), LANES_MAX)) },
    clean: { type: 'boolean', default: false },
  },
});

async function main() {
  const parts = positionals.length === 0 ? everyPart() : positionals.map(partOf);
  if (options.clean || !options.fast) clean(positionals.length === 0 ? everyPart() : parts);
  if (options.clean) return;
  prepare();
  if (!(await build(parts))) {
    console.log('\nthe build failed');
    return close({ passed: 0, failed: 1, skipped: 0 });
  }
  const total = { passed: 0, failed: 0, skipped: 0 };
  const bad = [];
  const work = async (group, lane, isAlone) => {
    const asked = { grep: options.grep, coverage: options.coverage && COVERAGE };
    const result = await runGroup({ ...group, ...asked }, lane, isAlone);
    for (const key of Object.keys(total)) total[key] += result.tally[key];
    // Said again at the end: its own place may be thousands of lines further up.
    if (result.tally.failed > 0)
      bad.push([`${group.name}: ${result.tally.failed} failed`, ...result.complaints].join('\n'));
    return result;
  };
  const groups = inOrder(parts.flatMap(groupsOf));
  const ran = await atOnce(
    groups.filter((group) => !isTimed(group)),
    jobs(),
    work,
  );
  ran.push(...(await atOnce(groups.filter(isTimed), 1, work)));
  if (total.passed + total.failed === 0) {
    bad.push('no test ran');
    total.failed++;
  }
  if (options.coverage) reportCoverage();
  if (options.times) console.log(timesOf(ran));
  if (bad.length > 0) console.log(`\n${bad.join('\n')}`);
  close(total);
}

/** The longest first, then the other slow ones, then the packages. */
function inOrder(groups) {
  const rank = ({ name, timeout }) => {
    const at = LONGEST.findIndex((word) => name === word || name.endsWith(`/${word}.test.js`));
    return at >= 0 ? at : LONGEST.length + (timeout === SLOW_TIMEOUT_MS ? 0 : 1);
  };
  return groups.sort((a, b) => rank(a) - rank(b));
}

const isTimed = ({ name }) => TIMED.some((word) => name.endsWith(`slow/${word}.test.js`));

function jobs() {
  const wanted = Number(options.jobs);
  if (Number.isInteger(wanted) && wanted >= 1 && wanted <= LANES_MAX) return wanted;
  console.error(`run: --jobs is '${options.jobs}'; allowed: a whole number from 1 to ${LANES_MAX}`);
  process.exit(2);
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

async function build(parts) {
  const all = positionals.length === 0;
  const projects = all ? [] : parts.map(({ dir }) => testProject(dir));
  if (tool('typescript/bin/tsc', ['-b', ...projects]).status !== 0) return false;
  const { bundle } = await import('../packaging/bundle.mjs');
  await bundle();
  return true;
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
