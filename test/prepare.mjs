/**
 * Makes a fresh clone able to build: checks Node and installs the packages of package-lock.json when they are not
 * there or not those. Uses nothing but Node, because nothing else may be there yet.
 *
 *   node test/prepare.mjs            or    import { prepare } from '…/test/prepare.mjs'
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync, realpathSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NODE_MIN = [20, 19, 0];
/** What compiles better-sqlite3 where no compiled one can be fetched, and the Debian package that has it. */
const TOOLS = { python3: 'python3', make: 'make', 'g++': 'g++' };

/** Ends the process with words when the clone cannot be made ready; returns whether it had to install. */
export function prepare() {
  checkNode();
  const why = staleness();
  if (why === undefined) return false;
  const missing = Object.keys(TOOLS).filter((tool) => !isOnPath(tool));
  const advice = `missing: ${missing.join(', ')} (apt-get install ${missing.map((tool) => TOOLS[tool]).join(' ')})`;
  console.log(`prepare: ${why}: npm ci, which takes a minute or two`);
  if (missing.length > 0) console.log(`prepare: where a package must be compiled this will fail; ${advice}`);
  const npm = spawnSync('npm', ['ci', '--no-audit', '--no-fund'], {
    cwd: ROOT,
    stdio: ['ignore', 'inherit', 'inherit'],
  });
  if (npm.error?.code === 'ENOENT') stop('npm is missing (it comes with Node)');
  if (npm.status !== 0) stop(`npm ci failed${missing.length > 0 ? `; ${advice}` : ''}`);
  return true;
}

function checkNode() {
  const have = process.versions.node.split('.').map(Number);
  for (const [i, least] of NODE_MIN.entries()) {
    if (have[i] > least) return;
    if (have[i] < least) stop(`Node ${NODE_MIN.join('.')} or later is needed, this is ${process.versions.node}`);
  }
}

/** Why the installed packages are not those of the lock file; undefined when they are. */
function staleness() {
  const installed = join(ROOT, 'node_modules', '.package-lock.json');
  if (!existsSync(installed)) return 'node_modules is missing';
  const [want, have] = [join(ROOT, 'package-lock.json'), installed].map(
    (file) => JSON.parse(readFileSync(file, 'utf8')).packages,
  );
  for (const [path, entry] of Object.entries(want)) {
    if (!path.startsWith('node_modules/') && !path.includes('/node_modules/')) continue;
    const there = have[path];
    // Packages for other systems are in the lock file and not installed.
    if (there === undefined && (entry.optional || entry.devOptional)) continue;
    if (there === undefined) return `${path} is not installed`;
    if (there.version !== entry.version || there.link !== entry.link) {
      return `${path} is ${there.version ?? 'a link'}, package-lock.json has ${entry.version ?? 'a link'}`;
    }
    if (!existsSync(join(ROOT, path))) return `${path} is missing`;
    // What a package of ours is called by: a link to where its program stood before helps nobody.
    if (entry.link && !isSame(want[entry.resolved]?.bin, have[entry.resolved]?.bin))
      return `${path} has other programs`;
  }
  return undefined;
}

const isSame = (a, b) => JSON.stringify(a) === JSON.stringify(b);

function isOnPath(program) {
  return (process.env['PATH'] ?? '').split(delimiter).some((dir) => existsSync(join(dir, program)));
}

function stop(words) {
  console.error(`prepare: ${words}`);
  process.exit(1);
}

if (process.argv[1] !== undefined && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) prepare();
