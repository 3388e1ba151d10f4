/**
 * What a copy from SQLite lacks: there rows are counted by layout, here partitions are (see divided.ts). The name of a
 * partition tells its first slot.
 */
import { GRAINS, type Grain } from './slot.ts';

const usesOf = ({ id, table }: Grain): string => `
  INSERT INTO env_use (grain, lower, layout)
  SELECT DISTINCT ${id}, CAST(split_part(substr(c.relname, ${table.length + 2}), '_', 1) AS BIGINT), s.layout
  FROM ${table} s JOIN pg_class c ON c.oid = s.tableoid`;

export const AFTER_COPY: readonly string[] = [
  ...GRAINS.map(usesOf),
  'UPDATE env_layout SET refs = (SELECT count(*) FROM env_use u WHERE u.layout = env_layout.id)',
];
