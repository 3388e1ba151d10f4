import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect } from 'chai';
import { type Finding, realPrograms, recordedPrograms } from '../src/index.ts';

const ENDED = { output: '', errors: '', cutBytes: 0, flooded: false, aborted: false, durationMs: 1 };

describe('programs', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-programs-'));
    const script = (name: string, text: string) => {
      writeFileSync(join(dir, name), `#!/bin/sh\n${text}\n`);
      chmodSync(join(dir, name), 0o755);
    };
    script('tells', 'echo "$LC_ALL:$1"; cat');
    script('crashes', 'echo "no\tdevice" >&2; exit 3');
    script('finds', 'echo found; echo "no\tdevice" >&2; exit 3');
    script('fails', 'echo "on stdout"; exit 4');
    script('warns', 'echo "deprecated" >&2; echo "{}"');
    script('screams', 'echo "{}"; while :; do echo 0123456789012345678901234567890123456789 >&2; done');
    script('hangs', "trap '' TERM; while :; do sleep 1; done");
    script('floods', 'while :; do echo 0123456789012345678901234567890123456789; done');
    writeFileSync(join(dir, 'cannot'), 'no program');
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  const reason = (finding: Finding<string>): string =>
    'reason' in finding ? finding.reason : `found ${finding.value}`;
  const programs = () => realPrograms(`${dir}:/usr/bin:/bin`);

  it('give what they wrote, in the C locale and with nothing to read', async () => {
    expect(await programs().run(['tells', 'x y'])).to.deep.equal({ value: 'C:x y\n' });
  });

  it('that are not there, or cannot run, are a reason', async () => {
    expect(reason(await programs().run(['nosuch']))).to.equal('nosuch: not found');
    expect(reason(await programs().run(['cannot']))).to.match(/cannot: permission denied/);
  });

  it('that crash are a reason with their first words, which are clean', async () => {
    expect(reason(await programs().run(['crashes']))).to.equal('crashes ended with 3: no device');
    expect(reason(await programs().run(['finds'])), 'stderr first').to.equal('finds ended with 3: no device');
    expect(reason(await programs().run(['fails'])), 'else stdout').to.equal('fails ended with 4: on stdout');
  });

  it('that warn on stderr have only what they wrote to stdout taken', async () => {
    expect(await programs().run(['warns'])).to.deep.equal({ value: '{}\n' });
  });

  it('that tell findings by their status are believed where that is said', async () => {
    const finding = await programs().run(['finds'], { exitOk: (status) => (status & 3) === 3 });
    expect(finding).to.deep.equal({ value: 'found\n' });
  });

  it('that hang are ended with all they started', async () => {
    expect(reason(await programs().run(['hangs'], { timeoutMs: 100 }))).to.equal('hangs did not end within 100 ms');
  });

  it('that flood are ended at once and refused, not cut', async () => {
    const finding = await programs().run(['floods'], { maxOutput: 1000 });
    expect(reason(finding)).to.equal('floods wrote more than the 1000 bytes allowed');
    const screaming = await programs().run(['screams'], { maxOutput: 1000 });
    expect(reason(screaming)).to.equal('screams wrote more than the 1000 bytes allowed');
  });

  it('that not even SIGKILL ends are not started again while they run', async () => {
    const sleeper = spawn('sleep', ['60'], { detached: true, stdio: 'ignore' });
    let started = 0;
    const stuck = realPrograms('/bin:/usr/bin', async () => {
      started++;
      return { ...ENDED, code: 137, timedOut: true, leftRunning: sleeper.pid ?? 0 };
    });
    try {
      expect(reason(await stuck.run(['sleep', '1']))).to.equal('sleep did not end within 10000 ms');
      expect(reason(await stuck.run(['sleep', '2']))).to.match(
        /^sleep of an earlier call still runs, though it was killed/,
      );
      expect(started).to.equal(1);
    } finally {
      sleeper.kill('SIGKILL');
      await once(sleeper, 'exit');
    }
    await stuck.run(['sleep', '3']);
    expect(started).to.equal(2);
  });

  it('can be called off', async () => {
    const abort = new AbortController();
    const running = programs().run(['hangs'], { signal: abort.signal });
    abort.abort();
    expect(reason(await running)).to.equal('hangs was called off');
  });

  it('can be recorded: one file for one command line', async () => {
    writeFileSync(join(dir, 'nvme_smart-log_-o_json__dev_nvme0'), '{}\n');
    const recorded = recordedPrograms(dir);
    expect(await recorded.run(['nvme', 'smart-log', '-o', 'json', '/dev/nvme0'])).to.deep.equal({ value: '{}\n' });
    expect(reason(await recorded.run(['nvme', 'list']))).to.equal('nvme: not found');
  });
});
