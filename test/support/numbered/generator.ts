/** What runs in a daemon: offers numbers, and lists each after its offer resolved. */
import { existsSync } from 'node:fs';
import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { NodePart, NodePorts } from '@csm/feature';
import { DIRECTORY, fileOf, LIFE, URGENT, WORKERS } from './lists.ts';

/** How often it is looked whether to run, ms. */
const LOOK_MS = 50;

export async function nodePart(ports: NodePorts): Promise<NodePart> {
  const { self, clock } = ports;
  const directory = process.env[DIRECTORY];
  if (directory === undefined) throw new Error(`the feature 'numbered' needs ${DIRECTORY}`);
  const daemon = `${self.role}/${self.node}`;
  const path = (what: 'list' | 'refused' | 'lives') => join(directory, fileOf(daemon, what));
  const running = join(directory, 'running');
  const life = await begin(path('lives'));
  const list = await open(path('list'), 'a');
  const refused = await open(path('refused'), 'a');
  let k = 0;
  let stopping = false;

  async function one(): Promise<void> {
    const n = life * LIFE + ++k;
    const urgent = k % URGENT === 0;
    try {
      await ports.offer({
        kind: urgent ? 'test.urgent' : 'test.numbered',
        urgency: urgent ? 'urgent' : 'normal',
        time: clock.now().wall,
        body: n,
      });
    } catch {
      await note(refused, n);
      return;
    }
    await note(list, n);
  }

  async function work(): Promise<void> {
    while (!stopping) {
      const rate = existsSync(running) ? Number(await readFile(running, 'utf8').catch(() => '0')) : 0;
      if (rate > 0) await one();
      await new Promise((resolve) => setTimeout(resolve, rate > 0 ? (1000 * WORKERS) / rate : LOOK_MS));
    }
  }

  // They begin before the outbox is there: what is offered to none is refused, and must not be in the database either.
  const workers = Promise.all(Array.from({ length: WORKERS }, work));
  return {
    async stop() {
      stopping = true;
      await workers;
      await list.close();
      await refused.close();
    },
  };
}

async function note(file: FileHandle, n: number): Promise<void> {
  await file.appendFile(`${n}\n`);
  await file.sync();
}

/** Counts the starts of this daemon; gives the number of this one. */
async function begin(path: string): Promise<number> {
  const before = await readFile(path, 'utf8').catch(() => '');
  const life = before.split('\n').length;
  const file = await open(path, 'a');
  await note(file, life);
  await file.close();
  return life;
}
