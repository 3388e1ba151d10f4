/**
 * What a node's report means for the parts: pure. In comes what the database knows that bears on it, out come the rows
 * to write.
 *
 * A part with a serial is that part wherever it sits; one without is its place: (kind, node, location). From that
 * - new here, known nowhere: inserted. Known here, not told any more: removed. Told with another value: changed.
 * - new here, held by another node: moved, at once. The other has not said yet that it is gone, so a *claim* is kept
 *   for it. Its next report settles that: without the part, the move is confirmed; with it, two nodes hold one serial,
 *   which then is *shared*: no identity, for good; the row that said moved becomes inserted, and from then on such
 *   parts are their places. A report made before the move was seen tells what was: such a part is passed over.
 * - new here, removed elsewhere within `OPEN_MS`: that row is completed into moved, so that parts exchanged between
 *   nodes give one row each, in whatever order the nodes report.
 * - a serial that moves on while an earlier move of it is unconfirmed is shared, too: thousands of nodes may bear the
 *   serial a maker put into all of them, and must not make a row each.
 * - the first time a node tells all of a kind there is nothing to hold it against: no rows, but of parts with a serial
 *   that moved here or are gone. A node that was deleted and is back has its parts inserted, since they were removed.
 * - a kind that could not be read, or not from its usual source, loses nothing, but where another part with a serial
 *   now sits in the place. What is told of it is filtered by `poor.ts`.
 */
import { PART_KINDS, type Part } from '../hardware.ts';
import { fitting, isBaseline, overlooked, retold } from './poor.ts';
import type { PartsReport } from './read.ts';
import { type Changes, changesOf, isSame, merged } from './same.ts';
import { type Judged, judgeSerials } from './serials.ts';
import {
  type Held,
  type HistoryRow,
  keyOf,
  OPEN_MS,
  placeOf,
  type Removal,
  type Ruling,
  type Situation,
} from './situation.ts';

export function rule(s: Situation, report: PartsReport): Ruling {
  const judged = judgeSerials(s, report);
  const { shared } = judged;
  const identity = (part: Part): string =>
    part.serial !== null && !shared.has(keyOf(part)) ? `serial ${keyOf(part)}` : `place ${placeOf(part)}`;
  const fresh = report.parts.filter((part) => !judged.stale.has(keyOf(part)));
  const pairs = pairUp(s, fresh, identity, shared);
  const passedOver = overlooked(s, report, fresh, pairs);
  const told = fresh.filter((part) => !passedOver.has(part));
  const arrivals = arrive(s, told, pairs, judged);
  const gone = goneOf(s, report, told, pairs);

  const after: Held[] = [];
  const put: Held[] = [];
  const drop: Held[] = [];
  const rows: HistoryRow[] = [];
  for (const part of told) {
    const before = pairs.get(part);
    if (before === undefined) {
      const { from, base, row } = arrivals.get(part) ?? {};
      const now: Held = { ...(base === undefined ? part : merged(base, part)), node: s.node, since: s.now };
      put.push(now);
      after.push(now);
      if (from !== undefined) drop.push(from);
      if (row !== undefined) rows.push(row);
      continue;
    }
    const now: Held = { ...retold(s, report, before, part), node: s.node, since: before.since };
    after.push(now);
    if (isSame(before, now)) continue;
    put.push(now);
    if (now.location !== before.location) drop.push(before);
    const changes = isBaseline(s, before) ? {} : changesOf(before, now);
    if (Object.keys(changes).length > 0) rows.push(rowOf('changed', now, changes));
  }
  for (const part of gone.removed) {
    drop.push(part);
    if (isBaseline(s, part)) continue;
    const isOpen = part.serial !== null && !shared.has(keyOf(part));
    rows.push({ ...rowOf('removed', part), ...(isOpen ? { part } : {}) });
  }
  const { kept, outgrown } = fitting(gone.kept, after.length);
  after.push(...kept);
  drop.push(...outgrown);
  return {
    after,
    put,
    drop,
    rows,
    completed: [...arrivals.values()].flatMap(({ completed }) => completed ?? []),
    closed: [...arrivals.values()].flatMap(({ closed }) => closed ?? []),
    corrected: judged.corrected,
    settled: judged.settled,
    shared: judged.found,
    seen: new Set([...s.seen, ...PART_KINDS.filter((kind) => !report.unread.has(kind))]),
  };
}

/** Which known part each told part is. */
function pairUp(
  s: Situation,
  told: readonly Part[],
  identity: (part: Part) => string,
  shared: ReadonlySet<string>,
): ReadonlyMap<Part, Held> {
  const pairs = new Map<Part, Held>();
  const byIdentity = new Map(s.known.map((part) => [identity(part), part]));
  const free = new Set(s.known);
  for (const part of told) {
    const known = byIdentity.get(identity(part));
    if (known === undefined) continue;
    pairs.set(part, known);
    free.delete(known);
  }
  // A serial may be told today and not tomorrow (only root reads it): the same model in the same place is one part.
  const byPlace = new Map([...free].map((part) => [placeOf(part), part]));
  const comes = new Set([...s.elsewhere, ...s.removals].map(keyOf));
  for (const part of told) {
    if (pairs.has(part)) continue;
    const known = byPlace.get(placeOf(part));
    if (known === undefined || (known.serial !== null && part.serial !== null)) continue;
    if (known.model !== null && part.model !== null && known.model !== part.model) continue;
    if (part.serial !== null && !shared.has(keyOf(part)) && comes.has(keyOf(part))) continue;
    pairs.set(part, known);
  }
  return pairs;
}

interface Arrival {
  readonly row?: HistoryRow;
  /** Where it was held until now. */
  readonly from?: Held;
  /** As it was known before it came. */
  readonly base?: Part;
  readonly completed?: Ruling['completed'][number];
  readonly closed?: Removal;
}

/** Where each part that is new here comes from. */
function arrive(
  s: Situation,
  told: readonly Part[],
  pairs: ReadonlyMap<Part, Held>,
  { shared, reinstated }: Judged,
): ReadonlyMap<Part, Arrival> {
  const holders = new Map(s.elsewhere.map((part) => [keyOf(part), part]));
  const removals = new Map(s.removals.map((removal) => [keyOf(removal), removal]));
  const arrivals = new Map<Part, Arrival>();
  for (const part of told) {
    if (pairs.has(part)) continue;
    const key = keyOf(part);
    const identified = part.serial !== null && !shared.has(key);
    const from = identified ? holders.get(key) : undefined;
    const removal = identified ? removals.get(key) : undefined;
    const isNew = s.seen.has(part.kind) || removal?.node === s.node;
    const inserted = isNew && !reinstated.has(key) ? { row: rowOf('inserted', part) } : {};
    if (from !== undefined) {
      const origin = { node: from.node, location: from.location };
      const row = { ...rowOf('moved', part, changesOnTheWay(from, part)), from: origin };
      arrivals.set(part, { from, base: from, row, ...(removal === undefined ? {} : { closed: removal }) });
    } else if (removal !== undefined && removal.node !== s.node && removal.time > s.now - OPEN_MS) {
      const changes = changesOnTheWay(removal.part, part);
      arrivals.set(part, { base: removal.part, completed: { removal, location: part.location, changes } });
    } else {
      arrivals.set(part, { ...inserted, ...(removal === undefined ? {} : { closed: removal }) });
    }
  }
  return arrivals;
}

/** What is another value than it was in the node it came from. */
function changesOnTheWay(from: Part, part: Part): Changes {
  const { location: _, ...changes } = changesOf(from, merged(from, part));
  return changes;
}

/** Known parts that were not told: those that are gone, and those of which nothing is known this time. */
function goneOf(s: Situation, report: PartsReport, told: readonly Part[], pairs: ReadonlyMap<Part, Held>) {
  const paired = new Set(pairs.values());
  const taken = new Set(told.map(placeOf));
  const removed: Held[] = [];
  const kept: Held[] = [];
  for (const part of s.known) {
    if (paired.has(part)) continue;
    if (report.unread.has(part.kind) && !taken.has(placeOf(part))) kept.push(part);
    else removed.push(part);
  }
  return { removed, kept };
}

const rowOf = (event: HistoryRow['event'], { kind, serial, location }: Part, changes: Changes = {}): HistoryRow => ({
  event,
  kind,
  serial,
  location,
  changes,
});
