/**
 * Rounds of an ordinary compute node: two sockets, four disks, two interfaces, one InfiniBand port, one GPU, eight
 * temperatures. What is counted follows the table of metrics, so that a new metric shows in the size of the database.
 */
import { METRICS, type Metric } from '../src/collect/metrics.ts';
import type { Item, Values } from '../src/items.ts';

const INSTANCES: { readonly [I in Item]: readonly string[] } = {
  cpu: [],
  memory: ['mc0', 'mc1'],
  network: ['eth0', 'eth1'],
  disk: ['sda', 'sdb', 'nvme0n1', 'nvme1n1'],
  gpu: ['0'],
  temperature: [
    'coretemp:Package_id_0',
    'coretemp-1:Package_id_1',
    'nvme:Composite',
    'nvme-1:Composite',
    'i350bb:loc1',
    'acpitz:temp1',
    'jc42:temp1',
    'jc42-1:temp1',
  ],
  power: ['package-0', 'package-0:dram', 'package-1', 'package-1:dram', 'power_meter:power1'],
  ssd: [],
  infiniband: ['mlx5_0/1'],
  filesystem: ['/', '/boot', '/home', '/scratch'],
};

/** Sizes that hardly change, counts that are nearly always 0, and rates and shares that are new each round. */
function typicalValue(metric: Metric, random: () => number, node: number): number {
  if (/errors|drops|discards|downed|recoveries|oom_kills|uncorrected|corrected|swap/.test(metric.name)) return 0;
  if (/total_bytes/.test(metric.name)) return 270_000_000_000 + node * 4096;
  if (metric.unit === 'bytes') return Math.floor(random() * 60_000_000) * 4096;
  if (metric.unit === '%' || metric.unit === '°C' || metric.unit === 'W') return random() * 99;
  if (metric.unit === 'MHz' || metric.name.startsWith('procs')) return Math.floor(random() * 4000);
  return random() * 1e7;
}

/** One round of the default bucket of ten minutes: all items but ssd. */
export function typicalRound(random: () => number, node: number): Record<string, Values> {
  const round: Record<string, Values> = {};
  for (const [item, metrics] of Object.entries(METRICS) as [Item, Record<string, Metric>][]) {
    if (item === 'ssd') continue;
    const values: Record<string, number> = {};
    const named = new Map(Object.values(metrics).map((metric) => [metric.name, metric]));
    for (const metric of named.values()) {
      const names =
        metric.instance === undefined ? [metric.name] : INSTANCES[item].map((instance) => `${instance}.${metric.name}`);
      for (const name of names) values[name] = typicalValue(metric, random, node);
    }
    round[item] = values;
  }
  return round;
}

/** Numbers in [0, 1) that are the same each time (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}
