export { type CollectOptions, collectInventory } from './collect.ts';
export { type InventoryDocument, inventoryHash } from './document.ts';
export type { Fact, Facts, Reader } from './reader.ts';
export { type Finding, found, missing, RootTree } from './root-tree.ts';
