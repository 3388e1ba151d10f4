'use strict';
const { existsSync, readdirSync, readFileSync, renameSync, statSync, writeFileSync } = require('node:fs');
const Module = require('node:module');
const { dirname, join } = require('node:path');
const { pathToFileURL } = require('node:url');
const { constants, Script } = require('node:vm');
const { crc32 } = require('node:zlib');

// A script, so that `csm` starts without the engine's loader of modules, which takes longer than many a command.
module.exports = { load, programOf, runScript, keepCompiled };

/** Where all packages stand side by side: `packages/` of a clone, `node_modules/@csm/` of an installation. */
const PACKAGES = join(__dirname, '../../');

/** Resolves with what the first module of a program exports, wherever `programOf` says it is. */
async function load(package_, name) {
  const file = programOf(package_, name);
  return file.endsWith('.cjs') ? runScript(file).exports : import(pathToFileURL(file).href);
}

/**
 * The file of a program's first module, `name` in `package`: its bundle, a few files that load in a third of the
 * time, as `npm run build` makes it; or that of the modules one by one, where any of them was built later by itself, where
 * coverage is measured, and where CSM_BUNDLE is `off`.
 */
function programOf(package_, name) {
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
function runScript(file) {
  const source = readFileSync(file);
  const script = new Script(Module.wrap(source.latin1Slice()), {
    filename: file,
    cachedData: compiledBefore(file, source),
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  });
  const module = { exports: {} };
  script.runInThisContext()(module.exports, Module.createRequire(file), module, file, dirname(file));
  return { script, exports: module.exports };
}

/** Keeps what was compiled of a script that has run, for the next `runScript`. */
function keepCompiled(file, script) {
  const data = script.createCachedData();
  const kept = compiledOf(file);
  writeFileSync(`${kept}.new`, Buffer.concat([sealOf(readFileSync(file), data), data]));
  renameSync(`${kept}.new`, kept);
}

function compiledBefore(file, source) {
  try {
    const kept = readFileSync(compiledOf(file));
    const end = kept.indexOf(END_OF_SEAL) + 1;
    const data = kept.subarray(end);
    return kept.subarray(0, end).equals(sealOf(source, data)) ? data : undefined;
  } catch {
    // There is none, or none that may be read: the script is all that is needed.
    return undefined;
  }
}

const END_OF_SEAL = 0x0a;
const WORD = 8;

/**
 * All that must be the same, in a line. The engine itself compares its flags and version and the length of the script: what
 * another build of Node has made, or a torn file, it takes, and crashes. Sums of 32 bits find what happens to files, in a
 * fifth of the time of a cryptographic one: who could forge them could as well write another script.
 */
function sealOf(source, data) {
  const { version, arch, config, versions } = process;
  const sums = [source, data].map((bytes) => [bytes.length, crc32(bytes)]);
  const text = JSON.stringify([sums, version, arch, versions.v8, config.variables]);
  // The engine makes a copy of what does not begin at an address it can read words from.
  return Buffer.from(`${text.padEnd(text.length + WORD - ((text.length + 1) % WORD))}\n`);
}

const compiledOf = (file) => file.replace(/\.cjs$/, '.compiled');
