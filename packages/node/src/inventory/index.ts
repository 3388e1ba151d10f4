export { PART_KINDS, type Part, type PartKind } from '../hardware.ts';
export { type CollectOptions, collectInventory, READER_MS } from './collect.ts';
export { type InventoryDocument, inventoryHash } from './document.ts';
export { faultsOf, ProgramFaults } from './faults.ts';
export { Outstanding, type Waiting } from './outstanding.ts';
export { probeInventory } from './probe.ts';
export type { Fact, Facts, NumaNode } from './reader.ts';
