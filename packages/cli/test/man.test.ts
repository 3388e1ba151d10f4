import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'chai';
import fc from 'fast-check';
import { allCommands } from '../src/commands/index.ts';
import { manPages } from '../src/index.ts';
import { escaped, inline, manPage, roffOf } from '../src/man/roff.ts';
import { optionsOf } from '../src/program.ts';
import { text } from './harness.ts';

const COMMANDS = await allCommands();
const INFO = { date: '2026-10-17', version: '0.1.0' };
const SETTINGS = {
  name: 'csm_master.cfg',
  summary: 'settings of a master',
  markdown: 'All.\n\n| setting | unit | default |\n|---|---|---|\n| `csm.x` | s | 3 |\n',
};

/** What a checker of manual pages says of a file; undefined where it is not installed. */
function lint(program: string, args: readonly string[], file: string): string | undefined {
  const { error, stdout, stderr } = spawnSync(program, [...args, file], {
    encoding: 'utf8',
    env: { ...process.env, LC_ALL: 'C.UTF-8' },
  });
  if (error === undefined) return stdout + stderr;
  if (process.env['CSM_TEST_REQUIRE'] === 'all') throw new Error(`needs ${program}`);
  return undefined;
}

describe('manual pages', () => {
  let dir: string;
  const pages = manPages(COMMANDS, [SETTINGS], INFO);
  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-man-'));
    for (const page of pages) {
      mkdirSync(dirname(join(dir, page.path)), { recursive: true });
      writeFileSync(join(dir, page.path), page.text);
    }
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  it('are one for each command, and those of the daemon, its settings and groups', () => {
    const paths = pages.map(({ path }) => path);
    for (const { path } of COMMANDS) expect(paths).to.include(`man1/csm-${path.join('-')}.1`);
    expect(paths).to.include.members(['man1/csm.1', 'man8/csmd.8', 'man5/csm-groups.5', 'man5/csm_master.cfg.5']);
    expect(new Set(paths).size).to.equal(paths.length);
  });

  it('tell every option and example of a command', () => {
    for (const spec of COMMANDS) {
      const page = pages.find(({ path }) => path === `man1/csm-${spec.path.join('-')}.1`)?.text ?? '';
      for (const { flags } of optionsOf(spec)) expect(page).to.contain(`\n\\fB${escaped(flags)}\\fR\n`);
      for (const { line } of spec.examples) expect(page).to.contain(`\n${escaped(line)}\n`);
      for (const name of ['NAME', 'SYNOPSIS', 'DESCRIPTION', 'EXAMPLES', 'EXIT STATUS', 'SEE ALSO'])
        expect(page, spec.path.join(' ')).to.match(new RegExp(`\\n\\.SH "?${name}"?\\n`));
    }
  });

  it('name only pages that there are', () => {
    const known = new Set(pages.map(({ path }) => path.slice('man1/'.length)));
    for (const { path, text: page } of pages) {
      const named = [...page.matchAll(/\\fB([a-z][\w.\\-]*)\\fR\((\d)\)/g)].map(
        ([, name = '', section]) => `${name.replaceAll('\\-', '-')}.${section}`,
      );
      for (const one of named.filter((name) => name.startsWith('csm')))
        expect(known.has(one) || /^csm_\w+\.cfg\.5$/.test(one), `${path} names ${one}`).to.equal(true);
    }
  });

  it('please mandoc and groff', function () {
    let checked = 0;
    for (const { path } of pages) {
      for (const [program, args] of [
        ['mandoc', ['-Tlint', '-W', 'warning']],
        ['groff', ['-man', '-ww', '-Tutf8', '-z']],
      ] as const) {
        const said = lint(program, args, join(dir, path));
        if (said === undefined) continue;
        expect(said, path).to.equal('');
        checked++;
      }
    }
    if (checked === 0) this.skip();
  });

  it('are shown by man', function () {
    const said = lint('man', ['--warnings', '-l', '-P', 'cat'], join(dir, 'man1/csm-node-list.1'));
    if (said === undefined) return this.skip();
    expect(said).to.match(/^CSM-NODE-LIST\(1\) +CSM Commands/);
    expect(said).to.contain('csm node list [options] [nodeset]');
    expect(said).to.contain("csm node list 'n[001-008]' --type compute");
  });

  it('keep every text as text', () => {
    expect(escaped("a-b \\ 'c' `d` ^~ ü→")).to.equal('a\\-b \\e \\(aqc\\(aq \\(gad\\(ga \\(ha\\(ti \\[u00FC]\\[u2192]');
    expect(inline('see `-o json` of [errors](errors.md#x)')).to.equal('see \\fB\\-o json\\fR of errors');
    expect(roffOf(".TH x\n\n'sc\n")).to.equal('\\&.TH x\n.PP\n\\(aqsc');
    expect(
      manPage(
        {
          name: 'x',
          section: 5,
          summary: 'one',
          synopsis: ['x [options] <set> -- <command...>'],
          body: '## A b\n\nOne.\n\n- two\n  three\n- four\n\n```\n.five\n```\n\n| a | b | c |\n|---|---|---|\n| `t` | u\\|v | - |\n',
        },
        INFO,
      ),
    ).to.equal(
      text`
      .TH "X" 5 "2026-10-17" "CSM 0.1.0" "CSM Files"
      .ad l
      .SH NAME
      x \- one
      .SH SYNOPSIS
      \fBx\fR [options] \fIset\fR \-\- \fIcommand...\fR
      .SH "A B"
      One.
      .IP \(bu 2
      two three
      .IP \(bu 2
      four
      .PP
      .RS 4
      .nf
      \&.five
      .fi
      .RE
      .TP
      \fBt\fR
      b: u|v
    `,
    );
  });

  it('have no line that roff would read as a request, whatever the text', () => {
    const unit = fc.constantFrom(...'.\'\\-`ab \n|#"^~ü'.split(''));
    fc.assert(
      fc.property(fc.string({ unit, maxLength: 60 }), (body) => {
        for (const line of roffOf(`x ${body}`).split('\n'))
          if (/^[.']/.test(line)) expect(line).to.match(/^\.(?:PP|TP|SH|SS|IP|RS|RE|nf|fi|br)\b/);
      }),
      { numRuns: 1000 },
    );
  });
});
