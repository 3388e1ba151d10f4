/**
 * What a database holds of numbered reports, read by SELECT on a connection of our own: after everything has ended, or
 * from a place on while nothing is under way.
 */
import Database from 'better-sqlite3';
import { Client, type ClientConfig } from 'pg';

export interface StoredRow {
  /** Rises in the order in which they were stored. */
  readonly place: number;
  readonly daemon: string;
  readonly incarnation: string;
  readonly seq: number;
  readonly urgent: number;
  readonly n: number;
}

export interface StoredState {
  /** In the order in which they were stored. */
  readonly rows: readonly StoredRow[];
  readonly cursors: readonly { readonly daemon: string; readonly incarnation: string; readonly cursor: number }[];
  readonly rejected: readonly { readonly daemon: string; readonly kind: string; readonly reason: string }[];
  /** Changes about links: `event` and the nodes it tells of. */
  readonly links: readonly { readonly seq: number; readonly time: number; readonly body: unknown }[];
}

/** What was read before: numbered reports up to this place, and changes up to this number. */
export interface ReadUpTo {
  readonly place: number;
  readonly change: number;
}

const NOTHING: ReadUpTo = { place: 0, change: 0 };
const PLACE = { sqlite: 'rowid', postgresql: 'place' };
const rowsSql = (column: string, { place }: ReadUpTo): string =>
  `SELECT ${column} AS place, daemon, incarnation, seq, urgent, n FROM numbered WHERE ${column} > ${place} ORDER BY ${column}`;
const CURSORS = 'SELECT daemon, incarnation, cursor FROM stream';
const REJECTED = 'SELECT daemon, kind, reason FROM rejected_report';
const linksSql = ({ change }: ReadUpTo): string =>
  `SELECT seq, time, body FROM change WHERE kind = 'link' AND seq > ${change} ORDER BY seq`;

type LinkRow = { readonly seq: number; readonly time: number; readonly body: string };
const parsed = (rows: readonly LinkRow[]): StoredState['links'] =>
  rows.map((row) => ({ ...row, body: JSON.parse(row.body) as unknown }));

export function readSqlite(file: string, from: ReadUpTo = NOTHING): StoredState {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return {
      rows: db.prepare(rowsSql(PLACE.sqlite, from)).all() as StoredRow[],
      cursors: db.prepare(CURSORS).all() as StoredState['cursors'],
      rejected: db.prepare(REJECTED).all() as StoredState['rejected'],
      links: parsed(db.prepare(linksSql(from)).all() as LinkRow[]),
    };
  } finally {
    db.close();
  }
}

export async function readPostgres(config: ClientConfig, from: ReadUpTo = NOTHING): Promise<StoredState> {
  const db = new Client(config);
  await db.connect();
  try {
    // int8 arrives as text; all of ours are whole numbers below 2^53.
    const number = <Row extends object>(row: Row, ...names: (keyof Row)[]): Row =>
      Object.assign(row, Object.fromEntries(names.map((name) => [name, Number(row[name])])));
    const rows = (await db.query<StoredRow>(rowsSql(PLACE.postgresql, from))).rows;
    const cursors = (await db.query<StoredState['cursors'][number]>(CURSORS)).rows;
    const rejected = (await db.query<StoredState['rejected'][number]>(REJECTED)).rows;
    const links = (await db.query<LinkRow>(linksSql(from))).rows;
    return {
      rows: rows.map((row) => number(row, 'place', 'seq', 'urgent', 'n')),
      cursors: cursors.map((row) => number(row, 'cursor')),
      rejected,
      links: parsed(links.map((row) => number(row, 'seq', 'time'))),
    };
  } finally {
    await db.end();
  }
}

/** Only the changes about links behind `after`. */
export function linksOfSqlite(file: string, after: number): StoredState['links'] {
  const db = new Database(file, { readonly: true, fileMustExist: true });
  try {
    return parsed(db.prepare(linksSql({ place: 0, change: after })).all() as LinkRow[]);
  } finally {
    db.close();
  }
}

export async function linksOfPostgres(config: ClientConfig, after: number): Promise<StoredState['links']> {
  const db = new Client({ ...config, connectionTimeoutMillis: 5_000 });
  await db.connect();
  try {
    const { rows } = await db.query<LinkRow>(linksSql({ place: 0, change: after }));
    return parsed(rows.map((row) => ({ ...row, seq: Number(row.seq), time: Number(row.time) })));
  } finally {
    await db.end();
  }
}

export interface StoredCounts {
  /** Rows of numbered reports, and different (daemon, number) among them. */
  readonly rows: number;
  readonly numbered: number;
  /** The cursors of all nodes together: every report of theirs that was ever stored, of whatever kind. */
  readonly cursors: number;
}

const COUNTS = `SELECT (SELECT count(*) FROM numbered) AS rows,
  (SELECT count(*) FROM (SELECT DISTINCT daemon, n FROM numbered) AS d) AS numbered,
  (SELECT coalesce(sum(cursor), 0) FROM stream WHERE daemon LIKE 'compute/%') AS cursors`;

/** Counts alone, where the rows are too many to be read: of the SQLite file, or of a PostgreSQL database. */
export async function readCounts(file: string, postgres: ClientConfig | undefined): Promise<StoredCounts> {
  if (postgres === undefined) {
    const db = new Database(file, { readonly: true, fileMustExist: true });
    try {
      return db.prepare(COUNTS).get() as StoredCounts;
    } finally {
      db.close();
    }
  }
  const db = new Client(postgres);
  await db.connect();
  try {
    const [row] = (await db.query<Record<keyof StoredCounts, string>>(COUNTS)).rows;
    return { rows: Number(row?.rows), numbered: Number(row?.numbered), cursors: Number(row?.cursors) };
  } finally {
    await db.end();
  }
}
