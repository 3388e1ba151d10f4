import type { Feature } from '@csm/feature';
import { api } from './api.ts';

/** The tree as an admin sees and uses it: health, aggregators, rebalance, ping, run. */
export const cluster: Feature = {
  name: 'cluster',
  api,
  store: new URL('./store.js', import.meta.url).href,
  onNode: async (ports) => (await import('./node.ts')).nodePart(ports),
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
};
