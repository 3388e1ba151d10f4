// Makes of each program, from its built modules, a few files that load in a third of the time: `npm run build` ends with it.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { build } from 'esbuild';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const PROGRAMS = { daemon: 'csmd', cli: 'csm' };

/** Compiled code, which no bundle can hold, and what is loaded by `require` where it is needed. */
const APART = ['better-sqlite3', 'koffi', 'pg-native', 'prom-client'];
/** What fastify would load for servers that are made otherwise than ours: a quarter of all that a daemon would have to read. */
const NEVER = ['@fastify/ajv-compiler', '@fastify/fast-json-stringify-compiler', 'light-my-request', 'pino'];

/** Characters, about. */
const LINE = 200;

/** The address of another module, such as that of a thread; or any other use of a module's own address. */
const ADDRESS = /new URL\('(\.[^']+\.js)', import\.meta\.url\)|import\.meta\.url/g;
const OURS = /[\\/]packages[\\/][^\\/]+[\\/]dist[\\/]src[\\/].+\.js$/;

/** Bundles the programs that are built, where a package was built since; daemons may be starting from what is there. */
export async function bundle(root = ROOT) {
  const built = Object.entries(PROGRAMS).filter(([folder]) => existsSync(mainOf(root, folder)));
  await Promise.all(
    built
      .filter(([folder, name]) => !isFresh(root, folder, name))
      .map(([folder, name]) => bundleOne(root, folder, name)),
  );
}

/** Whether all of a bundle is there, and newer than every package and than this file. */
function isFresh(root, folder, name) {
  const out = bundleOf(root, folder);
  const last = FORMS[folder].format === 'cjs' ? `${name}.compiled` : `${name}.mjs`;
  const made = statSync(join(out, last), { throwIfNoEntry: false });
  const packages = readdirSync(join(root, 'packages')).map((one) =>
    join(root, 'packages', one, 'dist/src.tsbuildinfo'),
  );
  const sources = [...packages, fileURLToPath(import.meta.url)].map((file) =>
    statSync(file, { throwIfNoEntry: false }),
  );
  return made !== undefined && sources.every((source) => source === undefined || source.mtimeMs < made.mtimeMs);
}

/**
 * A daemon loads parts of itself by address, which share all else. A command lasts as long as it takes to load: it is one
 * file, and a script, since of modules the engine cannot be given what it made of them before. Packages
 * of the older kind ask for Node's own modules by `require`.
 */
const FORMS = {
  daemon: {
    format: 'esm',
    splitting: true,
    outExtension: { '.js': '.mjs' },
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  },
  cli: {
    format: 'cjs',
    outExtension: { '.js': '.cjs' },
    define: { 'import.meta.url': '__fileUrl' },
    banner: { js: "const __fileUrl = require('node:url').pathToFileURL(__filename).href;" },
  },
};

const bundleOf = (root, folder) => join(root, 'packages', folder, 'dist/bundle');
const mainOf = (root, folder) => join(root, 'packages', folder, 'dist/src/main.js');

async function bundleOne(root, folder, name) {
  const out = bundleOf(root, folder);
  const fresh = `${out}.new`;
  rmSync(fresh, { recursive: true, force: true });
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
    outdir: fresh,
    bundle: true,
    ...FORMS[folder],
    // Written tight: the engine reads every character before anything runs, and keeps it. Lines stay short enough for a
    // stack trace to tell where it was, and names stay as they are.
    minifyWhitespace: true,
    minifySyntax: true,
    lineLimit: LINE,
    platform: 'node',
    target: 'node20',
    external: [...APART, ...NEVER],
    legalComments: 'none',
    logLevel: 'warning',
    plugins: [addresses],
  });
  rmSync(out, { recursive: true, force: true });
  renameSync(fresh, out);
  if (FORMS[folder].format === 'cjs') compile(join(out, `${name}.cjs`));
}

function compile(file) {
  const { NODE_OPTIONS: _, NODE_V8_COVERAGE: __, ...env } = process.env;
  const { status } = spawnSync(process.execPath, [join(ROOT, 'packages/model/bin/compile.mjs'), file], {
    env,
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error(`${file} cannot be compiled`);
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
