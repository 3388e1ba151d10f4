/** The manual pages as an installation gets them: all are there, readers of such pages find nothing to complain of. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ROLES } from '@csm/model';
import { expect } from 'chai';
import { csmd, ROOT } from './support/daemons.ts';

const GENERATE = join(ROOT, 'packages/daemon/bin/generate.mjs');

/** Roles of the tree, and the service that may stand alone. */
const WITH_SETTINGS = [...ROLES, 'heartbeat'] as const;

describe('the manual pages', () => {
  let dir: string;
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-man-'));
    const made = spawnSync(process.execPath, [GENERATE, '--man', dir], {
      encoding: 'utf8',
      env: { ...process.env, SOURCE_DATE_EPOCH: '1792224000' },
    });
    expect(made.stderr).to.equal('');
    expect(made.status).to.equal(0);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('are of commands, of files and of the daemon, dated as they are told', () => {
    expect(readdirSync(dir).sort()).to.deep.equal(['man1', 'man5', 'man8']);
    expect(readdirSync(join(dir, 'man5'))).to.include.members([
      'csm-groups.5',
      ...WITH_SETTINGS.map((role) => `csm_${role}.cfg.5`),
    ]);
    expect(readdirSync(join(dir, 'man1'))).to.include.members(['csm.1', 'csm-node-list.1']);
    expect(readFileSync(join(dir, 'man8/csmd.8'), 'utf8')).to.match(/^\.TH "CSMD" 8 "2026-10-17" "CSM /);
  });

  it('tell every setting of a role', () => {
    for (const role of WITH_SETTINGS) {
      const settings = readFileSync(join(ROOT, `docs/reference/settings-${role}.md`), 'utf8');
      const page = readFileSync(join(dir, `man5/csm_${role}.cfg.5`), 'utf8').replaceAll('\\-', '-');
      const names = [...settings.matchAll(/^\| `([^`]+)` \|/gm)].map(([, name = '']) => name);
      expect(names).to.have.length.above(10);
      for (const name of names) expect(page, role).to.contain(`\n\\fB${name}\\fR\n`);
    }
  });

  it('tell every option of csmd', async () => {
    const { stdout } = await csmd(['--help']);
    const options = [...stdout.matchAll(/^ {2}(-\w, )?(--[a-z-]+)/gm)].map(([, , long = '']) => long);
    expect(options).to.include.members(['--role', '--check']);
    const page = readFileSync(join(dir, 'man8/csmd.8'), 'utf8').replaceAll('\\-', '-');
    for (const option of options) expect(page, option).to.match(new RegExp(`\\\\fB(?:-\\w, )?${option}[ \\\\]`));
  });

  it('are read by man without a warning', function () {
    const pages = readdirSync(dir).flatMap((section) =>
      readdirSync(join(dir, section)).map((name) => join(dir, section, name)),
    );
    for (const page of pages) {
      const { error, stdout, stderr } = spawnSync('groff', ['-man', '-ww', '-Tutf8', '-z', page], { encoding: 'utf8' });
      if (error !== undefined) {
        if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error('needs groff (apt-get install groff-base)');
        return this.skip();
      }
      expect(stdout + stderr, page).to.equal('');
    }
  });
});
