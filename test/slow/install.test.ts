/**
 * What is handed out: archives and Debian packages, made, installed into empty directories, run, upgraded and removed. It is
 * long because all of it is held against archives that are made once, which takes most of a minute.
 */
import { type SpawnSyncOptions, type SpawnSyncReturns, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import type { Role } from '@csm/model';
import { expect } from 'chai';
import { at, type Daemon, freePorts, needs, ROOT, Site, until } from '../support/daemons.ts';

const FIRST = (JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { readonly version: string }).version;
const SECOND = '99.1.0';
const EPOCH = '1792224000';

type Ran = SpawnSyncReturns<string>;
type RunOptions = Pick<SpawnSyncOptions, 'cwd' | 'env' | 'uid' | 'gid'>;

function run(file: string, args: readonly string[], options: RunOptions = {}): Ran {
  return spawnSync(file, args, { encoding: 'utf8', ...options, env: { ...process.env, ...options.env } });
}

/** Runs what must end well; gives what it said. */
function well(file: string, args: readonly string[], options: RunOptions = {}): string {
  const ran = run(file, args, options);
  expect(ran.status, `${file} ${args.join(' ')}: ${ran.error?.message ?? ''}${ran.stdout}${ran.stderr}`).to.equal(0);
  return ran.stdout + ran.stderr;
}

const has = (program: string): boolean => spawnSync(program, ['--version']).error === undefined;
const isRoot = process.getuid?.() === 0;

/** Everything below a directory with kind, mode, target or size: what must be as it was, or gone. */
function listing(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, withFileTypes: true })
    .map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = relative(dir, path);
      if (entry.isSymbolicLink()) return `${name} -> ${readlinkSync(path)}`;
      if (entry.isDirectory()) return `${name}/`;
      return entry.isFile() ? `${name} ${readFileSync(path).length}` : name;
    })
    .sort();
}
const filesOf = (dir: string): string[] => listing(dir).filter((line) => !line.endsWith('/'));

describe('installing', function () {
  // Thousands of files are written and removed again: a deadline for what hangs, on a machine with other work.
  this.timeout(300_000);

  let dir = '';
  let out = '';
  const unpacked = (version: string, set: string): string => join(dir, `csm-${version}-${set}`);

  function dist(where: string, version: string, set: string, kind: string): void {
    const args = ['--fast', '--out', where, '--package-version', version, '--set', set, '--kind', kind];
    well(process.execPath, ['packaging/dist.mjs', ...args], { cwd: ROOT, env: { SOURCE_DATE_EPOCH: EPOCH } });
  }

  /** `install.sh` of an unpacked archive. */
  function install(from: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): Ran {
    return run(join(from, 'install.sh'), args, { env: { DESTDIR: '', CSM_NODE: '', ...env } });
  }
  function installed(from: string, args: readonly string[], env: NodeJS.ProcessEnv = {}): string {
    const ran = install(from, args, env);
    expect(ran.status, ran.stdout + ran.stderr).to.equal(0);
    return ran.stdout;
  }

  /** A Node that says it is another. */
  function disguised(name: string, versions: object): string {
    const preload = join(dir, `${name}.cjs`);
    const text = JSON.stringify(versions);
    writeFileSync(
      preload,
      `Object.defineProperty(process, 'versions', { value: { ...process.versions, ...${text} } });`,
    );
    const file = join(dir, name);
    writeFileSync(file, `#!/bin/sh\nexec '${process.execPath}' --require '${preload}' "$@"\n`);
    chmodSync(file, 0o755);
    return file;
  }

  before(() => {
    dir = mkdtempSync(join(tmpdir(), 'csm-install-'));
    chmodSync(dir, 0o755);
    out = join(dir, 'out');
    dist(out, FIRST, 'master', 'tar');
    dist(out, FIRST, 'compute', 'tar,deb');
    dist(out, SECOND, 'master', 'tar');
    dist(out, SECOND, 'compute', 'deb');
    for (const name of readdirSync(out).filter((one) => one.endsWith('.tar.gz')))
      well('tar', ['-xzf', join(out, name), '-C', dir]);
  });
  after(() => rmSync(dir, { recursive: true, force: true }));

  describe('the archives', () => {
    it('are the same bytes whoever makes them, and their sums are right', () => {
      const umask = process.umask(0o022);
      try {
        dist(join(dir, 'one'), FIRST, 'client', 'tar,deb');
        process.umask(0o077);
        dist(join(dir, 'two'), FIRST, 'client', 'tar,deb');
      } finally {
        process.umask(umask);
      }
      const sums = readFileSync(join(dir, 'one/SHA256SUMS'), 'utf8');
      expect(sums.trim().split('\n')).to.have.length(2);
      expect(readFileSync(join(dir, 'two/SHA256SUMS'), 'utf8')).to.equal(sums);
      well('sha256sum', ['--check', 'SHA256SUMS'], { cwd: join(dir, 'one') });
    });

    it('have what runs, and nothing else', () => {
      const files = listing(unpacked(FIRST, 'compute'));
      const superfluous = files.filter((file) =>
        /^node_modules\/(better-sqlite3|pg|@csm\/(store|sim)|mocha|typescript|@types)\/|\.(map|ts|tsbuildinfo)( |$)|\/test\//.test(
          file,
        ),
      );
      expect(superfluous).to.deep.equal([]);
      const ours = readdirSync(join(unpacked(FIRST, 'compute'), 'systemd'));
      expect(ours).to.deep.equal(['csmd-compute.service']);
      const master = listing(unpacked(FIRST, 'master')).filter((file) => /\.node /.test(file) && /sqlite/.test(file));
      expect(master).to.have.length(1);
      expect(master[0]).to.match(/^node_modules\/better-sqlite3\/build\/Release\/better_sqlite3\.node /);
    });

    it('refuse wrong options in words', () => {
      const [a, p] = [unpacked(FIRST, 'compute'), join(dir, 'none')];
      for (const [args, words] of [
        [[], /--prefix is missing/],
        [['--prefix', p], /--role is missing; allowed: compute client/],
        [
          ['--prefix', p, '--role', 'compute,master'],
          /--role has 'master'; this set \(compute\) is for: compute client/,
        ],
        [['--prefix', `${p} x`, '--role', 'compute'], /--prefix is '.* x'; allowed: letters/],
        [['--prefix', p, '--role', 'compute', '--purge'], /--purge is given without --remove/],
        [['--prefix', p, '--upgarde'], /'--upgarde' is no option/],
        [['--prefix', p, '--upgrade'], /there is nothing to upgrade/],
        [
          ['--prefix', p, '--role', 'compute', '--user', 'nobody', '--systemd'],
          /--user is given with the role compute/,
        ],
        [['--prefix', '/home/x', '--role', 'compute', '--systemd'], /the units' sandbox does not see/],
      ] as const) {
        const ran = install(a, args);
        expect(ran.status, args.join(' ')).to.be.oneOf([1, 2]);
        expect(ran.stderr).to.match(words);
      }
      expect(existsSync(p)).to.equal(false);
    });

    it('refuse a Node that cannot run them', () => {
      const p = join(dir, 'none');
      const refused = (set: string, node: string) => {
        const ran = install(unpacked(FIRST, set), ['--prefix', p, '--role', set, '--no-systemd'], { CSM_NODE: node });
        expect(ran.status).to.equal(1);
        return ran.stderr;
      };
      expect(refused('compute', disguised('old', { node: '18.20.4' }))).to.match(
        /is 18\.20\.4, 20\.19\.0 or later is needed/,
      );
      expect(refused('master', disguised('other', { modules: '127' }))).to.match(/ABI 127, the database driver was/);
      expect(refused('compute', '/no/such/node')).to.match(/does not run/);
      expect(existsSync(p)).to.equal(false);
    });
  });

  describe('into an empty directory', () => {
    let site: Site;
    let cluster: Daemon[] = [];
    const master = () => join(dir, 'm');
    const compute = () => join(dir, 'c');
    const MASTER = 'master,aggregator,utility';

    const etc = (role: Role) => join(role === 'compute' ? compute() : master(), `etc/csm/csm_${role}.cfg`);
    /** Edits what was installed, as an admin does. */
    async function configure(role: Role, node: string, change: (net: Record<string, unknown>) => void): Promise<void> {
      const config = JSON.parse(readFileSync(etc(role), 'utf8')) as {
        csm: { node_name?: string; net: Record<string, unknown>; heartbeat?: { enabled: boolean } };
      };
      config.csm.node_name = node;
      // Other tests may have its port.
      if (config.csm.heartbeat !== undefined) config.csm.heartbeat.enabled = false;
      const { net } = config.csm;
      net['heartbeat_interval'] = 0.5;
      net['ssl'] = { ca_file: site.ca, cred_pem: await site.cred(role, node) };
      change(net);
      writeFileSync(etc(role), JSON.stringify(config, null, 2));
    }
    const socketOf = (role: Role): string => join(role === 'compute' ? compute() : master(), `run/csm/${role}.sock`);
    const csm = (...words: string[]): string =>
      well(join(master(), 'bin/csm'), words, { env: { CSM_SOCKET: socketOf('utility') } });

    const NODES: readonly (readonly [Role, string])[] = [
      ['master', 'm1'],
      ['aggregator', 'a1'],
      ['utility', 'u1'],
      ['compute', 'n1'],
    ];
    async function start(): Promise<void> {
      cluster = NODES.map(([role, node]) => {
        const program = join(role === 'compute' ? compute() : master(), 'bin/csmd');
        return site.startFile(role, node, etc(role), socketOf(role), { program, env: { CSM_NODE: '' } });
      });
      await Promise.all(cluster.map((daemon) => daemon.started()));
      await until('all are linked', () => {
        const nodes = JSON.parse(csm('node', 'list', '-o', 'json')) as {
          connected: boolean;
          kernel_release: unknown;
        }[];
        return nodes.filter((node) => node.connected && node.kernel_release !== null).length === NODES.length;
      });
    }
    const healthy = () => until('the cluster is healthy', () => /^healthy$/m.test(csm('health')));
    async function stop(): Promise<void> {
      for (const daemon of [...cluster].reverse()) expect((await daemon.stop()).code, daemon.log).to.equal(0);
      cluster = [];
    }

    before(async () => {
      site = await Site.open();
    });
    after(() => site?.close());

    it('the programs and pages go where they are found', () => {
      installed(unpacked(FIRST, 'master'), ['--prefix', master(), '--role', MASTER, '--no-systemd']);
      // This one by somebody who may write nowhere else.
      mkdirSync(compute());
      const nobody = isRoot ? { uid: 65534, gid: 65534 } : {};
      if (isRoot) chownSync(compute(), nobody.uid ?? 0, nobody.gid ?? 0);
      well(join(unpacked(FIRST, 'compute'), 'install.sh'), ['--prefix', compute(), '--role', 'compute'], {
        ...nobody,
        env: { DESTDIR: '', CSM_NODE: process.execPath },
      });
      expect(realpathSync(join(master(), 'bin/csmd'))).to.equal(
        realpathSync(join(master(), `lib/csm/${FIRST}/bin/csmd`)),
      );
      expect(well(join(compute(), 'bin/csmd'), ['--version'])).to.match(/^csmd \d/);
      expect(readFileSync(join(master(), 'share/man/man1/csm-node-list.1'), 'utf8')).to.match(/^\.TH/m);
      expect(readdirSync(join(master(), 'share/man/man5')).sort()).to.deep.equal(
        ['csm-groups.5', ...`${MASTER},compute,heartbeat`.split(',').map((role) => `csm_${role}.cfg.5`)].sort(),
      );
      expect(readFileSync(join(compute(), 'share/bash-completion/completions/csm'), 'utf8')).to.match(/complete/);
      const before = listing(master());
      expect(installed(unpacked(FIRST, 'master'), ['--prefix', master(), '--role', MASTER, '--no-systemd'])).to.match(
        /is installed in/,
      );
      expect(listing(master())).to.deep.equal(before);
    });

    it('the heartbeat service alone comes with the set of the master', async () => {
      const alone = join(dir, 'h');
      const said = installed(unpacked(FIRST, 'master'), ['--prefix', alone, '--role', 'heartbeat', '--no-systemd']);
      const file = join(alone, 'etc/csm/csm_heartbeat.cfg');
      expect(said).to.contain(`start ${alone}/bin/csmd --role heartbeat --file ${file}`);
      const config = JSON.parse(readFileSync(file, 'utf8')) as { csm: Record<string, unknown> };
      const [port = 0] = await freePorts(1);
      config.csm['node_name'] = 'h1';
      config.csm['listen'] = at(port);
      writeFileSync(file, JSON.stringify(config));
      const child = spawn(join(alone, 'bin/csmd'), ['--role', 'heartbeat', '--file', file], { stdio: 'ignore' });
      const ended = once(child, 'exit');
      try {
        await until('it is asked by its csm', () => {
          if (child.exitCode !== null) throw new Error(`it ended with ${child.exitCode}`);
          const env = { CSM_SOCKET: join(alone, 'run/csm/heartbeat.sock') };
          return /database open/.test(run(join(alone, 'bin/csm'), ['heartbeat', 'status'], { env }).stdout);
        });
        expect(existsSync(join(alone, 'var/lib/csm/heartbeat.db'))).to.equal(true);
      } finally {
        child.kill();
      }
      expect(await ended).to.deep.equal([0, null]);
    });

    it('the set of compute nodes is enough by itself, with Node only', async () => {
      const file = join(dir, 'alone.cfg');
      const ssl = { ca_file: site.ca, cred_pem: await site.cred('compute', 'n9') };
      writeFileSync(file, JSON.stringify({ csm: { node_name: 'n9', net: { ssl, aggregatorA: 'a1:1' } } }));
      const csmd = join(unpacked(FIRST, 'compute'), 'bin/csmd');
      const ran = spawnSync(csmd, ['--role', 'compute', '--file', file, '--check'], {
        encoding: 'utf8',
        cwd: dir,
        env: { PATH: '/usr/bin:/bin', CSM_NODE: process.execPath },
      });
      expect(ran.stdout + ran.stderr).to.match(/in order for compute\/n9/);
      expect(ran.status).to.equal(0);
    });

    it('daemons run from there, and the cluster is healthy', async () => {
      const [forHubs = 0, forUtilities = 0, a = 0] = await freePorts(3);
      await configure('master', 'm1', (net) => {
        net['aggregator_listen'] = at(forHubs);
        net['utility_listen'] = at(forUtilities);
      });
      await configure('aggregator', 'a1', (net) => {
        net['compute_listen'] = at(a);
        net['master'] = at(forHubs);
      });
      await configure('utility', 'u1', (net) => {
        net['master'] = at(forUtilities);
      });
      await configure('compute', 'n1', (net) => {
        delete net['aggregators'];
        delete net['aggregatorB'];
        net['aggregatorA'] = at(a);
      });
      await start();
      await healthy();
      expect(csm('run', 'n1', '--', 'echo', 'from', 'the', 'node')).to.match(/from the node/);
      csm('node', 'update', 'n1', '--location', 'rack 7');
    });

    it('logrotate takes its file, and turns logs over', function () {
      needs(this, 'logrotate', has('logrotate'));
      const conf = join(master(), 'etc/logrotate.d/csm');
      const said = well('logrotate', ['-d', conf]).replace(/^warning: logrotate in debug mode .*$/m, '');
      expect(said).to.not.match(/error|warning/i);
      const log = join(master(), 'var/log/csm/csm_master.log');
      writeFileSync(log, 'a line\n');
      well('logrotate', ['--force', '--state', join(dir, 'logrotate.state'), conf]);
      expect(readFileSync(log, 'utf8')).to.equal('');
      const [, old = ''] = readdirSync(join(master(), 'var/log/csm')).sort();
      expect(old).to.match(/^csm_master\.log-\d{8}$/);
      expect(readFileSync(join(master(), 'var/log/csm', old), 'utf8')).to.equal('a line\n');
    });

    it('an upgrade that fails, early or late, changes nothing', () => {
      const from = unpacked(SECOND, 'master');
      const upgrade = () => install(from, ['--prefix', master(), '--upgrade']);
      const was = listing(join(master(), 'lib')).concat(
        listing(join(master(), 'etc')),
        listing(join(master(), 'share')),
      );
      const is = () =>
        listing(join(master(), 'lib')).concat(listing(join(master(), 'etc')), listing(join(master(), 'share')));
      // A module that is not there: the programs are tried before anything is put.
      const main = join(from, 'node_modules/@csm/cli/dist/bundle/csm.cjs');
      const text = readFileSync(main);
      writeFileSync(main, "require('./gone.cjs');\n");
      const broken = upgrade();
      expect(broken.status).to.equal(1);
      expect(broken.stderr).to.match(/csm of 99\.1\.0 does not start[\s\S]*everything is as it was/);
      expect(is()).to.deep.equal(was);
      writeFileSync(main, text);
      // Something in the way of a page that is new, which is found when much has been put already.
      writeFileSync(join(from, 'etc/groups.cfg'), '# Another sample.\n');
      writeFileSync(join(from, 'share/man/man8/zzz.8'), '.TH ZZZ 8\n');
      const inTheWay = join(master(), 'share/man/man8/zzz.8');
      mkdirSync(inTheWay);
      const late = upgrade();
      rmSync(inTheWay, { recursive: true });
      expect(late.stderr).to.match(/zzz\.8 is in the way[\s\S]*everything is as it was/);
      expect(is()).to.deep.equal(was);
      // A configuration that the next version does not take.
      const config = readFileSync(etc('utility'), 'utf8');
      const rules = join(from, 'node_modules/@csm/daemon/dist/bundle/csmd.mjs');
      const code = readFileSync(rules, 'utf8');
      writeFileSync(
        rules,
        `${code}\nif (process.argv.includes('utility')) { console.error('no such setting'); process.exit(78); }\n`,
      );
      const refused = upgrade();
      writeFileSync(rules, code);
      expect(refused.stderr).to.match(/does not take .*csm_utility\.cfg, which .* does: no such setting/);
      expect(is()).to.deep.equal(was);
      expect(readFileSync(etc('utility'), 'utf8')).to.equal(config);
      // Another version does not take the place of this one unasked.
      const plain = install(from, ['--prefix', master(), '--role', MASTER]);
      expect(plain.stderr).to.match(/--upgrade puts 99\.1\.0 in its place/);
    });

    it('an upgrade keeps data and edited configuration, and daemons run on until they are started anew', async () => {
      const edited = readFileSync(etc('master'), 'utf8');
      const from = unpacked(SECOND, 'master');
      const sample = readFileSync(join(from, 'etc/csm_master.cfg'), 'utf8');
      writeFileSync(join(from, 'etc/csm_master.cfg'), sample.replace('"csm": {', '"csm": {\n    "#new": "setting",'));
      const said = installed(from, ['--prefix', master(), '--upgrade']);
      expect(said).to.match(/csm_master\.cfg was edited and stays; what is new stands in .*csm_master\.cfg\.new/);
      expect(readFileSync(etc('master'), 'utf8')).to.equal(edited);
      expect(readFileSync(`${etc('master')}.new`, 'utf8')).to.match(/"#new": "setting"/);
      expect(readFileSync(join(master(), 'etc/csm/groups.cfg'), 'utf8')).to.equal('# Another sample.\n');
      const lib = join(master(), 'lib/csm');
      expect([readlinkSync(join(lib, 'current')), readlinkSync(join(lib, 'previous'))]).to.deep.equal([SECOND, FIRST]);
      expect(existsSync(join(master(), 'share/man/man8/zzz.8'))).to.equal(true);

      csm('ping', 'n1');
      await stop();
      await start();
      const [node] = JSON.parse(csm('node', 'list', 'n1', '-o', 'json')) as [{ location: string }];
      expect(node.location).to.equal('rack 7');
      await healthy();
    });

    it('there is a way back to the version before', () => {
      const previous = join(master(), 'lib/csm/previous/install.sh');
      const back = run(previous, ['--prefix', master(), '--upgrade'], { env: { DESTDIR: '', CSM_NODE: '' } });
      expect(back.status, back.stderr).to.equal(0);
      expect(readlinkSync(join(master(), 'lib/csm/current'))).to.equal(FIRST);
      expect(existsSync(join(master(), 'share/man/man8/zzz.8'))).to.equal(false);
      expect(readFileSync(`${etc('master')}.new`, 'utf8')).to.not.match(/"#new"/);
      csm('node', 'list');
    });

    it('a removal leaves data and what was edited; a purge leaves keys only', async () => {
      await stop();
      const remove = (prefix: string, ...more: string[]) =>
        installed(join(prefix, 'lib/csm/current'), ['--prefix', prefix, '--remove', ...more]);
      writeFileSync(join(compute(), 'etc/csm/compute.pem'), 'a key');
      expect(remove(master())).to.match(/csm_master\.cfg was edited and stays/);
      const left = filesOf(master()).map((line) => line.replace(/ \d+$/, ''));
      expect(left).to.include.members(['etc/csm/csm_master.cfg', 'etc/csm/csm_utility.cfg']);
      expect(
        left.filter(
          (file) => !/^(etc\/csm\/csm_(master|aggregator|utility)\.cfg(\.new)?|var\/(lib|log)\/csm\/.*)$/.test(file),
        ),
      ).to.deep.equal([]);
      expect(left.some((file) => file.startsWith('var/lib/csm/'))).to.equal(true);
      installed(unpacked(FIRST, 'master'), ['--prefix', master(), '--remove', '--purge', '--no-systemd']);
      expect(filesOf(master())).to.deep.equal([]);
      remove(compute(), '--purge');
      expect(listing(compute())).to.deep.equal(['etc/', 'etc/csm/', 'etc/csm/compute.pem 5']);
    });
  });

  describe("as the machine's own", () => {
    const image = () => join(dir, 'image');
    const own = (...args: string[]) =>
      installed(unpacked(FIRST, 'master'), ['--prefix', '/opt/csm', ...args], { DESTDIR: image() });

    it('units, directories and configuration stand where the system looks for them', function () {
      needs(this, 'systemd-tmpfiles', has('systemd-tmpfiles'), 'systemd');
      needs(this, 'root', isRoot);
      mkdirSync(join(image(), 'etc'), { recursive: true });
      writeFileSync(join(image(), 'etc/passwd'), 'root:x:0:0::/:/bin/sh\ncsm:x:700:700::/:/bin/false\n');
      writeFileSync(join(image(), 'etc/group'), 'root:x:0:\ncsm:x:700:\n');
      const as = (user: string) => ['--role', 'aggregator,utility,heartbeat', '--systemd', '--user', user];
      const args = ['--prefix', '/opt/csm', ...as('cms')];
      const unknown = install(unpacked(FIRST, 'master'), args, { DESTDIR: image() });
      expect(unknown.stderr).to.match(/there is no user 'cms' in .*image\/etc\/passwd/);
      own(...as('csm'));
      const units = join(image(), 'etc/systemd/system');
      const all = ['aggregator', 'heartbeat', 'utility'].map((role) => `csmd-${role}.service`);
      expect(readdirSync(units).sort()).to.deep.equal(all);
      const unit = readFileSync(join(units, 'csmd-aggregator.service'), 'utf8');
      expect(unit).to.match(
        /^ExecStart=\/opt\/csm\/bin\/csmd --role aggregator --file \/etc\/csm\/csm_aggregator\.cfg$/m,
      );
      expect(unit).to.match(/^\[Service\]\nUser=csm$/m);
      expect(existsSync(join(image(), 'etc/csm/csm_aggregator.cfg'))).to.equal(true);
      // Made by systemd-tmpfiles, as every boot makes them.
      const mode = (path: string) => (statSync(join(image(), path)).mode & 0o777).toString(8);
      expect(['etc/csm', 'var/lib/csm', 'var/log/csm', 'run/csm'].map(mode)).to.deep.equal([
        '755',
        '750',
        '750',
        '755',
      ]);
      expect(readFileSync(join(image(), 'etc/tmpfiles.d/csm.conf'), 'utf8')).to.match(/\/var\/lib\/csm 0750 csm root/);
    });

    it('goes again without a trace', function () {
      needs(this, 'root', isRoot);
      own('--remove', '--purge');
      expect(filesOf(image())).to.deep.equal(['etc/group 21', 'etc/passwd 50']);
    });
  });

  describe('the Debian package', () => {
    const root = () => join(dir, 'debian');
    const deb = (version: string) =>
      join(out, readdirSync(out).find((name) => name.startsWith(`csm-compute_${version}_`)) ?? 'none');
    const clientDeb = (): string => readdirSync(join(dir, 'one')).find((name) => name.endsWith('.deb')) ?? 'none';
    /** Without waiting for the disk after each file: nobody needs them after a power cut. */
    const dpkg = (...args: string[]): Ran =>
      run(
        'dpkg',
        [
          `--root=${root()}`,
          '--force-script-chrootless',
          '--force-unsafe-io',
          `--log=${join(dir, 'dpkg.log')}`,
          ...args,
        ],
        {
          env: { CSM_NODE: '', DEBIAN_FRONTEND: 'noninteractive' },
        },
      );
    const done = (...args: string[]): string => {
      const ran = dpkg(...args);
      expect(ran.status, ran.stdout + ran.stderr).to.equal(0);
      return ran.stdout + ran.stderr;
    };
    /** Version and state, as dpkg's record has them. */
    function state(): string {
      const record = run('dpkg-query', [`--admindir=${root()}/var/lib/dpkg`, '-s', 'csm-compute']).stdout;
      const field = (name: string) => new RegExp(`^${name}: (.*)$`, 'm').exec(record)?.[1];
      return `${field('Version')} ${field('Status')}`;
    }

    before(function () {
      needs(this, 'dpkg-deb', has('dpkg-deb'), 'dpkg');
      needs(this, 'root', isRoot);
      // An empty machine that has of Debian what the packages depend on, as far as dpkg knows.
      const admin = join(root(), 'var/lib/dpkg');
      for (const part of ['info', 'updates', 'triggers', 'alternatives'])
        mkdirSync(join(admin, part), { recursive: true });
      writeFileSync(join(admin, 'status'), well('dpkg-query', ['-s', 'libc6', 'libstdc++6']).replaceAll(/^---$/gm, ''));
      writeFileSync(join(admin, 'available'), '');
    });

    it('is one that Debian finds nothing wrong with', function () {
      needs(this, 'lintian', has('lintian'));
      // The smallest, which has the same scripts, and without its pages, which another test shows to groff.
      const args = [
        '--fail-on',
        'error,warning',
        '--allow-root',
        '--no-user-dirs',
        '-X',
        'documentation/manual',
        join(dir, 'one', clientDeb()),
      ];
      const said = well('lintian', args, { env: { TMPDIR: dir } });
      expect(said.replace(/^running with root.*\n/m, '')).to.equal('');
    });

    it('is refused in words where no Node can run it', () => {
      const old = disguised('old', { node: '18.20.4' });
      const ran = run('dpkg', [`--root=${root()}`, '--force-script-chrootless', '--install', deb(FIRST)], {
        env: { CSM_NODE: old },
      });
      expect(ran.status).to.not.equal(0);
      expect(ran.stdout + ran.stderr).to.match(/is 18\.20\.4, 20\.19\.0 or later is needed/);
      expect(existsSync(join(root(), 'usr/lib/csm'))).to.equal(false);
    });

    it('is installed, and what it installed runs', () => {
      done('--install', deb(FIRST));
      expect(state()).to.equal(`${FIRST} install ok installed`);
      expect(well(join(root(), 'usr/bin/csmd'), ['--version'])).to.match(/^csmd \d/);
      expect(existsSync(join(root(), 'usr/lib/systemd/system/csmd-compute.service'))).to.equal(true);
      expect((statSync(join(root(), 'var/lib/csm')).mode & 0o777).toString(8)).to.equal('750');
      expect(well('dpkg', [`--root=${root()}`, '--verify', 'csm-compute'])).to.equal('');
    });

    it('is upgraded, and leaves edited configuration as it is', () => {
      const config = join(root(), 'etc/csm/csm_compute.cfg');
      writeFileSync(config, '{}\n');
      writeFileSync(join(root(), 'var/lib/csm/journal'), 'data\n');
      done('--install', deb(SECOND));
      expect(state()).to.equal(`${SECOND} install ok installed`);
      expect(readFileSync(config, 'utf8')).to.equal('{}\n');
    });

    it('gives way to another set, which keeps what there is, also when the first is purged', () => {
      done('--install', join(dir, 'one', clientDeb()));
      expect(state()).to.match(/ config-files$/);
      done('--purge', 'csm-compute');
      expect(readFileSync(join(root(), 'var/lib/csm/journal'), 'utf8')).to.equal('data\n');
      expect(existsSync(join(root(), 'usr/lib/systemd/system/csmd-compute.service'))).to.equal(false);
      done('--install', deb(SECOND));
      writeFileSync(join(root(), 'etc/csm/csm_compute.cfg'), '{}\n');
    });

    it('is removed without its data, and purged with them', () => {
      writeFileSync(join(root(), 'etc/csm/compute.pem'), 'a key');
      done('--remove', 'csm-compute');
      expect(existsSync(join(root(), 'usr/lib/csm'))).to.equal(false);
      expect(readFileSync(join(root(), 'etc/csm/csm_compute.cfg'), 'utf8')).to.equal('{}\n');
      expect(readFileSync(join(root(), 'var/lib/csm/journal'), 'utf8')).to.equal('data\n');
      done('--purge', 'csm-compute');
      expect(filesOf(root()).filter((file) => !file.startsWith('var/lib/dpkg/'))).to.deep.equal([
        'etc/csm/compute.pem 5',
      ]);
    });
  });
});
