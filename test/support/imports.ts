/** Who imports whom: reads the sources and the package.json files of the workspace. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';

export interface Import {
  /** Path within the repository. */
  readonly file: string;
  readonly line: number;
  readonly specifier: string;
  /** `import('…')`, which loads only when it is reached. */
  readonly dynamic: boolean;
}

export interface Package {
  readonly name: string;
  /** Name of its folder. */
  readonly folder: string;
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly imports: readonly Import[];
}

const STATIC = /^[ \t]*(?:import|export)\b(?:[^;'"`]*?\bfrom)?\s*'([^']+)'/gm;
const DYNAMIC = /\b(?:import|require(?:\.resolve)?)\(\s*([^)\s]?[^)]*)\)/g;
const COMMENT = /\/\*[\s\S]*?\*\/|^[ \t]*\/\/.*$/gm;

/** Every import of a source text. A dynamic one whose name is computed has the specifier ''. */
export function importsOf(file: string, text: string): Import[] {
  // Blanked, not cut out, so that line numbers stay.
  const bare = text.replace(COMMENT, (comment) => comment.replace(/[^\n]/g, ' '));
  const lineOf = (at: number) => bare.slice(0, at).split('\n').length;
  const imports: Import[] = [];
  for (const match of bare.matchAll(STATIC))
    imports.push({ file, line: lineOf(match.index), specifier: match[1] ?? '', dynamic: false });
  for (const match of bare.matchAll(DYNAMIC)) {
    const specifier = /^'([^']*)'$/.exec((match[1] ?? '').trim())?.[1] ?? '';
    imports.push({ file, line: lineOf(match.index), specifier, dynamic: true });
  }
  return imports;
}

function sourcesBelow(dir: string): string[] {
  if (!existsSync(dir)) return [];
  return readdirSync(dir, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.(?:ts|mjs|cjs)$/.test(file))
    .map((file) => join(dir, file))
    .sort();
}

/** Every package of the workspace, with what its `src` and `bin` import. */
export function readPackages(root: string): Package[] {
  const folders = readdirSync(join(root, 'packages')).filter((folder) =>
    existsSync(join(root, 'packages', folder, 'package.json')),
  );
  return folders.map((folder) => {
    const dir = join(root, 'packages', folder);
    const read = JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8')) as Partial<Package>;
    const { name = '', version = '', dependencies = {} } = read;
    const files = [...sourcesBelow(join(dir, 'src')), ...sourcesBelow(join(dir, 'bin'))];
    const imports = files.flatMap((file) => importsOf(relative(root, file), readFileSync(file, 'utf8')));
    return { name, folder, version, dependencies, imports };
  });
}

/** The package a bare specifier names: `@csm/model`, `typebox` for `typebox/compile`; '' for a relative one. */
export function packageOf(specifier: string): string {
  if (/^(?:\.|node:|$)/.test(specifier)) return '';
  return specifier
    .split('/')
    .slice(0, specifier.startsWith('@') ? 2 : 1)
    .join('/');
}

/** The file within the repository that a relative import names. */
export const targetOf = ({ file, specifier }: Import): string => relative('/', resolve('/', dirname(file), specifier));

/** What architecture.md §3 says, by the names of the folders; `features` may import all of the foundation. */
export interface Rules {
  readonly allowed: Readonly<Record<string, readonly string[]>>;
  /** Packages of others that only files below these paths may import. */
  readonly confined: Readonly<Record<string, readonly string[]>>;
  /** Programs of the build, which run in no daemon: they may import any package's index. */
  readonly tools: readonly string[];
  /** Addresses within a package, or files of it, that may be imported beside its index. */
  readonly doors: readonly string[];
}

/** Every breach of the rules, in words. */
export function breaches(packages: readonly Package[], rules: Rules): string[] {
  const folderOf = new Map(packages.map(({ name, folder }) => [name, folder]));
  const found: string[] = [];
  for (const { folder, imports } of packages) {
    const allowed = rules.allowed[folder];
    if (allowed === undefined) found.push(`packages/${folder} has no rule: who may import it, whom may it import?`);
    for (const one of imports) {
      const where = `${one.file}:${one.line}`;
      if (/^\.\.?\//.test(one.specifier)) {
        const target = targetOf(one);
        const inside = [`packages/${folder}/`, 'test/prepare.mjs', 'packaging/bundle.mjs'].some((start) =>
          target.startsWith(start),
        );
        const isDoor = rules.doors.includes(target);
        const isTool = rules.tools.includes(one.file) && /^packages\/[^/]+\/dist\/src\/index\.js$/.test(target);
        if (!inside && !isDoor && !isTool) found.push(`${where} reaches out of its package to ${target}`);
        continue;
      }
      for (const [what, where_] of Object.entries(rules.confined)) {
        const named = one.specifier === what || packageOf(one.specifier) === what;
        if (named && !where_.some((start) => one.file.startsWith(start)))
          found.push(`${where} imports ${what}, which is for ${where_.join(', ')}`);
      }
      const other = folderOf.get(packageOf(one.specifier));
      if (other === undefined) continue;
      if (one.specifier !== packageOf(one.specifier) && !rules.doors.includes(one.specifier))
        found.push(`${where} imports past the index: ${one.specifier}`);
      if (other !== folder && !(allowed ?? []).includes(other))
        found.push(`${where}: ${folder} may not import ${other}`);
    }
  }
  return found;
}

/** Where package.json and the sources differ, and where a version is not exact. */
export function dependencyFaults(packages: readonly Package[]): string[] {
  const own = new Map(packages.map(({ name, version }) => [name, version]));
  const found: string[] = [];
  for (const { folder, name, dependencies, imports } of packages) {
    const used = new Set(imports.map(({ specifier }) => packageOf(specifier)).filter((p) => p !== '' && p !== name));
    for (const dependency of used) {
      if (!(dependency in dependencies)) found.push(`packages/${folder} imports ${dependency}, package.json lacks it`);
    }
    for (const [dependency, version] of Object.entries(dependencies)) {
      if (!used.has(dependency)) found.push(`packages/${folder}/package.json has ${dependency}, nothing imports it`);
      if (!/^\d+\.\d+\.\d+$/.test(version))
        found.push(`packages/${folder}/package.json: ${dependency} ${version} is not exact`);
      const ours = own.get(dependency);
      if (ours !== undefined && ours !== version)
        found.push(`packages/${folder}/package.json: ${dependency} ${version}, it is ${ours}`);
    }
  }
  return found;
}
