import type { Item } from '../items.ts';
import type { Collector } from './collector.ts';
import { cpu } from './cpu.ts';
import { disk } from './disk.ts';
import { filesystem } from './filesystem.ts';
import { gpu } from './gpu.ts';
import { infiniband } from './infiniband.ts';
import { memory } from './memory.ts';
import { network } from './network.ts';
import { power } from './power.ts';
import { ssd } from './ssd.ts';
import { temperature } from './temperature.ts';

export type { Collector, Context } from './collector.ts';
export { METRIC_ROWS, METRICS, type Metric, type MetricRow } from './metrics.ts';
export { type Before, type Reckoned, toValues } from './rates.ts';
export { Absent, inWords, Reading } from './reading.ts';

export const COLLECTORS: { readonly [I in Item]: Collector } = {
  cpu,
  memory,
  network,
  disk,
  gpu,
  temperature,
  power,
  ssd,
  infiniband,
  filesystem,
};

/** Items that start programs: they are read one after another on the whole node, never two at a time. */
export const BY_PROGRAM: ReadonlySet<Item> = new Set<Item>(['gpu', 'ssd']);
