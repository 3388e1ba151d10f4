// The tree of a set: what its tarball has, and what its Debian package is made of.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, readSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { closure, filesOf, manifestOf } from './closure.mjs';
import { buildOf, copy, filesBelow, write } from './files.mjs';
import { SETS } from './sets.mjs';

/** Configuration of all daemons; each role has csm_<role>.cfg besides. */
const OF_DAEMONS = ['csm_api.acl', 'csm_api.cfg'];
const OF_ALL = ['groups.cfg'];

/** Man pages and completion, the same for all sets: `{ man: Map(path → text), completion: { bash, zsh } }`. */
export function makeDocuments(root, epoch) {
  const dir = mkdtempSync(join(tmpdir(), 'csm-man-'));
  try {
    run(root, ['packages/daemon/bin/generate.mjs', '--man', dir], { SOURCE_DATE_EPOCH: String(epoch) });
    const man = new Map(filesBelow(dir).map((path) => [path, readFileSync(join(dir, path), 'utf8')]));
    const completion = (shell) => run(root, ['packages/cli/bin/csm.cjs', 'completion', shell], {});
    return { man, completion: { bash: completion('bash'), zsh: completion('zsh') } };
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

function run(root, argv, env) {
  const ran = spawnSync(process.execPath, argv, { cwd: root, encoding: 'utf8', env: { ...process.env, ...env } });
  if (ran.status !== 0) throw new Error(`node ${argv.join(' ')} failed: ${ran.stderr}`);
  return ran.stdout;
}

/** Makes the tree of `set` in the empty directory `dir`; gives the facts in its file RELEASE. */
export function makeTree(root, set, dir, { version, documents }) {
  const { roles, programs, without } = SETS[set];
  const packages = closure(root, Object.values(programs), without);
  for (const one of packages) {
    const files = filesOf(one);
    if (one.isOurs && !files.some((file) => file.startsWith('dist/')))
      throw new Error(`${one.name} is not built: npm run build`);
    for (const file of files) {
      const from = join(one.dir, file);
      copy(from, join(dir, 'node_modules', one.place, file), isProgram(from) ? 0o755 : 0o644);
    }
  }
  const has = (name) => packages.some((one) => one.name === name);
  const native = readdirSync(join(dir, 'node_modules'), { recursive: true }).filter((file) => file.endsWith('.node'));
  // A package without its compiled part would be found out only on the machines.
  for (const [name, part] of Object.entries({ koffi: '@koromix/', 'better-sqlite3': 'better-sqlite3/' })) {
    if (has(name) && !native.some((file) => file.startsWith(part))) throw new Error(`${name} is not compiled: npm ci`);
  }
  const facts = {
    name: 'csm',
    set,
    version,
    roles: roles.join(' '),
    node: JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')).engines.node.replace('>=', ''),
    arch: native.length > 0 ? process.arch : '',
    // koffi's code runs under any Node; that of the database driver under the releases with one ABI.
    abi: has('better-sqlite3') ? process.versions.modules : '',
  };

  const packaging = (name) => join(root, 'packaging', name);
  const program = readFileSync(packaging('program.sh'), 'utf8');
  for (const [name, of] of Object.entries(programs)) {
    const its = packages.find((one) => one.name === of);
    const file = join(its.place, manifestOf(its.dir).bin[name]);
    const text = program.replaceAll('@PROGRAM@', name).replaceAll('@FILE@', file);
    write(join(dir, 'bin', name), text, 0o755);
  }
  for (const role of roles) copy(join(root, `systemd/csmd-${role}.service`), join(dir, `systemd/csmd-${role}.service`));
  const isDaemon = roles.length > 0;
  const configuration = [...roles.map((role) => `csm_${role}.cfg`), ...(isDaemon ? OF_DAEMONS : []), ...OF_ALL];
  for (const name of configuration) copy(join(root, 'etc', name), join(dir, 'etc', name));
  if (isDaemon) {
    copy(packaging('logrotate'), join(dir, 'share/logrotate'));
    copy(packaging('tmpfiles.conf'), join(dir, 'share/tmpfiles.conf'));
    // For other programs, such as Prometheus: examples of what they need to know of CSM.
    for (const name of readdirSync(join(root, 'etc')).filter((one) => statSync(join(root, 'etc', one)).isDirectory()))
      for (const file of filesBelow(join(root, 'etc', name)))
        copy(join(root, 'etc', name, file), join(dir, 'examples', name, file));
  }
  for (const [path, text] of documents.man) if (isManOf(path, roles)) write(join(dir, 'share/man', path), text);
  write(join(dir, 'share/bash-completion/completions/csm'), documents.completion.bash);
  write(join(dir, 'share/zsh/site-functions/_csm'), documents.completion.zsh);
  copy(packaging('node.sh'), join(dir, 'share/node.sh'));
  copy(packaging('install.sh'), join(dir, 'install.sh'), 0o755);
  for (const name of ['LICENSE', 'CHANGELOG.md']) copy(join(root, name), join(dir, name));
  copy(join(root, 'docs/operate/install.md'), join(dir, 'INSTALL.md'));

  facts.build = buildOf(dir);
  const lines = Object.entries(facts).map(([key, value]) => `${key}=${value}\n`);
  write(join(dir, 'RELEASE'), lines.join(''));
  return facts;
}

/** Whether it names what is to run it. */
function isProgram(file) {
  const start = Buffer.alloc(2);
  const fd = openSync(file, 'r');
  readSync(fd, start);
  closeSync(fd);
  return start.toString('latin1') === '#!';
}

/** Pages of commands and groups are for everybody; those of csmd and its files for machines that run it. */
function isManOf(path, roles) {
  const role = /csm_(\w+)\.cfg\.5$/.exec(path)?.[1];
  if (role !== undefined) return roles.includes(role);
  return roles.length > 0 || !path.startsWith('man8/');
}
