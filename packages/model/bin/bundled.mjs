import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import Module, { createRequire } from 'node:module';
import { dirname } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { constants, Script } from 'node:vm';

/** Where all packages stand side by side: `packages/` of a clone, `node_modules/@csm/` of an installation. */
const PACKAGES = fileURLToPath(new URL('../../', import.meta.url));

/** Resolves with what the first module of a program exports, wherever `programOf` says it is. */
export async function load(package_, name) {
  const file = programOf(package_, name);
  return file.endsWith('.cjs') ? runScript(file).exports : import(pathToFileURL(file).href);
}

/**
 * The file of a program's first module, `name` in `package`: its bundle, a few files that load in a third of the
 * time, as `npm run build` makes it; or that of the modules one by one, where any of them was built later by itself, where
 * coverage is measured, and where CSM_BUNDLE is `off`.
 */
export function programOf(package_, name) {
  const folder = `${PACKAGES}${package_}/dist`;
  const bundle = ['cjs', 'mjs'].map((ending) => `${folder}/bundle/${name}.${ending}`).find((file) => existsSync(file));
  const { NODE_V8_COVERAGE: coverage, CSM_BUNDLE: wish } = process.env;
  const isWanted = wish !== 'off' && coverage === undefined && bundle !== undefined;
  return isWanted && newest() <= statSync(bundle).mtimeMs ? bundle : `${folder}/src/main.js`;
}

/** When a package was built last; 0 in an installation, where nothing is. */
function newest() {
  let last = 0;
  for (const name of readdirSync(PACKAGES)) {
    const built = statSync(`${PACKAGES}${name}/dist/src.tsbuildinfo`, { throwIfNoEntry: false });
    if (built !== undefined && built.mtimeMs > last) last = built.mtimeMs;
  }
  return last;
}

/**
 * Runs a script that is written in ASCII, compiled before where it can be. The engine refuses what another version of it
 * has made, or one with other flags, and of a script of another length: it is compiled anew then.
 */
export function runScript(file) {
  const script = new Script(Module.wrap(readFileSync(file, 'latin1')), {
    filename: file,
    cachedData: compiledBefore(file),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return { script, exports: module.exports };
}

/** What `packaging/compile.mjs` has kept, unless the script is newer. */
function compiledBefore(file) {
  const kept = statSync(compiledOf(file), { throwIfNoEntry: false });
  return kept !== undefined && kept.mtimeMs >= statSync(file).mtimeMs ? readFileSync(compiledOf(file)) : undefined;
}

export const compiledOf = (file) => file.replace(/\.cjs$/, '.compiled');
