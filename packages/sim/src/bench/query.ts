/** `csm node list -o json` as an admin types it, beside a program that only fetches the same bytes and prints them. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CSM, type Site } from '../site/site.ts';
import { BareProcess } from './bare/bare-process.ts';
import { median } from './figures.ts';
import type { Round } from './rounds.ts';

const FETCH = fileURLToPath(new URL('./bare/fetch.js', import.meta.url));
const PATH = '/csm/v1/nodes';
/** Commands of one run, one of each kind in turn; medians count. */
const TIMES = 5;

/** Makes ready, and gives what measures one run, in ms. The command asks the utility daemon, as on a login node. */
export async function measureQuery(site: Site, nodes: number): Promise<() => Promise<Round>> {
  const socket = site.socket('login');
  const { text } = await timed([FETCH, socket, PATH]);
  const file = join(site.root, 'nodes.json');
  writeFileSync(file, text);
  const bareSocket = join(site.root, 'run/bare.sock');
  const pages = new BareProcess(site, 'bare-pages', 'pages', { socket: bareSocket, file });
  await pages.ask({ do: 'serve' });
  return async () => {
    const began = performance.now();
    const commands: number[] = [];
    const bares: number[] = [];
    for (let i = 0; i < TIMES; i++) {
      const command = await timed([CSM, 'node', 'list', '-o', 'json', '--socket', socket]);
      const known = (JSON.parse(command.text) as unknown[]).length;
      if (known < nodes) throw new Error(`csm node list tells ${known} nodes of ${nodes}`);
      commands.push(command.ms);
      bares.push((await timed([FETCH, bareSocket, PATH])).ms);
    }
    return { value: median(commands), baseline: median(bares), seconds: (performance.now() - began) / 1000 };
  };
}

/** Runs a Node program to its end; rejects when it does not end well. */
async function timed(args: readonly string[]): Promise<{ readonly ms: number; readonly text: string }> {
  const began = performance.now();
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
  const ms = performance.now() - began;
  if (code !== 0) throw new Error(`${args.slice(1).join(' ')} ended with ${signal ?? code}`);
  return { ms, text: Buffer.concat(chunks).toString('utf8') };
}
