/** Tables and procedures of the environment feature: samples, their hourly and daily figures, faults, retention. */
import { SAMPLE_KIND } from './report.ts';
import { samples } from './store/apply.ts';
import { configure } from './store/keep.ts';
import { prune } from './store/prune.ts';
import { migrations } from './store/tables.ts';

export const name = 'environment';
export { migrations };
export const procedures = { configure, prune };
export const reports = { [SAMPLE_KIND]: samples };
