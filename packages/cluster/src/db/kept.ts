/**
 * What is kept how long: for each table whose rows go by age, how its oldest row and those that are due are found. The
 * rules themselves stand where rows are removed; a table that is not named here keeps its rows as long as what they tell
 * of is there. Times are ms UTC; `$1` is the moment before which rows are due.
 */
import type { Sql } from '@csm/store';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

export interface Kept {
  readonly rule: string;
  /** Key of its setting, below `csm`. */
  readonly setting?: string;
  /** Where nothing sets it, ms. */
  readonly keepMs?: number;
  /** Gives `oldest`; null without rows. */
  readonly oldest: Sql;
  /** Gives `due`. */
  readonly due?: Sql;
}

const byTime = (table: string, column = 'time'): Pick<Kept, 'oldest' | 'due'> => ({
  oldest: `SELECT min(${column}) AS oldest FROM ${table}`,
  due: `SELECT count(*) AS due FROM ${table} WHERE ${column} < $1`,
});

/**
 * Figures are counted by item and hour or day as they come, and go when a whole hour or day is too old. The number of an
 * hour has four bytes on PostgreSQL, and its ms have not.
 */
const figures = (grain: number, spanMs: number, setting: string): Kept => ({
  rule: 'by age, whole hours or days; sooner when all figures take more than keep_bytes',
  setting,
  oldest: `SELECT min(CAST(bucket AS BIGINT)) * ${spanMs} AS oldest FROM env_volume WHERE grain = ${grain}`,
  due: `SELECT coalesce(sum(row_count), 0) AS due FROM env_volume WHERE grain = ${grain} AND (CAST(bucket AS BIGINT) + 1) * ${spanMs} <= $1`,
});

const OLDEST_CHANGE = 'SELECT min(time) AS oldest FROM change';
const DUE_CHANGES = `SELECT count(*) AS due FROM change WHERE time < $1 AND seq < (SELECT max(seq) FROM change)
  AND seq <= coalesce((SELECT min(cursor) FROM follower), (SELECT max(seq) FROM change))`;
/** On PostgreSQL what is removed stands in its partition until that is dropped. */
const UNPRUNED = 'seq > (SELECT seq FROM change_pruned)';

export const KEPT: Readonly<Record<string, Kept>> = {
  change: {
    rule: 'by age; never what a follower has yet to get, nor the newest',
    setting: 'db.change_keep',
    oldest: { sqlite: OLDEST_CHANGE, postgresql: `${OLDEST_CHANGE} WHERE ${UNPRUNED}` },
    due: { sqlite: DUE_CHANGES, postgresql: `${DUE_CHANGES} AND ${UNPRUNED}` },
  },
  env_sample: figures(0, HOUR_MS, 'environment.keep_samples'),
  env_hourly: figures(1, HOUR_MS, 'environment.keep_hourly'),
  env_daily: figures(2, DAY_MS, 'environment.keep_daily'),
  hardware_history: {
    rule: 'by age; at most 2,000,000 rows',
    setting: 'inventory.keep_history',
    ...byTime('hardware_history'),
  },
  hardware_claim: {
    rule: 'by age, where the node never reported again',
    setting: 'inventory.keep_history',
    ...byTime('hardware_claim'),
  },
  hardware_shared: {
    rule: 'until no node has told it for 400 days; at most 100,000 rows',
    keepMs: 400 * DAY_MS,
    ...byTime('hardware_shared', 'seen'),
  },
  node_state_history: {
    rule: 'by age; of a node that is known the newest row stays',
    setting: 'node.keep_history',
    ...byTime('node_state_history'),
  },
  node_window: {
    rule: 'by age, once it is over',
    setting: 'node.keep_history',
    ...byTime('node_window', 'ended_at'),
  },
  audit: { rule: 'by age; at most 2,000,000 rows', setting: 'audit.keep', ...byTime('audit') },
  token: { rule: 'until 7 days after it expires', keepMs: 7 * DAY_MS, ...byTime('token', 'expires') },
  call_key: { rule: '24 h; at most 200,000 rows', keepMs: DAY_MS, ...byTime('call_key') },
  begun_order: { rule: '24 h', keepMs: DAY_MS, ...byTime('begun_order', 'begun_at') },
  refused_peer: { rule: '24 h; at most 1,000 rows', keepMs: DAY_MS, ...byTime('refused_peer', 'last') },
  rejected_report: { rule: 'the newest 10,000', oldest: 'SELECT min(time) AS oldest FROM rejected_report' },
};

/** Tables whose rows tell of no thing and go by no age. */
export const OTHERS: Readonly<Record<string, string>> = {
  commit_mark: 'the last 1,000 or so of the present term',
  change_pruned: 'one row: the number up to which changes are removed',
  env_use: 'as long as the partition whose layouts it tells',
};
