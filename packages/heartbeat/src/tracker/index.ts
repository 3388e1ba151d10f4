/** The tracking machine: pure, time is an argument. */
export { flagOf } from './filter.ts';
export {
  checkThresholds,
  DEFAULT_LIMITS,
  ERR_MAX_MS,
  type LimitTable,
  readThresholds,
  SPECIAL_MAX,
  WARN_MIN_MS,
} from './limits.ts';
export { type Meaning, meaningOf, TEXT_MAX } from './status.ts';
export { COMPONENTS_MAX, GRAIN_MS, Tracker, type TrackerOptions } from './tracker.ts';
