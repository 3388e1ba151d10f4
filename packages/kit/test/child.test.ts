import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect } from 'chai';
import fc from 'fast-check';
import { head, headTail } from '../src/child/head-tail.ts';
import { unprotect } from '../src/child/oom.ts';
import { runChild } from '../src/index.ts';
import { needs, scratch, until } from './scratch.ts';

const HANGS = fileURLToPath(new URL('../../../../test/fixtures/programs/hang', import.meta.url));

const sh = (script: string, options: Partial<Parameters<typeof runChild>[0]> = {}) =>
  runChild({ argv: ['sh', '-c', script], ...options });

/** Whether a process runs; one that has ended and waits for its parent does not. */
function runs(pid: number): boolean {
  try {
    return !/^\d+ \(.*\) [ZX]/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return false;
  }
}

describe('runChild', () => {
  const dir = scratch();

  it('gives code and output of both streams in the order written', async () => {
    const result = await sh('for i in 1 2 3; do echo out$i; echo err$i >&2; done; exit 3');
    expect(result).to.deep.include({ code: 3, timedOut: false, aborted: false, cutBytes: 0 });
    expect(result.output).to.equal('out1\nerr1\nout2\nerr2\nout3\nerr3\n');
    expect(result.durationMs).to.be.above(0);
  });

  it('passes arguments, environment, directory and input unchanged', async () => {
    const result = await runChild({
      argv: ['sh', '-c', 'cat; printf "%s|" "$@" "$X"; pwd', 'sh', '$HOME "x"', '-n', ''],
      env: { PATH: process.env['PATH'], X: 'a b' },
      cwd: dir.path,
      stdin: 'in\n',
    });
    expect(result.output).to.equal(`in\n$HOME "x"|-n||a b|${dir.path}\n`);
  });

  it('gives stderr apart, as much as its beginning', async () => {
    const result = await sh('echo out1; echo err1 >&2; echo out2; echo err2 >&2; exit 3', { stderr: 'apart' });
    expect(result).to.include({ code: 3, output: 'out1\nout2\n', errors: 'err1\nerr2\n', flooded: false });
    expect((await sh('echo err >&2')).errors).to.equal('');
    const long = await sh('printf é >&2; yes €€€ | head -c 20000000 >&2; echo out', { stderr: 'apart' });
    expect(long).to.include({ code: 0, output: 'out\n', cutBytes: 0, flooded: false });
    expect(long.errors).to.match(/^é€€€\n(€€€\n)+€*$/);
    expect(Buffer.byteLength(long.errors)).to.be.within(4094, 4096);
  });

  it('ends what floods either stream when told so', async () => {
    const flood = { endAtMaxOutput: true, maxOutput: 10_000, stderr: 'apart' } as const;
    const errors = await sh('echo out; yes >&2', flood);
    expect(errors).to.include({ flooded: true, output: 'out\n', cutBytes: 0, timedOut: false, aborted: false });
    expect(await sh('yes', flood)).to.include({ flooded: true, errors: '' });
    expect(await sh('yes | head -c 10000; yes | head -c 10000 >&2', flood)).to.include({ flooded: false, code: 0 });
  });

  it('does not wait for what holds both streams, in its group or out of it', async () => {
    const left = await sh('sleep 60 & echo $!; echo err >&2', { stderr: 'apart' });
    expect(left).to.include({ code: 0, errors: 'err\n' });
    expect(left.durationMs).to.be.below(20_000);
    expect(runs(Number(left.output))).to.equal(false);
    const away = await sh('setsid sh -c "echo \\$\\$; exec sleep 60" & sleep 0.2', { stderr: 'apart' });
    expect(away.durationMs).to.be.below(20_000);
    process.kill(Number(away.output), 'SIGKILL');
    await until('it is gone', () => !runs(Number(away.output)));
  });

  it('ends fixtures that hang in time, with what they started', async () => {
    const running = readdirSync(HANGS).flatMap((name) =>
      (['merged', 'apart'] as const).map((stderr) =>
        runChild({ argv: [join(HANGS, name)], stderr, timeoutMs: 1_000, graceMs: 100 }),
      ),
    );
    for (const result of await Promise.all(running)) {
      expect(result).to.include({ timedOut: true, flooded: false });
      // 143 where a loaded machine did not let it get as far as to refuse SIGTERM.
      expect(result.code).to.be.oneOf([137, 143]);
      expect(result.output).to.match(/^(started\n)?$/);
      // Time and grace, and room for a loaded machine; what it leaves in the background sleeps 600 s.
      expect(result.durationMs).to.be.below(20_000);
    }
  });

  it('keeps head and tail of a long output and says how much it cut', async () => {
    const result = await sh('yes 0123456789 | head -c 50000000; echo end', { maxOutput: 1000 });
    expect(result.output).to.match(/^0123456789\n[\s\S]*\n\[… 49999004 bytes left out …\]\n[\s\S]*end\n$/);
    expect(result.cutBytes).to.equal(49_999_004);
  });

  it('ends a whole group that runs out of time, also one that ignores SIGTERM', async () => {
    const result = await sh('trap "" TERM; echo $$; (trap "" TERM; sleep 60) & echo $!; wait; sleep 60', {
      timeoutMs: 1_000,
      graceMs: 100,
    });
    expect(result).to.include({ timedOut: true, code: 137, signal: 'SIGKILL' });
    const pids = result.output.trim().split('\n').map(Number);
    expect(pids).to.have.length(2);
    expect(pids.filter(runs)).to.deep.equal([]);
  });

  it('lets a child end itself at SIGTERM', async () => {
    const result = await sh('trap "echo bye; exit 9" TERM; echo up; while :; do sleep 0.01; done', {
      timeoutMs: 1_000,
    });
    expect(result).to.include({ timedOut: true, code: 9 });
    expect(result.output).to.match(/^up\n(Terminated\n)?bye\n$/);
  });

  it('ends what a leader leaves behind with the pipe in its hands', async () => {
    const result = await sh('sleep 60 & echo $!');
    expect(result).to.include({ code: 0, timedOut: false });
    expect(result.durationMs).to.be.below(20_000);
    expect(runs(Number(result.output))).to.equal(false);
  });

  it('does not wait for a process that left the group and holds the pipe', async () => {
    const result = await sh('setsid sh -c "echo \\$\\$; exec sleep 60" & sleep 0.2; exit 4');
    const pid = Number(result.output);
    expect(result.code).to.equal(4);
    expect(result.durationMs).to.be.below(20_000);
    expect(runs(pid)).to.equal(true);
    process.kill(pid, 'SIGKILL');
    await until('it is gone', () => !runs(pid));
  });

  it('wakes and ends a stopped group', async () => {
    const result = await sh('kill -STOP $$', { timeoutMs: 100, graceMs: 20_000 });
    expect(result).to.include({ code: 143, signal: 'SIGTERM', timedOut: true });
    expect(result.durationMs).to.be.below(20_000);
  });

  it('can be called off before and while it runs', async () => {
    const off = new AbortController();
    const marker = join(dir.path, 'started');
    const running = sh(`touch ${marker}; sleep 60`, { signal: off.signal });
    await until('it runs', () => existsSync(marker));
    off.abort();
    expect(await running).to.include({ aborted: true, timedOut: false, code: 143 });
    const result = await sh('echo no', { signal: off.signal });
    expect(result).to.include({ aborted: true, code: 126 });
    expect(result.output).to.not.include('no\n');
  });

  it('says in words and with the shell’s codes what cannot be run', async () => {
    const plain = join(dir.path, 'plain');
    writeFileSync(plain, 'x');
    expect(await runChild({ argv: ['no-such-program'] })).to.include({
      code: 127,
      notStarted: 'no-such-program: not found',
      output: 'no-such-program: not found\n',
    });
    expect(await runChild({ argv: [plain] })).to.include({ code: 126, notStarted: `${plain}: permission denied` });
    expect(await runChild({ argv: [dir.path] })).to.include({ code: 126, notStarted: `${dir.path}: is a directory` });
    expect(await runChild({ argv: [] })).to.include({ code: 127, notStarted: 'the command is empty' });
    expect((await sh('x', { cwd: '/no/such' })).notStarted).to.match(/\/no\/such, which is no directory/);
    expect((await runChild({ argv: ['echo', 'a\0b'] })).notStarted).to.match(/null bytes/);
    expect((await runChild({ argv: ['echo', 'x'.repeat(3_000_000)] })).notStarted).to.match(/E2BIG/);
    chmodSync(plain, 0o755);
    writeFileSync(plain, '#!/no/such/shell\n');
    expect((await runChild({ argv: [plain] })).code).to.be.oneOf([126, 127]);
  });

  it('is not held up by a child that does not read its input', async () => {
    const result = await sh('exec 0<&-; echo done', { stdin: Buffer.alloc(5_000_000) });
    expect(result).to.include({ code: 0, output: 'done\n' });
  });

  it('runs as another user with its groups', async function () {
    needs(this, userInfo().uid === 0, 'root', 'sudo');
    needs(this, spawnSync('setpriv', ['--version']).status === 0, 'setpriv', 'util-linux');
    const result = await runChild({ argv: ['id', '-un'], user: { uid: 65_534, gid: 65_534 } });
    expect(result).to.include({ code: 0, output: 'nobody\n' });
    const unknown = await runChild({ argv: ['id'], user: { uid: 54_321, gid: 1 } });
    expect(unknown.code).to.not.equal(0);
    expect(unknown.output).to.match(/setpriv/);
  });

  it('does not hand on that the kernel spares the daemon when memory runs out', async () => {
    // A stand-in for /proc/self/oom_score_adj, which not every root may lower.
    const file = join(dir.path, 'oom_score_adj');
    writeFileSync(file, '0\n');
    expect(unprotect(file)).to.equal('');
    expect(unprotect(join(dir.path, 'missing'))).to.equal('');
    writeFileSync(file, '-500\n');
    expect((await sh(`${unprotect(file)}echo on`)).output).to.equal('on\n');
    expect(readFileSync(file, 'utf8')).to.equal('0\n');
  });

  it('leaves no process behind in many runs at once', async () => {
    const results = await Promise.all(Array.from({ length: 20 }, (_, i) => sh(`sleep 30 & echo $!; exit ${i}`)));
    expect(results.map((result) => result.code)).to.deep.equal(Array.from({ length: 20 }, (_, i) => i));
    expect(results.map((result) => Number(result.output)).filter(runs)).to.deep.equal([]);
  });
});

describe('headTail', () => {
  const chunked = (bytes: Buffer, sizes: readonly number[], max: number) => {
    const kept = headTail(max);
    let at = 0;
    for (let i = 0; at < bytes.length; i++) {
      const size = sizes[i % sizes.length] ?? 1;
      kept.push(bytes.subarray(at, at + size));
      at += size;
    }
    return kept;
  };

  it('keeps everything that fits, and otherwise whole characters of both ends', () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 5 });
    const text = fc
      .array(fc.constantFrom('a', 'é', '€', '😀', '\n', '\0'), { maxLength: 100 })
      .map((all) => all.join(''));
    fc.assert(
      fc.property(text, sizes, fc.nat({ max: 300 }), (given, chunks, max) => {
        const bytes = Buffer.from(given);
        const kept = chunked(bytes, chunks, max);
        expect(kept.total).to.equal(bytes.length);
        if (bytes.length <= max) {
          expect(kept.text()).to.equal(given);
          expect(kept.cut()).to.equal(0);
          return;
        }
        const note = `\n[… ${kept.cut()} bytes left out …]\n`;
        const at = kept.text().indexOf(note);
        const [head, tail] = [kept.text().slice(0, at), kept.text().slice(at + note.length)];
        expect(given.startsWith(head) && given.endsWith(tail), 'both ends are the given ones').to.equal(true);
        expect(Buffer.byteLength(head) + Buffer.byteLength(tail) + kept.cut()).to.equal(bytes.length);
        expect(kept.cut()).to.be.within(bytes.length - max, bytes.length - max + 6);
      }),
    );
  });

  it('holds a bounded amount however much comes, in bytes or in pieces', () => {
    const kept = headTail(64);
    for (let i = 0; i < 200_000; i++) kept.push(Buffer.from([48 + (i % 10)]));
    expect(kept.cut()).to.equal(200_000 - 64);
    expect(kept.text()).to.match(/^01234567890123456789012345678901\n.*\n89012345678901234567890123456789$/);
  });
});

describe('head', () => {
  it('keeps the first whole characters, in however many pieces they come', () => {
    for (const size of [1, 2, 3, 7, 1000]) {
      const kept = head(10);
      const bytes = Buffer.from('€€€€€');
      for (let at = 0; at < bytes.length; at += size) kept.push(bytes.subarray(at, at + size));
      expect(kept.text()).to.equal('€€€');
      expect(kept.total).to.equal(15);
    }
    const fits = head(3);
    fits.push(Buffer.from([0x61, 0xff, 0xe2]));
    expect(fits.text()).to.equal('a\ufffd\ufffd');
  });
});
