import type { Feature } from '@csm/feature';
import { api } from './api.ts';

/** What the nodes are: records, inventory, links. */
export const node: Feature = {
  name: 'node',
  api,
  store: new URL('./store.js', import.meta.url).href,
  onNode: async (ports) => (await import('./node.ts')).nodePart(ports),
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
};

export type { NodeRecord } from './api.ts';
export { type CollectOptions, collectInventory, type InventoryDocument, inventoryHash } from './inventory/index.ts';
