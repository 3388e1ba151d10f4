import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROLES } from '@csm/model';
import { expect } from 'chai';

const UNITS = fileURLToPath(new URL('../../systemd', import.meta.url));
const EXPOSURE_MAX = 4.0;

const analyze = (...args: string[]) =>
  spawnSync('systemd-analyze', ['--no-pager', ...args], { encoding: 'utf8', env: { ...process.env, LC_ALL: 'C' } });

const hasOffline = analyze('--help').stdout?.includes('--offline') ?? false;

/** `Key=value` pairs of a unit; a key may stand more than once. */
function settings(text: string): readonly (readonly [string, string])[] {
  return text
    .split('\n')
    .map((line) => /^([A-Z]\w*)=(.*)$/.exec(line))
    .flatMap((match) => (match === null ? [] : [[match[1] ?? '', match[2] ?? ''] as const]));
}

/** The roles of the tree, and the service that may stand alone. */
const UNIT_ROLES = [...ROLES, 'heartbeat'] as const;

describe('the systemd units', () => {
  let copies = '';
  before(() => {
    copies = mkdtempSync(join(tmpdir(), 'csm-units-'));
  });
  after(() => rmSync(copies, { recursive: true, force: true }));

  /** A copy whose program is there, so that only the unit itself is judged. */
  function copyOf(name: string, change: (text: string) => string = (text) => text): string {
    const copy = join(copies, name);
    writeFileSync(copy, change(readFileSync(join(UNITS, name), 'utf8').replace('/usr/bin/csmd', '/bin/true')));
    return copy;
  }

  function needsAnalyze(context: Mocha.Context): void {
    if (hasOffline) return;
    const words = 'skipped: needs systemd-analyze of systemd 250 or later (apt-get install systemd)';
    if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(words);
    console.log(`      ${words}`);
    context.skip();
  }

  /** What systemd says about the file itself; remarks about other units of this machine do not count. */
  const remarks = (file: string): string[] => {
    // The manual pages it names are installed with the units, not by a test.
    const run = analyze('--man=no', 'verify', file);
    return `${run.stdout}${run.stderr}`.split('\n').filter((line) => line.includes(file) || line.includes('csmd-'));
  };

  const exposure = (file: string): number =>
    Number(/Overall exposure level .*: (\d+\.\d+)/.exec(analyze('security', '--offline=true', file).stdout)?.[1]);

  it('are one for each role', () => {
    expect(readdirSync(UNITS).sort()).to.deep.equal(UNIT_ROLES.map((role) => `csmd-${role}.service`).sort());
  });

  for (const role of UNIT_ROLES) {
    const name = `csmd-${role}.service`;

    it(`${name} says what every daemon needs`, () => {
      const pairs = settings(readFileSync(join(UNITS, name), 'utf8'));
      const one = (key: string): string[] => pairs.filter(([given]) => given === key).map(([, value]) => value);
      expect(one('ExecStart')).to.deep.equal([`/usr/bin/csmd --role ${role} --file /etc/csm/csm_${role}.cfg`]);
      const expected = {
        Type: 'notify',
        NotifyAccess: 'main',
        ExecReload: '/bin/kill -HUP $MAINPID',
        WatchdogSec: '60',
        Restart: 'always',
        RestartSec: '1',
        RestartPreventExitStatus: '78',
        StartLimitIntervalSec: '0',
        TimeoutStopSec: '90',
        LimitNOFILE: '65536',
        ConfigurationDirectory: 'csm',
        StateDirectory: 'csm',
        LogsDirectory: 'csm',
        RuntimeDirectory: 'csm',
        RuntimeDirectoryPreserve: 'yes',
        NoNewPrivileges: 'yes',
        WantedBy: 'multi-user.target',
      };
      for (const [key, value] of Object.entries(expected)) expect(one(key), key).to.deep.equal([value]);
    });

    it(`${name} has nothing that systemd does not understand`, function () {
      needsAnalyze(this);
      expect(remarks(copyOf(name))).to.deep.equal([]);
    });

    it(`${name} is exposed at most ${EXPOSURE_MAX.toFixed(1)}`, function () {
      needsAnalyze(this);
      expect(exposure(copyOf(name))).to.be.within(0.1, EXPOSURE_MAX);
    });
  }

  it('would be found out by these tests if they were wrong', function () {
    needsAnalyze(this);
    const wrong = copyOf('csmd-master.service', (text) => text.replace('WatchdogSec=60', 'WatchdogSecs=60'));
    expect(remarks(wrong).join('\n')).to.match(/WatchdogSecs/);
    const open = copyOf('csmd-utility.service', (text) => text.replace(/^(Protect|Restrict|System|Capab).*$/gm, ''));
    expect(exposure(open)).to.be.above(EXPOSURE_MAX);
  });
});
