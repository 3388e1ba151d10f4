import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
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

/** Runs a script that is written in ASCII, as compiled before where that is whole and of this very engine. */
export function runScript(file) {
  const source = readFileSync(file);
  const script = new Script(Module.wrap(source.latin1Slice()), {
    filename: file,
    cachedData: compiledBefore(file, source),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, createRequire(file), module, file, dirname(file));
  return { script, exports: module.exports };
}

/** Keeps what was compiled of a script that has run, for the next `runScript`. */
export function keepCompiled(file, script) {
  const data = script.createCachedData();
  const kept = compiledOf(file);
  writeFileSync(`${kept}.new`, Buffer.concat([sealOf(readFileSync(file), data), data]));
  renameSync(`${kept}.new`, kept);
}

function compiledBefore(file, source) {
  try {
    const kept = readFileSync(compiledOf(file));
    const data = kept.subarray(SEAL_BYTES);
    return kept.subarray(0, SEAL_BYTES).equals(sealOf(source, data)) ? data : undefined;
  } catch {
    // There is none, or none that may be read: the script is all that is needed.
    return undefined;
  }
}

const SEAL_BYTES = 32;

/**
 * Over all that must be the same. The engine itself compares its flags and version and the length of the script: what
 * another build of Node has made, or a torn file, it takes, and crashes.
 */
function sealOf(source, data) {
  const { version, arch, config, versions } = process;
  const engine = JSON.stringify([version, arch, versions.v8, config.variables, source.length]);
  return createHash('sha256').update(engine).update(source).update(data).digest();
}

const compiledOf = (file) => file.replace(/\.cjs$/, '.compiled');
