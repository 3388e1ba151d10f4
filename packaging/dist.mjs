// `npm run dist`: archives and Debian packages of every set, from a built tree, into dist/.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { pack } from './archive.mjs';
import { debName, makeDeb } from './deb.mjs';
import { digest } from './files.mjs';
import { SETS } from './sets.mjs';
import { makeDocuments, makeTree } from './tree.mjs';

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const KINDS = ['tar', 'deb'];
const USAGE = `Usage: npm run dist -- [options], after npm run build

  --set SET[,SET]      ${Object.keys(SETS).join(', ')}; default: all
  --kind KIND[,KIND]   tar, deb; default: tar, and deb where dpkg-deb is
  --out DIR            default: dist
  --package-version V  of the packages, where it is not that of package.json (such as 0.1.0+site.2)
  --fast               compressed quickly instead of well

The same sources give the same bytes: times are SOURCE_DATE_EPOCH, or else the time of the last commit.
DEBFULLNAME and DEBEMAIL name the maintainer of the Debian packages.
`;

function stop(words) {
  process.stderr.write(`dist: ${words}\n`);
  process.exit(2);
}

function readArgs() {
  try {
    const { values } = parseArgs({
      options: {
        set: { type: 'string', default: Object.keys(SETS).join(',') },
        kind: { type: 'string' },
        out: { type: 'string', default: join(ROOT, 'dist') },
        'package-version': { type: 'string' },
        fast: { type: 'boolean', default: false },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
    return values;
  } catch (error) {
    return stop(`${error.message}\n\n${USAGE}`);
  }
}

function wordsOf(option, given, allowed) {
  const words = given.split(',');
  const bad = words.find((word) => !allowed.includes(word));
  if (bad !== undefined) stop(`--${option} has '${bad}'; allowed: ${allowed.join(', ')}`);
  return words;
}

/** Seconds since 1970 that all files bear. */
function epochOf() {
  const given = process.env['SOURCE_DATE_EPOCH'];
  const text = given ?? spawnSync('git', ['log', '-1', '--format=%ct'], { cwd: ROOT, encoding: 'utf8' }).stdout?.trim();
  if (/^\d{1,11}$/.test(text ?? '')) return Number(text);
  if (given !== undefined) return stop(`SOURCE_DATE_EPOCH is '${given}'; allowed: whole seconds since 1970`);
  return stop('this is no clone of the repository: set SOURCE_DATE_EPOCH to the time of the release, in seconds');
}

const hasDpkg = () => spawnSync('dpkg-deb', ['--version']).status === 0;

const args = readArgs();
if (args.help) {
  process.stdout.write(USAGE);
  process.exit(0);
}
const sets = wordsOf('set', args.set, Object.keys(SETS));
const kinds =
  args.kind === undefined ? KINDS.filter((kind) => kind !== 'deb' || hasDpkg()) : wordsOf('kind', args.kind, KINDS);
const version = args['package-version'] ?? JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')).version;
if (!/^\d+\.\d+\.\d+([-+][A-Za-z0-9.+-]*)?$/.test(version))
  stop(`--package-version is '${version}'; allowed: such as 1.2.3, 1.2.3-rc.1 or 1.2.3+site.2`);
const epoch = epochOf();
const out = resolve(args.out);

const work = mkdtempSync(join(tmpdir(), 'csm-dist-'));
try {
  mkdirSync(out, { recursive: true });
  const documents = makeDocuments(ROOT, epoch);
  const sums = [];
  const made = (name) => {
    const data = readFileSync(join(out, name));
    sums.push(`${digest(data)}  ${name}\n`);
    process.stdout.write(`${name}  ${(data.length / 1e6).toFixed(1)} MB\n`);
  };
  for (const set of sets) {
    const name = `csm-${version}-${set}`;
    const tree = join(work, name);
    const facts = makeTree(ROOT, set, tree, { version, documents });
    if (kinds.includes('tar')) {
      await pack(work, name, join(out, `${name}.tar.gz`), { epoch, level: args.fast ? 1 : 9 });
      made(`${name}.tar.gz`);
    }
    if (kinds.includes('deb')) {
      const file = debName(facts);
      const compression = args.fast ? ['-Zgzip', '-z1'] : ['-Zxz'];
      makeDeb(ROOT, tree, join(out, file), facts, { epoch, compression });
      made(file);
    }
    rmSync(tree, { recursive: true, force: true });
  }
  // Of what this run made, so that a run for some sets does not speak of files it has not seen.
  writeFileSync(join(out, 'SHA256SUMS'), sums.sort((a, b) => (a.slice(66) < b.slice(66) ? -1 : 1)).join(''));
} catch (error) {
  process.stderr.write(`dist: ${error.message}\n`);
  process.exitCode = 1;
} finally {
  rmSync(work, { recursive: true, force: true });
}
