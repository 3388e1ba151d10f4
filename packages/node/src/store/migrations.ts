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
];
