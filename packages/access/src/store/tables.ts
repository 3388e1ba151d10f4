import type { Migration } from '@csm/store';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'tokens and the audit record',
    // The record is read and pruned by seq; who looks for one user reads along it, which is rare.
    sql: {
      sqlite: `
        CREATE TABLE token (
          id TEXT PRIMARY KEY, user_name TEXT NOT NULL, digest TEXT NOT NULL, scopes TEXT NOT NULL,
          created INTEGER NOT NULL, created_by TEXT NOT NULL, by_root INTEGER NOT NULL,
          expires INTEGER NOT NULL, last_used INTEGER
        ) STRICT;
        CREATE TABLE audit (
          seq INTEGER PRIMARY KEY, time INTEGER NOT NULL, user_name TEXT NOT NULL, uid INTEGER,
          vouched_by TEXT NOT NULL, via TEXT, token TEXT, call TEXT NOT NULL, input TEXT,
          term INTEGER, code INTEGER, detail TEXT, ms INTEGER, times INTEGER NOT NULL, trace TEXT
        ) STRICT;`,
      postgresql: `
        CREATE TABLE token (
          id TEXT PRIMARY KEY, user_name TEXT NOT NULL, digest TEXT NOT NULL, scopes TEXT NOT NULL,
          created BIGINT NOT NULL, created_by TEXT NOT NULL, by_root BIGINT NOT NULL,
          expires BIGINT NOT NULL, last_used BIGINT
        );
        CREATE TABLE audit (
          seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, time BIGINT NOT NULL, user_name TEXT NOT NULL,
          uid BIGINT, vouched_by TEXT NOT NULL, via TEXT, token TEXT, call TEXT NOT NULL, input TEXT,
          term BIGINT, code BIGINT, detail TEXT, ms BIGINT, times BIGINT NOT NULL, trace TEXT
        );`,
    },
  },
];
