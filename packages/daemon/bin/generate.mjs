// Writes what is made from tables and comments: the typed client, the reference pages, the page of the machines.
// Run by `npm run generate`; a test fails when what is committed is older than its source.
// With `--man DIR` it writes the manual pages instead, below DIR/man1, man5 and man8; they are dated by SOURCE_DATE_EPOCH
// where that is set, else by today.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { parseArgs } from 'node:util';
import { allCommands, commandReference, manPages } from '../../cli/dist/src/index.js';
import { generated } from '../dist/src/generated.js';

const { values: options } = parseArgs({ options: { man: { type: 'string' } } });
const SETTINGS = /^docs\/reference\/settings-(\w+)\.md$/;
const made = await generated();

function settingsPages() {
  return made.flatMap(({ path, text }) => {
    const role = SETTINGS.exec(path)?.[1];
    if (role === undefined) return [];
    return [{ name: `csm_${role}.cfg`, summary: `settings of ${role} daemons`, markdown: text.replace(/^# .*\n/, '') }];
  });
}

if (options.man === undefined) {
  const files = [...made, { path: 'docs/reference/commands.md', text: commandReference(await allCommands()) }];
  for (const { path, text } of files) writeFileSync(new URL(`../../../${path}`, import.meta.url), text);
} else {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  const epoch = process.env.SOURCE_DATE_EPOCH;
  const date = new Date(epoch === undefined ? Date.now() : Number(epoch) * 1000).toISOString().slice(0, 10);
  for (const { path, text } of manPages(await allCommands(), settingsPages(), { date, version })) {
    const file = join(options.man, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}
