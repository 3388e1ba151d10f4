/// <reference types="mocha" />
/** A suite over both databases, and over the one in memory; each test has a database of its own. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Wall } from '@csm/model';
import { databases } from '@csm/sim';
import { openMemoryStore, openPostgresStore, openStore, type Store } from '@csm/store';
import * as heartbeatStore from '../src/store.ts';

export type OpenStore = (clock: () => Wall) => Promise<Store>;

const MODULE = new URL('../src/store.js', import.meta.url).href;
/** Of what hangs; each call takes a fraction of it. */
const LIMITS = { procedureMs: 60_000, queryMs: 60_000 };

export const openInMemory: OpenStore = (clock) => openMemoryStore({ modules: [heartbeatStore], clock });

export function overDatabases(title: string, suite: (open: OpenStore) => void): void {
  for (const engine of ['in memory', 'SQLite', 'PostgreSQL'] as const) {
    describe(`${title}, ${engine}`, function () {
      this.timeout(120_000);
      const undo: (() => Promise<unknown>)[] = [];
      const fresh = engine === 'PostgreSQL' ? databases() : undefined;
      // Registered first, runs last: whoever uses a store has closed it by then.
      after(async () => {
        for (const step of undo.splice(0).reverse()) await step();
      });
      suite(async (clock) => {
        const options = { modules: [MODULE], clock, limits: LIMITS };
        if (engine === 'in memory') return openInMemory(clock);
        if (fresh !== undefined) return openPostgresStore({ server: await fresh(), ...options });
        const directory = await mkdtemp(join(tmpdir(), 'csm-heartbeat-http-'));
        undo.push(() => rm(directory, { recursive: true, force: true }));
        return openStore({ file: join(directory, 'csm.db'), ...options });
      });
    });
  }
}
