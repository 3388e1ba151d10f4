// The Debian package of a set, made by Debian's dpkg-deb from the tree of that set.
import { spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { digest, filesBelow, makeDir, write } from './files.mjs';
import { SETS } from './sets.mjs';

/** Where programs and packages stand: ours alone. */
const LIB = 'usr/lib/csm';

/** 1.0.0-rc.1 comes before 1.0.0, which Debian writes with a tilde. */
export const debVersion = (version) => version.replace('-', '~').replace(/[^A-Za-z0-9.+~]/g, '.');

export function debName({ set, version, arch }) {
  return `csm-${set}_${debVersion(version)}_${debArch(arch)}.deb`;
}

/** A set without compiled code runs everywhere. */
const debArch = (arch) => (arch === '' ? 'all' : ({ x64: 'amd64', ia32: 'i386', arm: 'armhf' }[arch] ?? arch));

/** Makes the package in `file`. The tree is used up. */
export function makeDeb(root, tree, file, facts, { epoch, compression }) {
  const stage = mkdtempSync(join(tmpdir(), 'csm-deb-'));
  try {
    chmodSync(stage, 0o755);
    const { set, version } = facts;
    const { roles, programs, summary } = SETS[set];
    const name = `csm-${set}`;
    const move = (from, to) => {
      makeDir(join(stage, to, '..'));
      renameSync(join(tree, from), join(stage, to));
    };
    for (const part of ['bin', 'node_modules', 'RELEASE']) move(part, `${LIB}/${part}`);
    makeDir(join(stage, 'usr/bin'));
    for (const program of Object.keys(programs))
      symlinkSync(`../lib/csm/bin/${program}`, join(stage, 'usr/bin', program));
    move('etc', 'etc/csm');
    for (const role of roles) move(`systemd/csmd-${role}.service`, `usr/lib/systemd/system/csmd-${role}.service`);
    if (roles.length > 0) {
      move('share/tmpfiles.conf', 'usr/lib/tmpfiles.d/csm.conf');
      move('share/logrotate', 'etc/logrotate.d/csm');
    }
    move('share/bash-completion/completions/csm', 'usr/share/bash-completion/completions/csm');
    move('share/zsh/site-functions/_csm', 'usr/share/zsh/vendor-completions/_csm');
    const packed = (to, text) => write(join(stage, to), gzipSync(text, { level: 9 }));
    for (const path of filesBelow(join(tree, 'share/man')))
      packed(`usr/share/man/${path}.gz`, readFileSync(join(tree, 'share/man', path)));
    const doc = `usr/share/doc/${name}`;
    if (readdirSync(tree).includes('examples')) move('examples', `${doc}/examples`);
    packed(`${doc}/NEWS.md.gz`, readFileSync(join(tree, 'CHANGELOG.md')));
    packed(`${doc}/changelog.gz`, changelog(name, version, epoch));
    write(join(stage, doc, 'copyright'), COPYRIGHT);
    write(
      join(stage, 'usr/share/lintian/overrides', name),
      readFileSync(join(root, 'packaging/deb/lintian-overrides')),
    );

    const control = (path, text, mode = 0o644) => write(join(stage, 'DEBIAN', path), text, mode);
    const files = filesBelow(stage);
    const conffiles = files.filter((path) => path.startsWith('etc/'));
    control('conffiles', conffiles.map((path) => `/${path}\n`).join(''));
    const sums = files
      .filter((path) => !path.startsWith('etc/') && !path.startsWith('usr/bin/'))
      .map((path) => `${digest(readFileSync(join(stage, path)), 'md5')}  ${path}\n`);
    control('md5sums', sums.join(''));
    for (const script of ['preinst', 'postinst', 'prerm', 'postrm'])
      control(script, scriptOf(root, script, facts), 0o755);
    control('control', controlOf(name, facts, summary, sizeOf(stage, files)));
    mkdirSync(join(file, '..'), { recursive: true });
    const args = ['--root-owner-group', ...compression, '--build', stage, file];
    const made = spawnSync('dpkg-deb', args, {
      encoding: 'utf8',
      env: { ...process.env, SOURCE_DATE_EPOCH: String(epoch) },
    });
    if (made.error !== undefined) throw new Error('dpkg-deb is needed for Debian packages (apt-get install dpkg)');
    if (made.status !== 0) throw new Error(`dpkg-deb failed: ${made.stdout}${made.stderr}`);
  } finally {
    rmSync(stage, { recursive: true, force: true });
  }
}

/** Kibibytes, as policy counts them: each file rounded up. */
function sizeOf(stage, files) {
  return files.reduce((sum, path) => sum + Math.ceil(readFileSync(join(stage, path)).length / 1024), 0);
}

const maintainer = () =>
  `${process.env['DEBFULLNAME'] ?? 'CSM maintainers'} <${process.env['DEBEMAIL'] ?? 'csm@csm.invalid'}>`;

function controlOf(name, { version, arch }, summary, size) {
  const others = Object.keys(SETS)
    .map((set) => `csm-${set}`)
    .filter((other) => other !== name)
    .join(', ');
  const fields = {
    Package: name,
    Version: debVersion(version),
    Architecture: debArch(arch),
    Maintainer: maintainer(),
    'Installed-Size': size,
    // Compiled code; Node needs the same.
    ...(arch !== '' && { Depends: 'libc6 (>= 2.28), libstdc++6 (>= 9)' }),
    // Not a dependency: Node is often no package of Debian's, so preinst looks for it and says what is missing.
    Recommends: 'nodejs (>= 20.19)',
    ...(arch !== '' && { Suggests: 'logrotate' }),
    // All have the same programs: one takes the place of another. csm-master has every role.
    Conflicts: others,
    Replaces: others,
    Section: 'admin',
    Priority: 'optional',
    Description: `cluster system manager: ${summary}\n${DESCRIPTION}`,
  };
  return Object.entries(fields)
    .map(([key, value]) => `${key}: ${value}\n`)
    .join('');
}

const DESCRIPTION = ` One tree of daemons knows every node of an HPC machine, keeps what it learns in
 one database, and carries the commands of admins to any set of nodes.`;

/** The scripts know the roles of their set, and how Node is found; they are the same otherwise. */
function scriptOf(root, script, facts) {
  const read = (name) => readFileSync(join(root, 'packaging', name), 'utf8');
  const units = facts.roles.split(' ').filter((role) => role !== '');
  return read(`deb/${script}`)
    .replace('@FIND_NODE@\n', read('node.sh'))
    .replaceAll('@NODE@', `'${facts.node}' '${facts.abi}' '${facts.arch}'`)
    .replaceAll('@UNITS@', units.map((role) => `csmd-${role}.service`).join(' '));
}

function changelog(name, version, epoch) {
  const date = new Date(epoch * 1000).toUTCString().replace('GMT', '+0000');
  return `${name} (${debVersion(version)}) unstable; urgency=medium\n\n  * See NEWS.md.\n\n -- ${maintainer()}  ${date}\n`;
}

const COPYRIGHT = `Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: CSM

Files: *
Copyright: 2026 The authors of CSM
License: Apache-2.0
 On Debian systems the text of the Apache License 2.0 stands in
 /usr/share/common-licenses/Apache-2.0.

Files: usr/lib/csm/node_modules/*
Copyright: Their authors
License: various
 Each package below usr/lib/csm/node_modules has its own licence beside it and
 names it in its package.json.
`;
