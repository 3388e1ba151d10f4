/** Tables of the heartbeat service and of the state manager that is built in. */
import type { Migration } from '@csm/store';

interface Dialect {
  /** A whole-number key: in SQLite the row's own number, which is where rows stand. */
  readonly key: string;
  /** One the database gives. */
  readonly numbered: string;
  /** What tables end with whose rows are written over again and again. */
  readonly churning: string;
}

const tables = ({ key, numbered, churning }: Dialect): string => `
  -- One row a component that was ever seen, also once it is forgotten: history and arrivals bear its short number.
  CREATE TABLE heartbeat_component (
    id ${numbered}, name TEXT NOT NULL UNIQUE, source TEXT NOT NULL, life TEXT NOT NULL, since BIGINT NOT NULL,
    stamp TEXT NOT NULL, status TEXT NOT NULL, gap INTEGER NOT NULL, forgotten INTEGER NOT NULL
  );
  -- Few are forgotten: those whose history is gone are found among them alone.
  CREATE INDEX heartbeat_component_forgotten ON heartbeat_component (id) WHERE forgotten = 1;
  -- Last beats apart from all else: two numbers a row, since thousands are written over every other second.
  CREATE TABLE heartbeat_seen (component ${key}, time BIGINT NOT NULL)${churning};
  -- A row a change, under the change's own number: appended, read by component, removed from the old end.
  CREATE TABLE heartbeat_history (
    seq ${key}, component BIGINT NOT NULL, time BIGINT NOT NULL, kind TEXT NOT NULL, source TEXT NOT NULL,
    last_beat BIGINT, stamp TEXT NOT NULL, status TEXT NOT NULL, gap INTEGER NOT NULL, incident TEXT
  );
  CREATE INDEX heartbeat_history_component ON heartbeat_history (component, seq);
  -- A row an incident, written when it begins and over when it ends: there are few.
  CREATE TABLE heartbeat_incident (
    id TEXT PRIMARY KEY, scope TEXT NOT NULL, kind TEXT NOT NULL, began BIGINT NOT NULL, ended BIGINT,
    components TEXT NOT NULL, size BIGINT NOT NULL, words TEXT NOT NULL
  );
  CREATE INDEX heartbeat_incident_began ON heartbeat_incident (began);
  -- What an external state manager is yet to be told, by number: read in order, and what was sent is gone by its number
  -- alone. One row a component: a newer change takes the place of an older one.
  CREATE TABLE heartbeat_outbox (
    seq ${key}, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL, flag TEXT NOT NULL, message TEXT NOT NULL
  )${churning};
  -- What no state manager takes, apart from what is yet to be sent: it is only shown.
  CREATE TABLE heartbeat_refused (
    seq ${key}, name TEXT NOT NULL, state TEXT NOT NULL, flag TEXT NOT NULL, message TEXT NOT NULL,
    reason TEXT NOT NULL, time BIGINT NOT NULL
  );
  -- Parameters, thresholds and counters as JSON: each is read and written whole.
  CREATE TABLE heartbeat_setting (name TEXT PRIMARY KEY, value TEXT NOT NULL);
  -- Until when somebody watched: apart, since it is written with every batch.
  CREATE TABLE heartbeat_watch (id ${key} CHECK (id = 1), watched_until BIGINT NOT NULL)${churning};
  -- Where requests are taken, for standbys: one row.
  CREATE TABLE heartbeat_leader (
    id ${key} CHECK (id = 1), address TEXT NOT NULL, term BIGINT NOT NULL, since BIGINT NOT NULL
  );
  -- The state manager's components, beside those of the tracker: many of them never send a beat. Paged by id.
  CREATE TABLE hsm_component (
    id TEXT PRIMARY KEY, type TEXT NOT NULL, state TEXT NOT NULL, flag TEXT NOT NULL, enabled INTEGER,
    software_status TEXT NOT NULL, role TEXT NOT NULL, sub_role TEXT NOT NULL, nid BIGINT, subtype TEXT NOT NULL,
    net_type TEXT NOT NULL, arch TEXT NOT NULL, class TEXT NOT NULL, reservation_disabled INTEGER, locked INTEGER
  );
  -- Subscriptions to its changes: few, and read whole; columns only for what must be unique. Numbers are never reused.
  CREATE TABLE hsm_subscription (
    id ${key}, subscriber TEXT NOT NULL, url TEXT NOT NULL, body TEXT NOT NULL, UNIQUE (subscriber, url)
  );`;

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'heartbeats, their history, and the state manager',
    sql: {
      sqlite: tables({ key: 'INTEGER PRIMARY KEY', numbered: 'INTEGER PRIMARY KEY', churning: '' }),
      postgresql: tables({
        key: 'BIGINT PRIMARY KEY',
        numbered: 'BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY',
        // An update finds room beside the old row, and touches no index.
        churning: ' WITH (fillfactor = 50)',
      }),
    },
  },
];
