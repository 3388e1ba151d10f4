// Makes of each program, from its built modules, a few files that load in a third of the time: `npm run build` ends with it.
import { existsSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PROGRAMS = { daemon: 'csmd', cli: 'csm' };

/** Compiled code, which no bundle can hold, and what is loaded by `require` where it is needed. */
const APART = ['better-sqlite3', 'koffi', 'pg-native', 'prom-client'];

/** The address of another module, such as that of a thread; or any other use of a module's own address. */
const ADDRESS = /new URL\('(\.[^']+\.js)', import\.meta\.url\)|import\.meta\.url/g;
const OURS = /[\\/]packages[\\/][^\\/]+[\\/]dist[\\/]src[\\/].+\.js$/;

/** Bundles the programs that are built. */
export async function bundle(root = ROOT) {
  const built = Object.entries(PROGRAMS).filter(([folder]) => existsSync(mainOf(root, folder)));
  await Promise.all(built.map(([folder, name]) => bundleOne(root, folder, name)));
}

/**
 * A daemon loads parts of itself by address, which share all else. A command lasts as long as it takes to load: one file is
 * found and read at once, where fourteen that import each other cost a fifth of the start. It is large, so it is
 * written tight; what a command does not use is looked over, but not run.
 */
const formOf = (folder) =>
  folder === 'cli' ? { splitting: false, minifyWhitespace: true, minifySyntax: true } : { splitting: true };

const mainOf = (root, folder) => join(root, 'packages', folder, 'dist/src/main.js');

async function bundleOne(root, folder, name) {
  const out = join(root, 'packages', folder, 'dist/bundle');
  rmSync(out, { recursive: true, force: true });
  const entries = { [name]: mainOf(root, folder) };
  // What a daemon loads by address becomes an entry of its own, which shares all else with the others.
  if (folder === 'daemon') for (const file of byAddress(root)) entries[entryOf(root, file)] = file;
  const known = new Map(Object.entries(entries).map(([entry, file]) => [file, entry]));
  const addresses = {
    name: 'addresses',
    setup(made) {
      made.onLoad({ filter: OURS }, ({ path }) => {
        const text = readFileSync(path, 'utf8');
        if (!text.includes('import.meta.url')) return undefined;
        const contents = text.replaceAll(ADDRESS, (_, to) => {
          const entry = to === undefined ? undefined : known.get(resolve(dirname(path), to));
          if (entry !== undefined) return `new URL('./${entry}.mjs', import.meta.url)`;
          // Any other address is told as it was: a file beside the module, not beside the bundle.
          const here = `new URL(${JSON.stringify(relative(out, path))}, import.meta.url).href`;
          return to === undefined ? here : `new URL('${to}', ${here})`;
        });
        return { contents, loader: 'js' };
      });
    },
  };
  await build({
    entryPoints: entries,
    outdir: out,
    outExtension: { '.js': '.mjs' },
    bundle: true,
    ...formOf(folder),
    format: 'esm',
    platform: 'node',
    target: 'node20',
    external: APART,
    // Packages of the older kind ask for Node's own modules by `require`.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [addresses],
  });
}

/** Modules of ours that any other names by address, for a thread or the database to load. */
function byAddress(root) {
  const found = new Set();
  for (const name of readdirSync(join(root, 'packages'))) {
    // Faces and tools run beside the daemon, not in it.
    if (['cli', 'sim', 'daemon'].includes(name)) continue;
    const src = join(root, 'packages', name, 'dist/src');
    if (!existsSync(src)) continue;
    for (const file of readdirSync(src, { recursive: true })) {
      if (!file.endsWith('.js')) continue;
      const path = join(src, file);
      for (const [, to] of readFileSync(path, 'utf8').matchAll(ADDRESS))
        if (to !== undefined) found.add(resolve(dirname(path), to));
    }
  }
  return [...found];
}

const entryOf = (root, file) =>
  relative(join(root, 'packages'), file)
    .replace(/[\\/]dist[\\/]src[\\/]/, '-')
    .replace(/\.js$/, '')
    .replaceAll(/[\\/]/g, '-');

if (process.argv[1] !== undefined && import.meta.url === pathToFileURL(process.argv[1]).href) await bundle();
