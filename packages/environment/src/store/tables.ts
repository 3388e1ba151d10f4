/**
 * Tables of the environment feature.
 *
 * `slot` is item, hour or day, and node in one number (see slot.ts). A layout is a list of value names, stored once;
 * nearly all nodes share a few. Rollups grow in the transaction that stores the samples, and the cursor of the stream
 * lets each report in once, so that their sums are exact. `env_volume` knows what each item and bucket takes, so that
 * retention by bytes never counts rows.
 */
import type { Migration } from '@csm/store';

const tables = (integer: string, inKeyOrder: string): string => `
  CREATE TABLE env_node (id INTEGER PRIMARY KEY, node_name TEXT NOT NULL UNIQUE);
  CREATE TABLE env_layout (
    id INTEGER PRIMARY KEY, bytes INTEGER NOT NULL,
    node INTEGER NOT NULL, item INTEGER NOT NULL, day INTEGER NOT NULL,
    used INTEGER NOT NULL, hash TEXT NOT NULL UNIQUE, names TEXT NOT NULL
  );
  CREATE INDEX env_layout_origin ON env_layout (node, item, day);
  CREATE TABLE env_sample (
    slot ${integer} NOT NULL, ms INTEGER NOT NULL, layout INTEGER NOT NULL, figures TEXT NOT NULL,
    PRIMARY KEY (slot, ms)
  ) ${inKeyOrder};
  CREATE TABLE env_hourly (
    slot ${integer} PRIMARY KEY, layout INTEGER NOT NULL, samples INTEGER NOT NULL, figures TEXT NOT NULL
  );
  CREATE TABLE env_daily (
    slot ${integer} PRIMARY KEY, layout INTEGER NOT NULL, samples INTEGER NOT NULL, figures TEXT NOT NULL
  );
  CREATE TABLE env_volume (
    grain INTEGER NOT NULL, bucket INTEGER NOT NULL, item INTEGER NOT NULL,
    row_count ${integer} NOT NULL, byte_count ${integer} NOT NULL, PRIMARY KEY (grain, bucket, item)
  ) ${inKeyOrder};
  CREATE TABLE env_latest (series ${integer} PRIMARY KEY, time ${integer} NOT NULL);
  CREATE TABLE env_fault (
    node INTEGER NOT NULL, item INTEGER NOT NULL, reason TEXT NOT NULL,
    since ${integer} NOT NULL, last ${integer} NOT NULL, PRIMARY KEY (node, item)
  ) ${inKeyOrder};
  CREATE TABLE env_keep (
    id INTEGER PRIMARY KEY, samples ${integer} NOT NULL, hourly ${integer} NOT NULL, daily ${integer} NOT NULL
  )`;

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'samples, rollups, faults',
    sql: { sqlite: tables('INTEGER', 'WITHOUT ROWID'), postgresql: tables('BIGINT', '') },
  },
];
