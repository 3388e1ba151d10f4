/**
 * The judge: holds the lists of the generators against the database of a master that was stopped. It knows nothing of
 * the tree; it reads two kinds of files and compares.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { fileOf, LIFE, WORKERS } from './lists.ts';

export interface Verdict {
  /** Accepted numbers, by the lists. */
  readonly listed: number;
  /** Rows in the database. */
  readonly stored: number;
  /** In the database and not in a list: accepted, and the daemon was killed before its list was written. */
  readonly extra: number;
  /** Offers that were refused. */
  readonly refused: number;
  /** Streams: pairs of daemon and incarnation. */
  readonly streams: number;
  /** What is wrong, in words; empty when nothing was lost, doubled, invented or out of order. */
  readonly faults: readonly string[];
}

interface Row {
  readonly daemon: string;
  readonly incarnation: string;
  readonly seq: number;
  readonly kind: string;
  readonly n: number;
}

/** `kills`: how often each daemon, `role/node`, was killed while its generator ran. */
export function judge(database: string, directory: string, kills: ReadonlyMap<string, number>): Verdict {
  const faults: string[] = [];
  const db = new Database(database, { readonly: true, fileMustExist: true });
  try {
    const rows = db.prepare('SELECT daemon, incarnation, seq, kind, n FROM numbered ORDER BY rowid').all() as Row[];
    const cursors = db.prepare('SELECT daemon, incarnation, cursor FROM stream').all() as Cursor[];
    const rejected = db.prepare('SELECT daemon, seq, kind, reason FROM rejected_report').all();
    const others = db.prepare('SELECT what, who, count(*) AS count FROM other_stored GROUP BY what, who').all();
    if (rejected.length > 0) faults.push(`rejected reports: ${JSON.stringify(rejected.slice(0, 5))}`);
    const daemons = generators(directory);
    const strangers = [...new Set(rows.map(({ daemon }) => daemon))].filter((daemon) => !daemons.includes(daemon));
    if (strangers.length > 0) faults.push(`rows of daemons that have no list: ${strangers.join(', ')}`);
    let listed = 0;
    let extra = 0;
    let refused = 0;
    for (const daemon of daemons) {
      const mine = rows.filter((row) => row.daemon === daemon);
      const list = numbers(directory, fileOf(daemon, 'list'));
      const no = numbers(directory, fileOf(daemon, 'refused'));
      const more = judgeNumbers(daemon, mine, list, no, kills.get(daemon) ?? 0, faults);
      listed += list.length;
      refused += no.length;
      extra += more;
      judgeOrder(daemon, mine, faults);
    }
    judgeStreams(rows, cursors, others as Stored[], faults);
    return { listed, stored: rows.length, extra, refused, streams: cursors.length, faults };
  } finally {
    db.close();
  }
}

interface Cursor {
  readonly daemon: string;
  readonly incarnation: string;
  readonly cursor: number;
}

/** Rows that other features wrote because of reports: `who` is a node for inventories, else a daemon. */
interface Stored {
  readonly what: 'inventory' | 'refused' | 'self';
  readonly who: string;
  readonly count: number;
}

/** Lost, doubled, stored though refused, invented. Gives how many rows are in no list. */
function judgeNumbers(
  daemon: string,
  rows: readonly Row[],
  list: readonly number[],
  refused: readonly number[],
  kills: number,
  faults: string[],
): number {
  const times = new Map<number, number>();
  for (const { n } of rows) times.set(n, (times.get(n) ?? 0) + 1);
  const accepted = new Set(list);
  if (accepted.size !== list.length) faults.push(`${daemon}: the list itself names a number twice`);
  const name = (what: string, found: readonly number[]) => {
    if (found.length > 0) faults.push(`${daemon}: ${found.length} ${what}: ${found.slice(0, 10).join(', ')}`);
  };
  name(
    'lost',
    list.filter((n) => !times.has(n)),
  );
  name(
    'doubled',
    [...times].filter(([, count]) => count > 1).map(([n]) => n),
  );
  name(
    'stored though their offer was refused',
    refused.filter((n) => times.has(n)),
  );
  const extra = [...times.keys()].filter((n) => !accepted.has(n));
  if (extra.length > kills * WORKERS)
    name(`stored and not listed, which ${kills} kills of ${WORKERS} workers cannot explain`, extra);
  return extra.length;
}

/** Within a life and a kind, numbers were offered rising: so must their places in the stream. */
function judgeOrder(daemon: string, rows: readonly Row[], faults: string[]): void {
  const last = new Map<string, Row>();
  for (const row of rows) {
    const key = `${row.incarnation} ${row.kind} ${Math.floor(row.n / LIFE)}`;
    const before = last.get(key);
    if (before !== undefined && (row.seq <= before.seq || row.n <= before.n)) {
      faults.push(`${daemon}: ${row.n} (seq ${row.seq}) was stored behind ${before.n} (seq ${before.seq})`);
      return;
    }
    last.set(key, row);
  }
}

/** What a daemon said of itself while the master was away may come in one batch. */
const SELVES_A_BATCH = 3;

/** Each stream is 1, 2, 3 … to its cursor; what is no numbered report in it is one of another feature. One a daemon. */
function judgeStreams(
  rows: readonly Row[],
  cursors: readonly Cursor[],
  others: readonly Stored[],
  faults: string[],
): void {
  const seen = new Set<string>();
  for (const { daemon, incarnation, cursor } of cursors) {
    if (seen.has(daemon)) faults.push(`${daemon} has more than one incarnation, though its journal was never lost`);
    seen.add(daemon);
    const seqs = rows.filter((row) => row.daemon === daemon && row.incarnation === incarnation).map(({ seq }) => seq);
    const distinct = new Set(seqs);
    const count = (what: string, who: string) => others.find((o) => o.what === what && o.who === who)?.count ?? 0;
    const inventories = count('inventory', daemon.slice(daemon.indexOf('/') + 1));
    const refused = count('refused', daemon);
    const selves = SELVES_A_BATCH * count('self', daemon);
    if (distinct.size !== seqs.length)
      faults.push(`${daemon}: ${seqs.length - distinct.size} places of its stream twice`);
    if (seqs.some((seq) => seq < 1 || seq > cursor)) faults.push(`${daemon}: a report beyond the cursor ${cursor}`);
    const rest = cursor - distinct.size;
    if (rest < inventories || rest > inventories + refused + selves) {
      const found = `${distinct.size} numbered, ${inventories} inventories, at most ${refused} of refused peers and ${selves} of itself`;
      faults.push(`${daemon}: ${cursor} reports by its cursor, ${found}`);
    }
  }
  const known = new Set(cursors.map(({ daemon, incarnation }) => `${daemon} ${incarnation}`));
  const lone = rows.find(({ daemon, incarnation }) => !known.has(`${daemon} ${incarnation}`));
  if (lone !== undefined) faults.push(`${lone.daemon}: rows of incarnation ${lone.incarnation}, which has no cursor`);
}

/** Daemons that ever began a generator here. */
function generators(directory: string): string[] {
  return readdirSync(directory)
    .filter((file) => file.endsWith('.lives'))
    .map((file) => file.replace(/\.lives$/, '').replace('-', '/'))
    .sort();
}

function numbers(directory: string, file: string): number[] {
  const path = join(directory, file);
  if (!existsSync(path)) return [];
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map(Number);
}
