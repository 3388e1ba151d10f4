/**
 * One group of tests: a mocha of its own, with a directory of its own for temporary files and a mark in the environment,
 * by which whatever it started is found when it has ended. Groups that run at once print into a file each, which is
 * shown whole at the group's end.
 */
import { spawn } from 'node:child_process';
import {
  chmodSync,
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
} from 'node:fs';
import { freemem, tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROOT } from './prepare.mjs';

const GROUP_TIMEOUT_MS = 20 * 60_000;
/** Each lane has ports of its own: see `freePorts` in test/support/daemons.ts. */
export const LANES_MAX = 8;

const MEMORY = '/dev/shm';
const ROOM_BYTES = 8 * 1024 ** 3;

/**
 * Where groups have their directories: in memory where there is much of it, unless TMPDIR names a place. Hundreds of
 * databases are made and thrown away, none of which anybody wants back after a power cut, and an ext4 that has just lost
 * as many files spends more on each new one than its test does.
 */
const BASE = process.env['TMPDIR'] === undefined && hasRoomInMemory() ? MEMORY : tmpdir();

function hasRoomInMemory() {
  try {
    const mount = readFileSync('/proc/mounts', 'utf8')
      .split('\n')
      .find((line) => line.split(' ')[1] === MEMORY);
    const { bavail, bsize } = statfsSync(MEMORY);
    // Programs of tests are run from there.
    return mount !== undefined && !/[ ,]noexec[ ,]/.test(mount) && Math.min(bavail * bsize, freemem()) > ROOM_BYTES;
  } catch {
    return false;
  }
}

let groups = 0;

/** Runs `work(group, lane, isAlone)` over the groups, `jobs` of them at a time; resolves with the results in the order of their ends. */
export async function atOnce(waiting, jobs, work) {
  const results = [];
  const queue = [...waiting];
  const lanes = Math.min(jobs, queue.length);
  const run = async (lane) => {
    for (let group = queue.shift(); group !== undefined; group = queue.shift()) {
      results.push(await work(group, lane, lanes === 1));
    }
  };
  await Promise.all(Array.from({ length: lanes }, (_, lane) => run(lane)));
  return results;
}

/**
 * Resolves with `{ name, tally: { passed, failed, skipped }, complaints, wallMs, cpuMs, slowest, dearest }`, the last two
 * lists of `{ title, ms, cpuMs }`; complaints are texts. What a group that is alone prints is seen at once.
 */
export async function runGroup({ name, files, timeout, grep, coverage }, lane, isAlone) {
  const temporary = mkdtempSync(join(BASE, 'csm-t-'));
  // Tests that start a server as another user need to get through.
  chmodSync(temporary, 0o755);
  const mark = `csm-test-${process.pid}-${++groups}-${Date.now()}`;
  const [tallyFile, outFile] = [`${temporary}.json`, `${temporary}.out`];
  if (isAlone) console.log(`\n${name}`);
  const began = performance.now();
  const env = {
    TMPDIR: temporary,
    CSM_TEST_TALLY: tallyFile,
    CSM_TEST_MARK: mark,
    CSM_TEST_LANE: String(lane),
    ...(coverage && { NODE_V8_COVERAGE: join(coverage, 'tmp') }),
  };
  const args = [...(grep === undefined ? [] : ['--grep', grep]), ...files, '--timeout', String(timeout)];
  const end = await mocha(args, env, isAlone ? undefined : outFile);
  const wallMs = performance.now() - began;
  const { reasons, cpuMs, slowest, dearest, ...tally } = existsSync(tallyFile)
    ? JSON.parse(readFileSync(tallyFile, 'utf8'))
    : { passed: 0, failed: 0, skipped: 0, reasons: [], cpuMs: 0, slowest: [], dearest: [] };
  const complaints = [];
  const complain = (words) => {
    complaints.push(`  ${name}: ${words}`);
    tally.failed++;
  };
  if (!existsSync(tallyFile)) complain(`mocha did not come to its end (${end})`);
  else if (end !== 0 && tally.failed === 0) complain(`mocha ended with ${end}`);
  // Suites that --grep leaves out do not run the hooks that would remove what they made when they were read.
  const left = grep === undefined ? readdirSync(temporary) : [];
  if (left.length > 0) complain(`left in the directory for temporary files: ${left.slice(0, 10).join(', ')}`);
  for (const { pid, command } of marked(mark)) {
    complain(`left running: ${pid} ${command}`);
    kill(pid);
  }
  const printed = isAlone ? '' : `\n${name}\n${readFileSync(outFile, 'utf8')}`;
  if (printed !== '' || complaints.length > 0) process.stdout.write(`${[printed, ...complaints].join('\n')}\n`);
  for (const file of [temporary, tallyFile, outFile]) rmSync(file, { recursive: true, force: true });
  const failed = reasons.map(({ title, words }) => `  ${title}\n    ${words.replaceAll('\n', '\n    ')}`);
  return { name, tally, complaints: [...failed, ...complaints], wallMs, cpuMs, slowest, dearest };
}

/** Resolves with the exit code, or the signal. */
function mocha(args, env, outFile) {
  const file = join(ROOT, 'node_modules/mocha/bin/mocha.js');
  const argv = ['--single-threaded-gc', file, '--reporter', join(ROOT, 'test/reporter.cjs'), ...args];
  const out = outFile === undefined ? 'inherit' : openSync(outFile, 'a');
  const child = spawn(process.execPath, argv, {
    cwd: ROOT,
    env: { ...process.env, ...env, ...(outFile !== undefined && process.stdout.isTTY && { FORCE_COLOR: '1' }) },
    stdio: ['inherit', out, outFile === undefined ? 'inherit' : out],
  });
  if (typeof out === 'number') closeSync(out);
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
