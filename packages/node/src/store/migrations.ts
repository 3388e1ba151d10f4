import type { Migration } from '@csm/store';

/**
 * History rows are numbered for good: a number is not given again after its row was pruned. `part` is what was removed,
 * as long as the row may become a move.
 */
const history = (numbered: string): string => `
  CREATE TABLE hardware_history (
    seq ${numbered}, time BIGINT NOT NULL, event TEXT NOT NULL, kind TEXT NOT NULL, serial TEXT,
    node_name TEXT NOT NULL, location TEXT NOT NULL, from_node TEXT, from_location TEXT,
    changes TEXT NOT NULL, part TEXT
  );
  CREATE INDEX hardware_history_time ON hardware_history (time);
  CREATE INDEX hardware_history_node ON hardware_history (node_name);
  CREATE INDEX hardware_history_from ON hardware_history (from_node);
  CREATE INDEX hardware_history_serial ON hardware_history (serial);
  CREATE INDEX hardware_history_open ON hardware_history (time) WHERE part IS NOT NULL;`;

const HARDWARE = `
  ALTER TABLE node ADD COLUMN comment TEXT;
  ALTER TABLE node ADD COLUMN features TEXT;
  ALTER TABLE node ADD COLUMN location TEXT;
  ALTER TABLE node ADD COLUMN discovered_gpus INTEGER;
  ALTER TABLE node ADD COLUMN discovered_hcas INTEGER;
  ALTER TABLE node ADD COLUMN discovered_dimms INTEGER;
  ALTER TABLE node ADD COLUMN discovered_ssds INTEGER;
  ALTER TABLE node ADD COLUMN discovered_nics INTEGER;
  ALTER TABLE node ADD COLUMN cpu_model TEXT;
  ALTER TABLE node ADD COLUMN bios_version TEXT;
  ALTER TABLE node ADD COLUMN bmc_address TEXT;
  ALTER TABLE node ADD COLUMN kinds_seen TEXT;
  ALTER TABLE node ADD COLUMN profile TEXT;
  ALTER TABLE node ADD COLUMN profile_facts TEXT;
  ALTER TABLE node ADD COLUMN history_day INTEGER;
  ALTER TABLE node ADD COLUMN history_rows INTEGER;
  CREATE INDEX node_profile ON node (profile);
  CREATE TABLE profile (profile TEXT PRIMARY KEY, machine_model TEXT, cpu_model TEXT, summary TEXT NOT NULL);
  CREATE TABLE inventory (node_name TEXT PRIMARY KEY, document TEXT NOT NULL);
  CREATE TABLE hardware (
    node_name TEXT NOT NULL, kind TEXT NOT NULL, location TEXT NOT NULL, serial TEXT, vendor TEXT, model TEXT,
    part_number TEXT, firmware TEXT, details TEXT NOT NULL, passing TEXT NOT NULL, since BIGINT NOT NULL,
    PRIMARY KEY (node_name, kind, location)
  );
  CREATE INDEX hardware_serial ON hardware (serial);
  CREATE TABLE hardware_shared (kind TEXT NOT NULL, serial TEXT NOT NULL, seen BIGINT NOT NULL, PRIMARY KEY (serial, kind));
  CREATE INDEX hardware_shared_seen ON hardware_shared (seen);
  CREATE TABLE hardware_claim (
    node_name TEXT NOT NULL, kind TEXT NOT NULL, serial TEXT NOT NULL, seq BIGINT NOT NULL, time BIGINT NOT NULL,
    made_at BIGINT NOT NULL, PRIMARY KEY (node_name, kind, serial)
  );
  CREATE INDEX hardware_claim_serial ON hardware_claim (serial);`;

/**
 * `state_back`: where a node goes when a failure by lost contact heals, or the window that holds it ends. Facts about
 * contact are counted from `judge_from`. A window without `begin_at` in the future begins when it is made.
 */
const states = (numbered: string): string => `
  ALTER TABLE node ADD COLUMN state_since BIGINT;
  ALTER TABLE node ADD COLUMN state_cause TEXT;
  ALTER TABLE node ADD COLUMN state_reason TEXT;
  ALTER TABLE node ADD COLUMN state_by TEXT;
  ALTER TABLE node ADD COLUMN state_back TEXT;
  ALTER TABLE node ADD COLUMN state_window BIGINT;
  ALTER TABLE node ADD COLUMN reboot_until BIGINT;
  ALTER TABLE node ADD COLUMN reboot_reason TEXT;
  ALTER TABLE node ADD COLUMN reboot_by TEXT;
  CREATE INDEX node_state ON node (state);
  CREATE INDEX node_state_window ON node (state_window) WHERE state_window IS NOT NULL;
  CREATE TABLE node_state_history (
    seq ${numbered}, time BIGINT NOT NULL, node_name TEXT NOT NULL, from_state TEXT, to_state TEXT,
    cause TEXT NOT NULL, reason TEXT, who TEXT, until_time BIGINT
  );
  CREATE INDEX node_state_history_time ON node_state_history (time);
  CREATE INDEX node_state_history_node ON node_state_history (node_name);
  CREATE TABLE node_contact (
    node_name TEXT PRIMARY KEY, what TEXT NOT NULL, since BIGINT NOT NULL, judge_from BIGINT NOT NULL, hub TEXT, why TEXT
  );
  CREATE INDEX node_contact_judge ON node_contact (what, judge_from);
  CREATE INDEX node_contact_hub ON node_contact (hub) WHERE hub IS NOT NULL;
  CREATE TABLE node_window (
    id ${numbered}, phase TEXT NOT NULL, state TEXT NOT NULL, begin_at BIGINT NOT NULL, end_at BIGINT,
    nodes TEXT NOT NULL, node_count INTEGER NOT NULL, reason TEXT NOT NULL, who TEXT NOT NULL, made_at BIGINT NOT NULL,
    ended_at BIGINT
  );
  CREATE INDEX node_window_begin ON node_window (phase, begin_at);
  CREATE INDEX node_window_end ON node_window (phase, end_at);
  CREATE TABLE node_window_node (
    window_id BIGINT NOT NULL, node_name TEXT NOT NULL, PRIMARY KEY (window_id, node_name)
  );
  CREATE INDEX node_window_node_name ON node_window_node (node_name);
  CREATE TABLE node_rule (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  UPDATE node SET state_since = first_seen, state_cause = 'inventory';
  INSERT INTO node_state_history (time, node_name, from_state, to_state, cause)
    SELECT first_seen, node_name, NULL, state, 'inventory' FROM node ORDER BY first_seen, node_name;`;

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'daemons, hubs and nodes',
    sql: `
      CREATE TABLE daemon (
        daemon TEXT PRIMARY KEY, role TEXT NOT NULL, node_name TEXT NOT NULL,
        told INTEGER NOT NULL, connected INTEGER NOT NULL, primary_agg TEXT, secondary_agg TEXT,
        term BIGINT NOT NULL, incarnation TEXT NOT NULL, incarnation_since BIGINT NOT NULL,
        first_seen BIGINT NOT NULL, last_seen BIGINT NOT NULL, address TEXT, version TEXT, session TEXT
      );
      CREATE TABLE hub (hub TEXT PRIMARY KEY, linked INTEGER NOT NULL, since BIGINT NOT NULL);
      CREATE TABLE node (
        node_name TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, first_seen BIGINT NOT NULL,
        update_time BIGINT NOT NULL, collection_time BIGINT, inventory_hash TEXT,
        machine_model TEXT, serial_number TEXT, architecture TEXT, boot_id TEXT,
        kernel_release TEXT, kernel_version TEXT, os_image_name TEXT,
        installed_memory BIGINT, installed_swap BIGINT,
        discovered_sockets INTEGER, discovered_cores INTEGER, discovered_threads INTEGER
      )`,
  },
  {
    id: 2,
    title: 'parts, their history, and what admins say about nodes',
    sql: {
      sqlite: `${HARDWARE}${history('INTEGER PRIMARY KEY AUTOINCREMENT')}`,
      postgresql: `${HARDWARE}${history('BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY')}`,
    },
  },
  {
    id: 3,
    title: 'states of nodes, their history, contact and windows',
    sql: {
      sqlite: states('INTEGER PRIMARY KEY AUTOINCREMENT'),
      postgresql: states('BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY'),
    },
  },
];
