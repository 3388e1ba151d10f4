/**
 * A feature for measuring: on SIGUSR2 an aggregator collects its garbage and says so in a file `collected` of its
 * state directory, which holds how often it has. `csmd --role aggregator --feature <this file>`.
 */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Feature } from '@csm/feature';
import { collectAll } from './bare/collect.ts';

export const COLLECTED = 'collected';

const feature: Feature = {
  name: 'collect',
  api: [],
  async onAggregator({ stateDir, log }) {
    let times = 0;
    process.on('SIGUSR2', () => {
      collectAll().then(
        () => writeFileSync(join(stateDir, COLLECTED), String(++times)),
        (error: unknown) => log.error('nothing was collected', { error }),
      );
    });
    // It wants no copies of reports.
    return undefined;
  },
};

export default feature;
