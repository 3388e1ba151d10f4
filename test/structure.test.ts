/** Holds every import line and every package.json against "Who may import whom" of the architecture. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect } from 'chai';
import { ROOT } from './support/daemons.ts';
import { breaches, dependencyFaults, importsOf, type Package, type Rules, readPackages } from './support/imports.ts';

const BASE = ['model', 'nodeset', 'protocol'];
const FOUNDATION = ['model', 'nodeset', 'protocol', 'tree', 'store', 'api', 'kit', 'host'];
/** A feature: it gets what it needs of others as ports, never by import. */
const FEATURE = [...FOUNDATION, 'feature'];
const FEATURES = ['node', 'environment', 'access', 'stream', 'heartbeat', 'cluster'];

const RULES: Rules = {
  allowed: {
    model: [],
    nodeset: ['model'],
    'tls-json-stream': [],
    protocol: ['model', 'nodeset'],
    tree: [...BASE, 'tls-json-stream'],
    store: BASE,
    api: BASE,
    kit: BASE,
    host: [...BASE, 'kit'],
    pki: ['model'],
    feature: FOUNDATION,
    ...Object.fromEntries(FEATURES.map((name) => [name, FEATURE])),
    daemon: [...FEATURE, ...FEATURES, 'pki'],
    client: ['protocol', 'model'],
    // Node sets are read and written on the command line, and `csm cert` needs no daemon.
    cli: ['client', 'protocol', 'model', 'nodeset', 'pki'],
    // It makes certificates for its nodes, stores what they report in a table of its own, and reads databases as a judge.
    sim: ['tree', 'client', 'feature', 'store', 'pki', ...BASE],
  },
  confined: {
    'better-sqlite3': ['packages/store/src/sqlite/', 'packages/sim/src/oracle/'],
    pg: [
      'packages/store/src/postgresql/',
      'packages/sim/src/oracle/',
      'packages/sim/src/site/postgres.ts',
      'packages/sim/src/bench/bare-lock.ts',
    ],
    'tls-json-stream': ['packages/tree/src/net/'],
  },
  tools: ['packages/daemon/bin/generate.mjs'],
  // What both programs ask before they load anything else.
  doors: ['@csm/model/bundled', 'packages/model/bin/bundled.cjs'],
};

const packages = readPackages(ROOT);
const imports = packages.flatMap((p) => p.imports);

/** A package as the checks see one, for showing that they bite. */
const sample = (folder: string, source: string, dependencies: Record<string, string> = {}): Package => ({
  name: `@csm/${folder}`,
  folder,
  version: '0.1.0',
  dependencies,
  imports: importsOf(`packages/${folder}/src/x.ts`, source),
});

describe('the structure of the workspace', () => {
  it('is read from every package and import', () => {
    expect(packages.map((p) => p.folder)).to.include.members(['model', 'daemon', 'cli', ...FEATURES]);
    expect(imports.length).to.be.above(500);
    const source = [
      "import { a } from '@csm/model';",
      "import type {\n  b,\n} from './b.ts';",
      "export * from './c.ts';",
      "import './d.ts';",
      "// import { e } from 'e';",
      "/* import { f } from 'f'; */",
      "const g = await import('./g.ts');",
      'const h = await import(name);',
    ].join('\n');
    expect(importsOf('x.ts', source).map(({ line, specifier }) => `${line} ${specifier}`)).to.deep.equal([
      '1 @csm/model',
      '2 ./b.ts',
      '5 ./c.ts',
      '6 ./d.ts',
      '9 ./g.ts',
      '10 ',
    ]);
  });

  it('keeps "Who may import whom"', () => {
    expect(breaches(packages, RULES)).to.deep.equal([]);
  });

  it('would not let a breach pass', () => {
    const bad = [
      sample('node', "import { x } from '@csm/cluster';"),
      sample('cluster', "import { x } from '@csm/daemon';\nimport y from 'better-sqlite3';"),
      sample('cli', "import { x } from '@csm/client/dist/src/client.js';\nimport '../../client/src/client.ts';"),
      sample('daemon', "import type { T } from 'tls-json-stream';"),
      sample('client', ''),
      sample('new', ''),
    ];
    expect(breaches(bad, RULES)).to.deep.equal([
      'packages/node/src/x.ts:1: node may not import cluster',
      'packages/cluster/src/x.ts:1: cluster may not import daemon',
      'packages/cluster/src/x.ts:2 imports better-sqlite3, which is for packages/store/src/sqlite/, packages/sim/src/oracle/',
      'packages/cli/src/x.ts:1 imports past the index: @csm/client/dist/src/client.js',
      'packages/cli/src/x.ts:2 reaches out of its package to packages/client/src/client.ts',
      'packages/daemon/src/x.ts:1 imports tls-json-stream, which is for packages/tree/src/net/',
      'packages/new has no rule: who may import it, whom may it import?',
    ]);
  });

  it('has sockets of the tree in net/ only, and machines that import nothing of Node', () => {
    const outside = imports.filter(
      ({ file, specifier }) =>
        file.startsWith('packages/tree/src/') &&
        !file.startsWith('packages/tree/src/net/') &&
        (specifier.startsWith('node:') || specifier === 'tls-json-stream'),
    );
    expect(outside).to.deep.equal([]);
  });

  it('imports Node by its prefix, and nothing of Node in pure packages', () => {
    const pure = ['model', 'nodeset', 'protocol'].map((name) => `packages/${name}/src/`);
    const isOfNode = ({ specifier }: { specifier: string }) => specifier.startsWith('node:');
    const inPure = imports.filter((one) => isOfNode(one) && pure.some((dir) => one.file.startsWith(dir)));
    expect(inPure).to.deep.equal([]);
    for (const name of ['model', 'nodeset', 'protocol']) {
      const { compilerOptions } = JSON.parse(readFileSync(join(ROOT, 'packages', name, 'tsconfig.json'), 'utf8')) as {
        readonly compilerOptions: { readonly types?: readonly string[] };
      };
      expect(compilerOptions.types, `types of ${name}`).to.deep.equal([]);
    }
    const codec = imports.filter(({ file }) => file === 'packages/tls-json-stream/src/codec.ts');
    expect(codec.filter(({ specifier }) => /node:(net|tls|fs|http)/.test(specifier))).to.deep.equal([]);
  });

  it("loads the engine of the database, and a feature's parts, only when they are asked for", () => {
    const eager = imports.filter(({ file, specifier, dynamic }) => {
      if (dynamic || specifier === '') return false;
      const folder = /^packages\/([^/]+)\//.exec(file)?.[1] ?? '';
      if (folder === 'store') return /\/sqlite\//.test(specifier) && !file.startsWith('packages/store/src/sqlite/');
      const isIndex = FEATURES.includes(folder) && file === `packages/${folder}/src/index.ts`;
      return isIndex && /^\.\/(?:store|master|node|aggregator)\.ts$/.test(specifier);
    });
    expect(eager).to.deep.equal([]);
  });

  it('computes the name of an import only where files are loaded by design', () => {
    const computed = imports.filter(({ specifier }) => specifier === '').map(({ file }) => file);
    expect(computed.sort()).to.deep.equal([
      'packages/daemon/src/main.ts',
      'packages/model/bin/bundled.cjs',
      'packages/store/src/load.ts',
    ]);
  });

  it('has in every package.json exactly what the sources import, in exact versions', () => {
    expect(dependencyFaults(packages)).to.deep.equal([]);
    const bad = [sample('a', "import 'b';", { '@csm/model': '0.2.0', c: '^1.0.0' }), sample('model', '')];
    expect(dependencyFaults(bad)).to.deep.equal([
      'packages/a imports b, package.json lacks it',
      'packages/a/package.json has @csm/model, nothing imports it',
      'packages/a/package.json: @csm/model 0.2.0, it is 0.1.0',
      'packages/a/package.json has c, nothing imports it',
      'packages/a/package.json: c ^1.0.0 is not exact',
    ]);
  });

  it('says the same in package-lock.json, which has no registry address of ours', () => {
    const text = readFileSync(join(ROOT, 'package-lock.json'), 'utf8');
    const lock = JSON.parse(text) as {
      readonly packages: Readonly<
        Record<string, { readonly dependencies?: Record<string, string>; readonly resolved?: string }>
      >;
    };
    for (const { folder, dependencies } of packages)
      expect(lock.packages[`packages/${folder}`]?.dependencies ?? {}, folder).to.deep.equal(dependencies);
    const foreign = Object.values(lock.packages)
      .map(({ resolved }) => resolved ?? '')
      .filter((resolved) => /^https?:/.test(resolved) && !resolved.startsWith('https://registry.npmjs.org/'));
    expect(foreign).to.deep.equal([]);
  });
});
