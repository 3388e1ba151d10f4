/** Which modules each role loads: only a master has database code, a compute daemon stays small. */
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { ROLES, type Role } from '@csm/model';
import { expect } from 'chai';
import { ROOT, type SmallCluster, smallCluster } from '../support/daemons.ts';

/** Written anew by CSM_TEST_REWRITE=1; the reviewer reads the difference. */
const EXPECTED = join(ROOT, 'test/slow/modules.json');
/** A role may grow by this before its numbers must be written anew. */
const GROWTH = 1.1;

interface Loaded {
  /** Modules of each of our packages. */
  readonly own: Readonly<Record<string, number>>;
  /** Packages of others. */
  readonly others: readonly string[];
  readonly modules: number;
}

const PRELOAD = pathToFileURL(join(ROOT, 'test/dist/support/record-modules.js')).href;
const ROLE_OF: Readonly<Record<string, Role>> = {
  master: 'master',
  'agg-a': 'aggregator',
  login: 'utility',
  n1: 'compute',
};

function read(file: string): string[] {
  const paths = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  const files = [...new Set(paths)].filter((path) => existsSync(path)).map((path) => realpathSync(path));
  return [...new Set(files)]
    .map((path) => relative(ROOT, path))
    .filter((path) => !path.startsWith('test/'))
    .sort();
}

function summary(files: readonly string[]): Loaded {
  const own: Record<string, number> = {};
  const others = new Set<string>();
  for (const file of files) {
    const folder = /^packages\/([^/]+)\//.exec(file)?.[1];
    const foreign = /^.*node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(file)?.[1];
    // A package of compiled code bears the name of this machine's architecture.
    if (foreign?.startsWith('@koromix/') === true) continue;
    if (foreign !== undefined) others.add(foreign);
    else if (folder !== undefined) own[folder] = (own[folder] ?? 0) + 1;
  }
  const sorted = Object.fromEntries(Object.entries(own).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { own: sorted, others: [...others].sort(), modules: files.length };
}

describe('the modules of each role', () => {
  let cluster: SmallCluster;
  let dir = '';
  const loaded = new Map<Role, readonly string[]>();

  before(async () => {
    dir = mkdtempSync(join(tmpdir(), 'csm-modules-'));
    cluster = await smallCluster(['n1'], (who) => ({
      env: { NODE_OPTIONS: `--import ${PRELOAD}`, CSM_TEST_MODULES: join(dir, who), CSM_BUNDLE: 'off' },
    }));
    // What is loaded only when it is needed is to be seen too.
    for (const daemon of cluster.site.daemons) await daemon.client.call('health', {});
    for (const order of [
      cluster.utility.client.stream('ping', { nodes: 'n1' }),
      cluster.utility.client.stream('run', { nodes: 'n1', argv: ['true'] }),
    ])
      for await (const part of order) expect(part.code).to.equal(0);
    for (const [who, role] of Object.entries(ROLE_OF)) loaded.set(role, read(join(dir, who)));
  });
  after(async () => {
    await cluster?.site.close();
    rmSync(dir, { recursive: true, force: true });
  });

  const of = (role: Role) => loaded.get(role) ?? [];
  const matching = (role: Role, pattern: RegExp) => of(role).filter((file) => pattern.test(file));

  it('are seen at all, in threads too', () => {
    for (const role of ROLES)
      expect(matching(role, /^packages\/daemon\/dist\/src\/compose\.js$/), role).to.have.length(1);
    expect(matching('master', /better-sqlite3\/.*\.node$/)).to.have.length(1);
    expect(matching('master', /^packages\/store\/dist\/src\/sqlite\/writer\.js$/)).to.have.length(1);
    expect(matching('master', /^packages\/node\/dist\/src\/store\/index\.js$/)).to.have.length(1);
    expect(matching('compute', /^packages\/cluster\/dist\/src\/node\.js$/)).to.have.length(1);
  });

  for (const role of ROLES.filter((r) => r !== 'master')) {
    it(`have nothing of a database in a ${role} daemon`, () => {
      expect(matching(role, /better-sqlite3/)).to.deep.equal([]);
      expect(matching(role, /^packages\/store\/dist\/src\/sqlite\//)).to.deep.equal([]);
      expect(matching(role, /^packages\/(?!store\/)[^/]+\/dist\/src\/(?:store(?:\/.+)?|master)\.js$/)).to.deep.equal(
        [],
      );
    });
  }

  it('have nothing that makes certificates, no face and no tool in any daemon', () => {
    for (const role of ROLES) {
      expect(matching(role, /@peculiar|pki\/dist\/src\/engine/), role).to.deep.equal([]);
      expect(matching(role, /^packages\/(?:client|cli|web|sim)\//), role).to.deep.equal([]);
    }
  });

  it('are those of test/slow/modules.json', () => {
    const now = Object.fromEntries(ROLES.map((role) => [role, summary(of(role))]));
    if (process.env['CSM_TEST_REWRITE'] === '1') writeFileSync(EXPECTED, `${JSON.stringify(now, null, 2)}\n`);
    const then = JSON.parse(readFileSync(EXPECTED, 'utf8')) as Record<Role, Loaded>;
    for (const role of ROLES) {
      const [is, was] = [now[role], then[role]];
      expect(is?.others, `packages of others in a ${role} daemon`).to.deep.equal(was.others);
      expect(Object.keys(is?.own ?? {}), `our packages in a ${role} daemon`).to.deep.equal(Object.keys(was.own));
      expect(is?.modules, `modules of a ${role} daemon`).to.be.at.most(Math.ceil(was.modules * GROWTH));
    }
  });
});
