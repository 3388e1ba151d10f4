/**
 * Tables of the environment feature.
 *
 * `slot` is item, hour or day, and node in one number (see slot.ts). A layout is a list of value names, stored once;
 * nearly all nodes share a few. Rollups grow in the transaction that stores the samples, and the cursor of the stream
 * lets each report in once, so that their sums are exact: each sample counts once in its hour and its day. One
 * exception: a node that tells one moment of an item twice (an item in two buckets) is believed the first time only
 * while samples of that moment are kept. When both tellings are older than `keep_samples` (a node that was cut off for
 * days), each counts in the day's figures: minimum and maximum are right all the same, and the average is that of both.
 *
 * On PostgreSQL the three tables of figures are divided (see divided.ts), and `refs` counts the partitions that have a
 * layout, of which `env_use` is the list.
 *
 * `extra` of a rollup are names its samples had beyond those of its layout. `refs` counts the rows that have a layout,
 * and `env_names` what the layouts of each node and item take, and under series 0 all of them. `env_volume` knows what
 * the rows of each item and bucket take, so that retention by bytes never counts rows, and `env_gone` the newest bucket
 * of which some was removed. In `env_fault` `part` is 1 where only parts of an item fail, `gap` the longest time between
 * two tellings, and `ends` when it is forgotten (see faults.ts).
 */
import type { Migration } from '@csm/store';

const tables = (integer: string, inKeyOrder: string, divided: string): string => `
  CREATE TABLE env_node (id INTEGER PRIMARY KEY, node_name TEXT NOT NULL UNIQUE);
  CREATE TABLE env_layout (
    id INTEGER PRIMARY KEY, series ${integer} NOT NULL, bytes INTEGER NOT NULL, refs ${integer} NOT NULL,
    hash TEXT NOT NULL UNIQUE, names TEXT NOT NULL
  );
  CREATE INDEX env_layout_unused ON env_layout (id) WHERE refs = 0;
  CREATE TABLE env_names (series ${integer} PRIMARY KEY, bytes ${integer} NOT NULL);
  CREATE TABLE env_sample (
    slot ${integer} NOT NULL, ms INTEGER NOT NULL, layout INTEGER NOT NULL, figures TEXT NOT NULL,
    PRIMARY KEY (slot, ms)
  ) ${inKeyOrder}${divided};
  CREATE TABLE env_hourly (
    slot ${integer} PRIMARY KEY, layout INTEGER NOT NULL, samples INTEGER NOT NULL, figures TEXT NOT NULL, extra TEXT
  )${divided};
  CREATE TABLE env_daily (
    slot ${integer} PRIMARY KEY, layout INTEGER NOT NULL, samples INTEGER NOT NULL, figures TEXT NOT NULL, extra TEXT
  )${divided};
  CREATE TABLE env_volume (
    grain INTEGER NOT NULL, bucket INTEGER NOT NULL, item INTEGER NOT NULL,
    row_count ${integer} NOT NULL, byte_count ${integer} NOT NULL, PRIMARY KEY (grain, bucket, item)
  ) ${inKeyOrder};
  CREATE TABLE env_gone (
    grain INTEGER NOT NULL, item INTEGER NOT NULL, bucket INTEGER NOT NULL, PRIMARY KEY (grain, item)
  ) ${inKeyOrder};
  CREATE TABLE env_latest (series ${integer} PRIMARY KEY, time ${integer} NOT NULL);
  CREATE TABLE env_fault (
    node INTEGER NOT NULL, item INTEGER NOT NULL, part INTEGER NOT NULL, reason TEXT NOT NULL,
    since ${integer} NOT NULL, last ${integer} NOT NULL, gap ${integer} NOT NULL, ends ${integer} NOT NULL,
    PRIMARY KEY (node, item)
  ) ${inKeyOrder};
  CREATE TABLE env_keep (
    id INTEGER PRIMARY KEY, samples ${integer} NOT NULL, hourly ${integer} NOT NULL, daily ${integer} NOT NULL,
    bytes ${integer} NOT NULL
  )`;

/** The layouts that rows of a partition have; `lower` is its first slot. Whole tables count rows instead. */
const USES = `
  CREATE TABLE env_use (
    grain INTEGER NOT NULL, lower BIGINT NOT NULL, layout INTEGER NOT NULL, PRIMARY KEY (grain, lower, layout)
  )`;

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'samples, rollups, faults',
    sql: {
      sqlite: tables('INTEGER', 'WITHOUT ROWID', ''),
      postgresql: `${tables('BIGINT', '', 'PARTITION BY RANGE (slot)')}; ${USES}`,
    },
  },
];
