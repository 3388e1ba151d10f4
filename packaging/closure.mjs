// Which packages a program needs at run time, worked out from their package.json, and which of their files.
import { existsSync, readdirSync, readFileSync, realpathSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { LICENCE, NOT_AT_RUN_TIME, ONLY, SUPERFLUOUS } from './sets.mjs';

/** What its package.json says. */
export const manifestOf = (dir) => JSON.parse(readFileSync(join(dir, 'package.json'), 'utf8'));

/**
 * The packages that `names` need, themselves included: `[{ name, dir, place, isOurs }]` in the order of `place`, which is
 * where it stands below node_modules. Optional packages count where they are installed. Throws when another is missing.
 */
export function closure(root, names, without) {
  const left = new Set(without);
  const found = new Map();
  const modules = join(root, 'node_modules');
  const add = (name, from, isOptional) => {
    if (left.has(name) || NOT_AT_RUN_TIME.test(name)) return;
    const link = resolve(root, name, from);
    if (link === undefined && isOptional) return;
    if (link === undefined) throw new Error(`${name}, which ${relative(root, from)} needs, is not installed: npm ci`);
    const dir = realpathSync(link);
    if (found.has(dir)) return;
    const isOurs = !dir.startsWith(modules + sep);
    // Ours are links into packages/; what stands below one of them goes where the link stands.
    found.set(dir, { name, dir, place: placeOf(root, link), isOurs });
    const { dependencies = {}, optionalDependencies = {} } = manifestOf(dir);
    for (const one of Object.keys(dependencies)) add(one, dir, one in optionalDependencies);
    for (const one of Object.keys(optionalDependencies)) add(one, dir, true);
  };
  for (const name of names) add(name, root, false);
  return [...found.values()].sort((a, b) => (a.place < b.place ? -1 : 1));
}

/** Where Node finds a package that is imported from `from`. */
function resolve(root, name, from) {
  for (let dir = from; ; dir = dirname(dir)) {
    const link = join(dir, 'node_modules', name);
    if (existsSync(join(link, 'package.json'))) return link;
    if (dir === root) return undefined;
  }
}

function placeOf(root, link) {
  const path = relative(root, link);
  if (path.startsWith(`node_modules${sep}`)) return path.slice('node_modules/'.length);
  const [, folder = '', ...below] = path.split(sep);
  return join(manifestOf(join(root, 'packages', folder)).name, ...below);
}

/** Paths within the package of what is needed at run time, sorted. */
export function filesOf({ name, dir, isOurs }) {
  const all = readdirSync(dir, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(dir, join(entry.parentPath, entry.name)))
    .filter((path) => !path.split(sep).includes('node_modules'));
  return all.filter(isOurs ? (path) => isBuilt(dir, path) : (path) => isNeeded(name, path)).sort();
}

/**
 * Of ours: the manifest, programs, and what was made of a source that is still there. What the engine here has compiled is
 * for no other one: it is made where the programs are installed.
 */
function isBuilt(dir, path) {
  if (
    path === 'package.json' ||
    /^(bin\/(csm|csmd|bundled|compile)\.(mjs|cjs)|dist\/bundle\/[^/]+\.(mjs|cjs))$/.test(path)
  )
    return true;
  const source = /^dist\/src\/(.*)\.js$/.exec(path)?.[1];
  return source !== undefined && existsSync(join(dir, 'src', `${source}.ts`));
}

function isNeeded(name, path) {
  const only = ONLY[name];
  if (only !== undefined) return only.test(path);
  return LICENCE.test(path) || !SUPERFLUOUS.test(path);
}
