/**
 * The judge: holds the lists of what outboxes accepted against what the database holds. It knows nothing of the tree;
 * no counter of any daemon is asked. Pure but for reading the lists.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { LIFE } from '../population/accepted-list.ts';
import type { StoredRow, StoredState } from './rows.ts';

export interface Lists {
  /** Accepted numbers by node. */
  readonly accepted: ReadonlyMap<string, readonly number[]>;
  readonly refused: ReadonlyMap<string, readonly number[]>;
}

export interface Verdict {
  readonly listed: number;
  readonly stored: number;
  readonly lost: number;
  readonly doubled: number;
  /** Stored and not listed: accepted, and the process was killed before the list was on disk. */
  readonly extra: number;
  readonly rejected: number;
  /** What is wrong, in words; empty when nothing was lost, doubled, invented or out of order. */
  readonly faults: readonly string[];
}

/** `killed`: nodes whose process was killed, which alone explains numbers that are stored and not listed. */
export interface Explained {
  readonly killed: (node: string) => boolean;
  /** Reports the database was to refuse. */
  readonly poisoned: number;
}

export function readLists(directory: string): Lists {
  const accepted = new Map<string, number[]>();
  const refused = new Map<string, number[]>();
  for (const file of readdirSync(directory)) {
    const into = file.endsWith('.list') ? accepted : file.endsWith('.refused') ? refused : undefined;
    if (into === undefined) continue;
    const lines = readFileSync(join(directory, file), 'utf8').split('\n');
    // A line that a kill has torn was not on disk: its number is not listed.
    lines.pop();
    for (const line of lines) {
      const [node = '', n] = line.split(' ');
      const numbers = into.get(node) ?? [];
      numbers.push(Number(n));
      into.set(node, numbers);
    }
  }
  return { accepted, refused };
}

export function judge(lists: Lists, state: StoredState, { killed, poisoned }: Explained): Verdict {
  const faults: string[] = [];
  const counts = { listed: 0, stored: 0, lost: 0, doubled: 0, extra: 0 };
  const rowsOf = new Map<string, StoredRow[]>();
  for (const row of state.rows) {
    counts.stored++;
    const node = row.daemon.slice(row.daemon.indexOf('/') + 1);
    const rows = rowsOf.get(node) ?? [];
    rows.push(row);
    rowsOf.set(node, rows);
  }
  const say = (node: string, what: string, found: readonly number[]): void => {
    if (found.length > 0) faults.push(`${node}: ${found.length} ${what}: ${found.slice(0, 10).join(', ')}`);
  };
  for (const node of new Set([...lists.accepted.keys(), ...rowsOf.keys()])) {
    const listed = lists.accepted.get(node) ?? [];
    const rows = rowsOf.get(node) ?? [];
    const times = new Map<number, number>();
    for (const { n } of rows) times.set(n, (times.get(n) ?? 0) + 1);
    const accepted = new Set(listed);
    const lost = listed.filter((n) => !times.has(n));
    const doubled = [...times].filter(([, count]) => count > 1).map(([n]) => n);
    const extra = [...times.keys()].filter((n) => !accepted.has(n));
    counts.listed += listed.length;
    counts.lost += lost.length;
    counts.doubled += doubled.length;
    counts.extra += extra.length;
    say(node, 'lost', lost);
    say(node, 'doubled', doubled);
    if (!killed(node)) say(node, 'stored and not listed, though nobody killed it', extra);
    const refused = lists.refused.get(node) ?? [];
    const unwanted = refused.filter((n) => times.has(n));
    say(node, 'stored though their offer was refused', unwanted);
    const order = disorder(rows);
    if (order !== undefined) faults.push(`${node}: ${order}`);
  }
  faults.push(...cursorFaults(state));
  if (state.rejected.length !== poisoned) {
    const [first] = state.rejected;
    const words = first === undefined ? '' : `, such as ${first.kind} of ${first.daemon}: ${first.reason}`;
    faults.push(`${state.rejected.length} reports were rejected, ${poisoned} were to be${words}`);
  }
  return { ...counts, rejected: state.rejected.length, faults };
}

/** Within a life and an urgency, numbers were offered rising: so must their places in the stream. */
function disorder(rows: readonly StoredRow[]): string | undefined {
  const last = new Map<string, StoredRow>();
  const inStream = rows.toSorted((a, b) => (a.incarnation === b.incarnation ? a.seq - b.seq : a.n - b.n));
  for (const row of inStream) {
    const key = `${row.incarnation} ${row.urgent} ${Math.floor(row.n / LIFE)}`;
    const before = last.get(key);
    if (before !== undefined && row.n <= before.n)
      return `${row.n} (seq ${row.seq}) was stored behind ${before.n} (seq ${before.seq})`;
    last.set(key, row);
  }
  return undefined;
}

/** No report stands beyond its stream's cursor, no place of a stream is taken twice. */
function cursorFaults({ rows, cursors }: StoredState): string[] {
  const faults: string[] = [];
  const cursorOf = new Map(cursors.map(({ daemon, incarnation, cursor }) => [`${daemon} ${incarnation}`, cursor]));
  const seen = new Set<string>();
  for (const { daemon, incarnation, seq } of rows) {
    const cursor = cursorOf.get(`${daemon} ${incarnation}`);
    if (cursor === undefined || seq > cursor || seq < 1)
      faults.push(`${daemon}: report ${seq} stands beyond the cursor ${cursor ?? 'that is not there'}`);
    const place = `${daemon} ${incarnation} ${seq}`;
    if (seen.has(place)) faults.push(`${daemon}: place ${seq} of its stream is taken twice`);
    seen.add(place);
    if (faults.length > 20) break;
  }
  return faults;
}
