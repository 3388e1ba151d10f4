import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { type Host, type Programs, RootTree } from '@csm/host';
import { Absent, COLLECTORS, type Context, type Reading } from '../src/collect/index.ts';
import type { Item } from '../src/items.ts';

/** Path below the root → content. */
export type Files = { readonly [path: string]: string };

const made: string[] = [];

export function newDirectory(): string {
  const dir = mkdtempSync(join(tmpdir(), 'csm-environment-'));
  made.push(dir);
  return dir;
}

/** Writes `files` below a new directory and gives its path; `removeTrees` takes all of them away. */
export function writeTree(files: Files, root: string = newDirectory()): string {
  for (const [path, content] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), content);
  }
  return root;
}

/** A shell script that stands for a program of the machine. */
export function writeProgram(dir: string, name: string, script: string): void {
  writeFileSync(join(dir, name), `#!/bin/sh\n${script}\n`, { mode: 0o755 });
}

export function removeTrees(): void {
  for (const root of made.splice(0)) rmSync(root, { recursive: true, force: true });
}

/** Programs that answer what is written here; others are not there. */
export const saying = (answers: { readonly [command: string]: string }): Programs => ({
  run: async (argv) => {
    const answer = answers[argv.join(' ')] ?? answers[argv[0]];
    if (answer === undefined) return { reason: `${argv[0]}: not found` };
    return answer.startsWith('! ') ? { reason: answer.slice(2) } : { value: answer };
  },
});

export const hostOf = (files: Files, answers: { readonly [command: string]: string } = {}): Host => ({
  tree: new RootTree(writeTree(files)),
  programs: saying(answers),
});

export const context = (more: Partial<Context> = {}): Context => ({
  signal: new AbortController().signal,
  intervalMs: 1000,
  waitsFor: () => undefined,
  pause: async () => undefined,
  now: () => 0,
  learnt: new Set(),
  ...more,
});

export const read = (item: Item, host: Host, more: Partial<Context> = {}): Promise<Reading> =>
  COLLECTORS[item](host, context(more));

/** What a collector threw, `absent: …` or `failed: …`. */
export async function whyNot(item: Item, host: Host): Promise<string> {
  try {
    const { gauges, counters } = await read(item, host);
    return `read ${[...gauges.keys(), ...counters.keys()].join()}`;
  } catch (e) {
    return `${e instanceof Absent ? 'absent' : 'failed'}: ${(e as Error).message}`;
  }
}

/** What a collector said of parts that should have answered. */
export const faultsOf = async (item: Item, host: Host): Promise<Record<string, string>> =>
  Object.fromEntries((await read(item, host)).faults);

export const gaugesOf = (reading: Reading): Record<string, number> => Object.fromEntries(reading.gauges);
export const countersOf = (reading: Reading): Record<string, number> =>
  Object.fromEntries([...reading.counters].map(([name, { value }]) => [name, value]));

/** Looks every few ms until `condition` holds; fails with what was waited for after `ms`. */
export async function until(what: string, condition: () => boolean, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!condition()) {
    if (performance.now() > deadline) throw new Error(`not within ${ms} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
