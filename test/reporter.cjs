/**
 * Prints like mocha's `spec` and ends with one line `N passed, N failed, N skipped`. Three things fail here that mocha
 * lets pass: a run without a single test, a rejection that nobody handles, and a test file that leaves something behind
 * that keeps the process alive.
 * Under test/run.mjs, which runs mocha many times, the counts go to the file CSM_TEST_TALLY instead, with what failed and
 * why, the processor time used, and the tests and hooks that took the longest and cost the most.
 */
const { readFileSync, writeFileSync } = require('node:fs');
const { inspect } = require('node:util');
const { reporters, Runner } = require('mocha');
const { inSources } = require('./stacks.cjs');

const LEFT_MS = 5_000;
const SLOWEST = 30;
/** What is kept of failures: of one that takes all others with it, and of one that shows a whole answer. */
const [FAILURES, FAILURE_LENGTH] = [10, 10_000];
/** Of the times in /proc: it is 100 on every Linux. */
const TICKS_PER_S = 100;

class Reporter extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    this.rejections = [];
    this.tally = { passed: 0, failed: 0, skipped: 0 };
    const count = (key) => () => {
      this.tally[key]++;
    };
    runner.on(Runner.constants.EVENT_TEST_PASS, count('passed'));
    runner.on(Runner.constants.EVENT_TEST_FAIL, count('failed'));
    runner.on(Runner.constants.EVENT_TEST_PENDING, count('skipped'));
    this.reasons = [];
    runner.on(Runner.constants.EVENT_TEST_FAIL, (runnable, error) => {
      if (typeof error?.stack === 'string') error.stack = inSources(error.stack);
      this.keep(runnable.fullTitle(), reasonOf(error));
    });
    this.times = [];
    let used = cpuMs();
    const time = (runnable) => {
      const now = cpuMs();
      this.times.push({ title: runnable.fullTitle(), ms: runnable.duration ?? 0, cpuMs: now - used });
      used = now;
    };
    runner.on(Runner.constants.EVENT_TEST_END, time);
    runner.on(Runner.constants.EVENT_HOOK_END, time);
    // Mocha lets a rejection that nobody handles pass. It is counted, not thrown: a throw ends the whole run when the
    // test's own promise settles later. Mocha emits each a second time.
    const seen = new WeakSet();
    process.on('unhandledRejection', (reason, promise) => {
      if (seen.has(promise)) return;
      seen.add(promise);
      this.tally.failed++;
      const [title, words] = [runner.currentRunnable?.fullTitle() ?? 'no test', inSources(inspect(reason))];
      this.rejections.push(`in "${title}": ${words}`);
      this.keep(title, `a rejection was not handled: ${words}`);
    });
  }

  keep(title, words) {
    const { length } = this.reasons;
    if (length < FAILURES) this.reasons.push({ title, words: words.slice(0, FAILURE_LENGTH) });
    else if (length === FAILURES)
      this.reasons.push({ title: 'and more', words: 'they stand in the output of their group' });
  }

  done(failures, finish) {
    const { tally } = this;
    const file = process.env.CSM_TEST_TALLY;
    if (file === undefined && tally.passed + tally.failed === 0) {
      console.log('  no test ran');
      tally.failed++;
    }
    finish(failures);

    // Fires only when something else keeps the process alive.
    const left = setTimeout(() => {
      console.log(`  something is left behind that keeps the process alive after ${LEFT_MS / 1000} s:`);
      console.log(`  ${process.getActiveResourcesInfo().join(', ')}`);
      tally.failed++;
      this.keep('after the last test', 'something is left behind that keeps the process alive');
      process.exit(1);
    }, LEFT_MS);
    left.unref();

    // Added after mocha's own handler, which would set the exit code back to the number of failures.
    process.on('exit', () => {
      for (const words of this.rejections) console.log(`  a rejection was not handled ${words}\n`);
      if (tally.failed > 0) process.exitCode = Math.min(tally.failed, 255);
      if (file === undefined) console.log(`${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`);
      else
        writeFileSync(
          file,
          JSON.stringify({
            ...tally,
            reasons: this.reasons,
            cpuMs: cpuMs(),
            slowest: most(this.times, 'ms'),
            dearest: most(this.times, 'cpuMs'),
          }),
        );
    });
  }
}

/** What it compared comes first: a message may hold the logs of many daemons. */
function reasonOf(error) {
  try {
    if (typeof error?.stack !== 'string') return inspect(error);
    const { stack, expected, actual } = error;
    return `${expected === undefined ? '' : `expected ${shown(expected)}, was ${shown(actual)}\n`}${stack}`;
  } catch {
    return 'what was thrown cannot be shown';
  }
}

const shown = (value) => (typeof value === 'string' ? value : inspect(value));

const most = (times, key) => times.sort((a, b) => b[key] - a[key]).slice(0, SLOWEST);

/** Of this process and, where /proc tells, of its children that have ended, with theirs. */
function cpuMs() {
  try {
    const stat = readFileSync('/proc/self/stat', 'utf8');
    // Behind the name, which may hold anything: utime, stime, cutime and cstime are the 12th to 15th.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (fields.slice(11, 15).reduce((sum, ticks) => sum + Number(ticks), 0) * 1000) / TICKS_PER_S;
  } catch {
    const { user, system } = process.cpuUsage();
    return (user + system) / 1000;
  }
}

module.exports = Reporter;
