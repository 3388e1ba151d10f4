import type { Wall } from '@csm/model';
import type { InventoryDocument } from './document.ts';
import { kernel } from './kernel.ts';
import { machine } from './machine.ts';
import { memory } from './memory.ts';
import { operatingSystem } from './operating-system.ts';
import { processors } from './processors.ts';
import type { Fact } from './reader.ts';
import { type Finding, missing, RootTree } from './root-tree.ts';
import { uptime } from './uptime.ts';

/** One line for each source; a new one is a file with a reader, its facts in reader.ts, and a line here. */
const READERS = [machine, memory, processors, operatingSystem, kernel, uptime] as const;

export interface CollectOptions {
  /** Where /proc, /sys and /etc are; default `/`. */
  readonly root?: string;
  readonly now: Wall;
}

/**
 * Reads what this node is. Never rejects because of what the machine has or lacks: such a field is null, and
 * `reasons` says which file was tried and what was wrong with it.
 */
export async function collectInventory({ root = '/', now }: CollectOptions): Promise<InventoryDocument> {
  const tree = new RootTree(root);
  const facts: { [field: string]: unknown } = {};
  const reasons: { [field: string]: string } = {};
  for (const findings of await Promise.all(READERS.map((reader) => readSafely(reader, tree)))) {
    for (const [field, finding] of findings) {
      facts[field] = 'value' in finding ? finding.value : null;
      if ('reason' in finding) reasons[field] = finding.reason;
    }
  }
  return { collection_time: now, ...facts, reasons } as InventoryDocument;
}

/** Any reader, whichever facts it has. */
interface Source {
  readonly facts: readonly Fact[];
  read(tree: RootTree): Promise<{ readonly [F in Fact]?: Finding<unknown> }>;
}

/** A fault of one reader must not cost the node the facts of the others. */
async function readSafely(source: Source, tree: RootTree): Promise<[Fact, Finding<unknown>][]> {
  try {
    const findings = await source.read(tree);
    return source.facts.map((field) => [field, findings[field] ?? missing('the reader gave no answer')]);
  } catch (e) {
    const reason = missing(`the reader failed: ${e instanceof Error ? e.message : String(e)}`);
    return source.facts.map((field) => [field, reason]);
  }
}
