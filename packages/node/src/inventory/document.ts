import { createHash } from 'node:crypto';
import type { Wall } from '@csm/model';
import type { Part } from '../hardware.ts';
import { canonical } from '../parts/same.ts';
import type { Fact, Facts } from './reader.ts';

/** The facts about a node at one moment; a fact that could not be read is null, and `reasons` has its name. */
export type InventoryDocument = { readonly [F in Fact]: Facts[F] | null } & {
  /** When the reading began, milliseconds UTC. */
  readonly collection_time: Wall;
  /** By kind, then location. */
  readonly hardware: readonly Part[];
  /**
   * In words: field → why it is null; `gpu.serial` → why that of some GPUs is; `gpu` → why not all of the kind, or
   * less of them, could be read; `gpu.count` → what sources say against each other; `hardware` → what had no room.
   */
  readonly reasons: { readonly [field: string]: string };
};

/** Fields that differ at every reading though the node is the same. */
const PASSING = new Set(['collection_time', 'uptime']);

/**
 * SHA-256, in hex, of what the document says about the node. It is the same for the same facts, whatever the order
 * of their fields, and also after the document went over a wire or through a database as JSON.
 */
export function inventoryHash(document: InventoryDocument): string {
  const facts = Object.fromEntries(Object.entries(document).filter(([field]) => !PASSING.has(field)));
  const hardware = document.hardware.map((part) => ({ ...part, passing: null }));
  return createHash('sha256')
    .update(canonical({ ...facts, hardware }))
    .digest('hex');
}
