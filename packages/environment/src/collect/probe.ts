import type { Ports, Probe } from '@csm/feature';
import type { Host } from '@csm/host';
import { ITEMS, type Item } from '../items.ts';
import { Attempts } from './attempts.ts';
import type { Reading } from './reading.ts';

/** One and several of what an item reads; a node has one processor time and one memory. */
const NOUNS: { readonly [I in Item]?: readonly [one: string, several: string] } = {
  memory: ['controller or module', 'controllers and modules'],
  network: ['interface', 'interfaces'],
  disk: ['disk', 'disks'],
  gpu: ['GPU', 'GPUs'],
  temperature: ['sensor', 'sensors'],
  power: ['source', 'sources'],
  ssd: ['SSD', 'SSDs'],
  infiniband: ['port', 'ports'],
  filesystem: ['file system', 'file systems'],
};

/** Tries every item once. A rate counts as a value though it takes two readings. */
export async function* probeItems(
  ports: Ports & { readonly host: Host },
  timeoutMs: number,
  intervalMs: number,
): AsyncIterable<Probe> {
  const attempts = new Attempts(ports.host, ports.clock, timeoutMs);
  try {
    for (const item of ITEMS) {
      const begin = ports.clock.now().mono;
      const outcome = await attempts.run(item, intervalMs);
      const ms = Math.round(ports.clock.now().mono - begin);
      if (outcome.kind === 'read') {
        const missing = Object.fromEntries([...outcome.reading.missing, ...outcome.reading.faults]);
        yield { collector: item, ms, found: inWords(item, outcome.reading), missing };
      } else yield { collector: item, ms, found: null, missing: { [item]: outcome.reason } };
    }
  } finally {
    await attempts.stop();
  }
}

function inWords(item: Item, { instances, size }: Reading): string {
  const values = `${size} ${size === 1 ? 'value' : 'values'}`;
  const [one, several] = NOUNS[item] ?? [];
  if (one === undefined || instances.size === 0) return values;
  return `${instances.size} ${instances.size === 1 ? one : several}, ${values}`;
}
