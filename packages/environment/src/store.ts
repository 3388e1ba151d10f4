/** Tables and procedures of the environment feature: samples, their hourly and daily figures, faults, retention. */
import { SAMPLE_KIND } from './report.ts';
import { AFTER_COPY } from './store/after-copy.ts';
import { samples } from './store/apply.ts';
import { partitioned } from './store/divided.ts';
import { configure } from './store/keep.ts';
import { prune } from './store/prune.ts';
import { migrations } from './store/tables.ts';

export const name = 'environment';
export { migrations, partitioned };
export const afterCopy = AFTER_COPY;
export const procedures = { configure, prune };
export const reports = { [SAMPLE_KIND]: samples };
