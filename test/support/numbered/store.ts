/** The table of numbered reports. Nothing in it is unique, so that a report stored twice shows. */
import type { Migration, ReportApplier } from '@csm/store';

export const name = 'numbered';

export const migrations: readonly Migration[] = [
  {
    id: 1,
    title: 'numbered reports, and what else was stored',
    // Reports of other features are part of the same streams: what they write is counted, so that a stream can be shown
    // to have no gap. An inventory writes one row, a report of refused peers at least one; what daemons say of
    // themselves one a batch.
    sql: `
      CREATE TABLE numbered (
        daemon TEXT NOT NULL, incarnation TEXT NOT NULL, seq INTEGER NOT NULL, kind TEXT NOT NULL, n INTEGER NOT NULL
      );
      CREATE TABLE other_stored (what TEXT NOT NULL, who TEXT NOT NULL);
      CREATE TRIGGER inventory_counted AFTER UPDATE OF inventory_hash ON node
        BEGIN INSERT INTO other_stored (what, who) VALUES ('inventory', new.node_name); END;
      CREATE TRIGGER refused_inserted AFTER INSERT ON refused_peer
        BEGIN INSERT INTO other_stored (what, who) VALUES ('refused', new.hub); END;
      CREATE TRIGGER refused_updated AFTER UPDATE ON refused_peer
        BEGIN INSERT INTO other_stored (what, who) VALUES ('refused', new.hub); END;
      CREATE TRIGGER self_inserted AFTER INSERT ON daemon_self
        BEGIN INSERT INTO other_stored (what, who) VALUES ('self', new.daemon); END;
      CREATE TRIGGER self_updated AFTER UPDATE ON daemon_self
        BEGIN INSERT INTO other_stored (what, who) VALUES ('self', new.daemon); END`,
  },
];

export const procedures = {};

const store =
  (kind: string): ReportApplier =>
  async (tx, items) => {
    for (const { daemon, incarnation, seq, body } of items) {
      const sql = 'INSERT INTO numbered (daemon, incarnation, seq, kind, n) VALUES ($1, $2, $3, $4, $5)';
      await tx.run(sql, [daemon, incarnation, seq, kind, Number(body)]);
    }
  };

export const reports = { 'test.numbered': store('test.numbered'), 'test.urgent': store('test.urgent') };
