/** Settings of the node feature; they stand under `csm`. */
import { type ConfigOf, duration, type Schema, setting } from '@csm/kit';

const DAY_S = 86_400;

const interval = setting({
  doc: 'The inventory is taken anew after at most this time, each node at its own moment within the last quarter of it; besides at the start, on hot-plug and by `csm node collect`.',
  format: duration({ min: 60_000, max: 365 * DAY_S * 1000 }),
  default: DAY_S,
  unit: 's',
  cost: 'Shorter: wear and what gives no sign is seen sooner; each time some programs run on the node.',
});

const hotplug_interval = setting({
  doc: 'How often a glance is taken at the names of devices and CPUs. When they differ, and are the same some seconds later, the inventory is taken. 0: never.',
  format: duration({ min: 0, max: DAY_S * 1000 }),
  default: 120,
  unit: 's',
  cost: 'Shorter: a part that comes or goes is known sooner; each glance wakes the node for some short reads of /sys.',
});

/** Every daemon has a node part. */
export const nodeSettings = { inventory: { interval, hotplug_interval } } as const satisfies Schema;

export const masterSettings = {
  inventory: {
    interval,
    hotplug_interval,
    keep_history: setting({
      doc: 'Rows of the history of parts older than this are removed.',
      format: duration({ min: DAY_S * 1000, max: 100 * 365 * DAY_S * 1000 }),
      default: 5 * 365 * DAY_S,
      unit: 's',
    }),
  },
} as const satisfies Schema;

export type NodeConfig = ConfigOf<typeof nodeSettings>;
export type MasterConfig = ConfigOf<typeof masterSettings>;
