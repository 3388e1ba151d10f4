/** The page of the tree's machines: the prose and tables that stand above their code, so that they are written once. */
import { readFile } from 'node:fs/promises';

const PAGES = [
  ['Link', 'link/table.ts'],
  ['Failover', 'failover/machine.ts'],
  ['Trunk', 'trunk.ts'],
  ['Outbox', 'outbox/machine.ts'],
  ['Credit', 'credit/share.ts'],
  ['Roster of a hub', 'roster/hub-roster.ts'],
  ['Roster of the master', 'roster/core-roster.ts'],
  ['Records of the roster', 'roster/record-queue.ts'],
  ['An aggregator that is drained', 'drain.ts'],
  ['Copies for a sink', 'tap/tap.ts'],
  ['Intake', 'intake.ts'],
  ['Commands: where they begin', 'fanout/origin.ts'],
  ['Commands: on their way', 'fanout/hub-commands.ts'],
  ['Commands: where they end', 'fanout/executor.ts'],
  ['Calls: where they enter', 'calls/entry.ts'],
  ['Calls: on their way', 'calls/relay.ts'],
  ['Calls: where they end', 'calls/served.ts'],
] as const;

const INTRO = `# The machines

<!-- Made from the comments above the code; do not edit. -->

The rules of the tree, without I/O: time, chance and identity come in as arguments, effects go out. Each is a file of
\`packages/tree/src\`; what follows stands above its code.
`;

export async function machinesPage(): Promise<string> {
  const sections = await Promise.all(
    PAGES.map(async ([title, file]) => `## ${title}\n\n\`${file}\`\n\n${await header(file)}\n`),
  );
  return [INTRO, ...sections].join('\n');
}

/** The first block comment of a source file, without its stars. */
async function header(file: string): Promise<string> {
  const text = await readFile(new URL(`../../../tree/src/${file}`, import.meta.url), 'utf8');
  const block = /\/\*\*\n([\s\S]*?)\n \*\//.exec(text)?.[1] ?? '';
  return block
    .split('\n')
    .map((line) => line.replace(/^ \* ?/, ''))
    .join('\n');
}
