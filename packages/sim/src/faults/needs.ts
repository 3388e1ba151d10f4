/** Whether this machine and this run have what a fault needs; if not, why, in words. */
import { spawnSync } from 'node:child_process';
import type { DatabaseEngine } from '../site/tree.ts';
import type { Need } from './fault.ts';

const CHECKS: Readonly<Record<Need, (db: DatabaseEngine) => string | undefined>> = {
  root: () => (process.getuid?.() === 0 && mayMount() ? undefined : 'it needs root, who may mount and make namespaces'),
  nftables: () =>
    spawnSync('nft', ['--version']).status === 0 ? undefined : 'it needs nft (apt-get install nftables)',
  sqlite: (db) => (db === 'sqlite' ? undefined : 'it is about SQLite'),
  postgresql: (db) => (db === 'postgresql' ? undefined : 'it is about PostgreSQL'),
};

/** The first thing that is missing; undefined when nothing is. */
export function missing(needs: readonly Need[], db: DatabaseEngine): string | undefined {
  for (const need of needs) {
    const why = CHECKS[need](db);
    if (why !== undefined) return why;
  }
  return undefined;
}

/** Root in a container may lack the right. */
const mayMount = (): boolean => spawnSync('unshare', ['--mount', '--net', 'true']).status === 0;
