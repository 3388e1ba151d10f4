/** The tracker's components as rows, and when their last beats came. */
import { rowsAmong, type Sql, type Tx } from '@csm/store';
import type { Arrival, Change, ChangeKind, Life, Procedures } from '../types.ts';

/** How a component is after a change. */
const LIFE: { readonly [kind in ChangeKind]: Life } = {
  started: 'beating',
  restarted: 'beating',
  warning: 'late',
  dead: 'dead',
  halted: 'halted',
  left: 'left',
};

const COLUMNS = ['name', 'source', 'life', 'since', 'stamp', 'status', 'gap', 'forgotten'];
const NEWEST = `(name) DO UPDATE SET source = excluded.source, life = excluded.life, since = excluded.since,
  stamp = excluded.stamp, status = excluded.status, gap = excluded.gap`;
/** A sign of life; what is told late of one that is off, or forgotten, leaves it so. */
const ALIVE = `${NEWEST}, forgotten = 0`;
const SILENT = `${NEWEST} WHERE heartbeat_component.life <> 'off'`;
/** A change may have waited while newer beats were written. */
const LATER = '(component) DO UPDATE SET time = excluded.time WHERE excluded.time > heartbeat_seen.time';

const KNOWN = {
  table: 'heartbeat_component',
  columns: ['id', 'name', 'forgotten'],
  key: [['name', 'TEXT']],
} as const;

/** Writes how components are after these changes, the newest of each. Gives their numbers by name. */
export async function noteComponents(tx: Tx, changes: readonly Change[]): Promise<ReadonlyMap<string, number>> {
  if (changes.length === 0) return new Map();
  const newest = new Map(changes.map((change) => [change.name, change]));
  const alive = new Set(
    changes.filter(({ kind }) => LIFE[kind] === 'beating' || LIFE[kind] === 'halted').map(({ name }) => name),
  );
  const rowsOf = (wanted: boolean) =>
    [...newest.values()]
      .filter(({ name }) => alive.has(name) === wanted)
      .map(({ name, source, kind, at, timestamp, status, gap }) => [
        name,
        source,
        LIFE[kind],
        at,
        timestamp,
        status,
        Number(gap),
        0,
      ]);
  await tx.insert('heartbeat_component', COLUMNS, rowsOf(true), { onConflict: ALIVE });
  await tx.insert('heartbeat_component', COLUMNS, rowsOf(false), { onConflict: SILENT });
  const rows = await rowsAmong<{ id: number; name: string }>(
    tx,
    KNOWN,
    [...newest.keys()].map((name) => [name]),
  );
  const ids = new Map(rows.map(({ id, name }) => [name, id]));
  const seen = [...newest.values()].flatMap(({ name, lastBeat }) =>
    lastBeat === null ? [] : [[ids.get(name) ?? 0, lastBeat]],
  );
  await tx.insert('heartbeat_seen', ['component', 'time'], seen, { onConflict: LATER });
  return ids;
}

/**
 * One statement over one value, an object of times by name: thousands of rows, bound value by value, would cost more than
 * the database's own work on them. They are written in the order of the table. Names that are not known are passed over.
 */
const ARRIVED: Sql = {
  sqlite: `INSERT INTO heartbeat_seen (component, time)
    SELECT c.id, k.value FROM json_each($1) k CROSS JOIN heartbeat_component c WHERE c.name = k.key
    ORDER BY c.id ON CONFLICT (component) DO UPDATE SET time = excluded.time`,
  postgresql: `INSERT INTO heartbeat_seen (component, time)
    SELECT c.id, CAST(k.value AS BIGINT) FROM json_each_text(CAST($1 AS json)) k(name, value)
    JOIN heartbeat_component c ON c.name = k.name
    ORDER BY c.id ON CONFLICT (component) DO UPDATE SET time = excluded.time`,
};

/** Writes when last beats came. They are newer than what is there, whatever the clock says. */
export async function noteArrivals(tx: Tx, arrivals: readonly Arrival[]): Promise<void> {
  if (arrivals.length === 0) return;
  // One of each name: the last one.
  const last = new Map(arrivals.map(({ name, at }) => [name, at]));
  const members = Array.from(last, ([name, at]) => `${JSON.stringify(name)}:${at}`);
  await tx.run(ARRIVED, [`{${members.join(',')}}`]);
}

/** Forgets all. Answers how many were known. */
export async function clear(tx: Tx): Promise<number> {
  await tx.run('DELETE FROM heartbeat_outbox');
  await tx.run('DELETE FROM heartbeat_seen');
  return (await tx.run('UPDATE heartbeat_component SET forgotten = 1 WHERE forgotten = 0')).changes;
}

/** Forgets a component and what is yet to be told of it; its history stays. Answers whether it was known. */
export async function forget(tx: Tx, { name }: Procedures['forget']): Promise<boolean> {
  const [known] = await rowsAmong<{ id: number; forgotten: number }>(tx, KNOWN, [[name]]);
  await tx.run('DELETE FROM heartbeat_outbox WHERE name = $1', [name]);
  if (known === undefined || known.forgotten === 1) return false;
  await tx.run('UPDATE heartbeat_component SET forgotten = 1 WHERE id = $1', [known.id]);
  await tx.run('DELETE FROM heartbeat_seen WHERE component = $1', [known.id]);
  return true;
}
