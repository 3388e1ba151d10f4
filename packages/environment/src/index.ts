import type { Feature } from '@csm/feature';
import { api } from './api.ts';
import { aggregatorSettings, computeSettings, masterSettings } from './settings.ts';

/** How the nodes feel: samples of buckets, their rollups, and their copy to a receiver. */
export const environment: Feature = {
  name: 'environment',
  api,
  settings: { compute: computeSettings, aggregator: aggregatorSettings, master: masterSettings },
  store: new URL('./store.js', import.meta.url).href,
  // Only compute daemons have buckets; the others do not load what fills them.
  onNode: async (ports) => (ports.self.role === 'compute' ? (await import('./node.ts')).nodePart(ports) : undefined),
  onAggregator: async (ports) => (await import('./aggregator.ts')).aggregatorPart(ports),
  onMaster: async (ports) => (await import('./master.ts')).masterPart(ports),
  async *probe(ports) {
    if (ports.self.role === 'compute') yield* (await import('./node.ts')).probe(ports);
  },
};

export { METRIC_ROWS, type MetricRow } from './collect/metrics.ts';
