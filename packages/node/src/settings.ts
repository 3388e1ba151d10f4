/** Settings of the node feature; they stand under `csm`. */
import { type ConfigOf, choice, duration, flag, type Schema, setting } from '@csm/kit';

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
  node: {
    grace: setting({
      doc: 'A node that lost contact without saying goodbye, and is not back after this time, becomes SOFT_FAILURE.',
      format: duration({ min: 1000, max: DAY_S * 1000 }),
      default: 60,
      unit: 's',
      cost: 'Shorter: a dead node is taken from the scheduler sooner, and a daemon that is slow to start again counts as a failure.',
    }),
    orphan_grace: setting({
      doc: 'A node that lost contact together with its aggregator, which stays away, becomes SOFT_FAILURE after this time. When the aggregator is back before, its nodes have `grace` to be back too.',
      format: duration({ min: 1000, max: 7 * DAY_S * 1000 }),
      default: 900,
      unit: 's',
      cost: 'Shorter: a scheduler counts on nodes out of reach for less time, and an aggregator that boots makes failures of nodes that have no other one.',
    }),
    heal: setting({
      doc: 'A node that is SOFT_FAILURE only since it lost contact goes back to the state before by itself, when its contact is back and stable.',
      format: flag,
      default: true,
    }),
    stable_for: setting({
      doc: 'How long contact must have been back before the node goes back to the state before.',
      format: duration({ min: 1000, max: DAY_S * 1000 }),
      default: 60,
      unit: 's',
      cost: 'Shorter: nodes are back sooner, and those with a bad link come and go more often.',
    }),
    unexpected_reboot: setting({
      doc: 'What a reboot that nobody announced is: `tell` makes a change that followers see, `soft_failure` also moves a node that is IN_SERVICE or DISCOVERED to SOFT_FAILURE.',
      format: choice(['tell', 'soft_failure']),
      default: 'tell',
    }),
    keep_history: setting({
      doc: 'Rows of the history of states older than this are removed, and windows that ended before.',
      format: duration({ min: DAY_S * 1000, max: 100 * 365 * DAY_S * 1000 }),
      default: 5 * 365 * DAY_S,
      unit: 's',
    }),
  },
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
