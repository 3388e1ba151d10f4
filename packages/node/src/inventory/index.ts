export { PART_KINDS, type Part, type PartKind } from '../hardware.ts';
export { type CollectOptions, collectInventory } from './collect.ts';
export { type InventoryDocument, inventoryHash } from './document.ts';
export { probeInventory } from './probe.ts';
export type { Fact, Facts, NumaNode } from './reader.ts';
