import type { Feature } from '@csm/feature';
import { api } from './api.ts';
import { masterSettings, nodeSettings } from './settings.ts';

/** What the nodes are: records, inventory, parts and their history, links. */
export const node: Feature = {
  name: 'node',
  api,
  settings: { compute: nodeSettings, aggregator: nodeSettings, utility: nodeSettings, master: masterSettings },
  store: new URL('./store/index.js', import.meta.url).href,
  onNode: async (ports) => (await import('./node.ts')).nodePart(ports),
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
  async *probe({ host, clock }) {
    yield* (await import('./inventory/index.ts')).probeInventory(host, clock.now().wall);
  },
};

export type {
  HardwareRecord,
  HistoryRecord,
  NodeDetails,
  NodeDifference,
  NodeRecord,
  ProfileRecord,
} from './api-records.ts';
export { PART_KINDS, type Part, type PartKind } from './hardware.ts';
export { type CollectOptions, collectInventory, type InventoryDocument, inventoryHash } from './inventory/index.ts';
export type { JobOnNode, JobsPort } from './ports.ts';

/** The page of the node states, for the reference. */
export const statesPage = async (): Promise<string> => (await import('./states/page.ts')).statesPage();
