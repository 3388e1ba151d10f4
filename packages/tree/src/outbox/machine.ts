/**
 * One node's reports on their way up. Accepted here means: in the database exactly once, whatever dies in between.
 *
 * A report is *waiting* (in the journal, without a number), then *numbered* (its number is in the journal before the
 * frame leaves), then acknowledged and forgotten.
 *
 * | the outbox is… | enters                              | what it does                                                  |
 * |----------------|-------------------------------------|---------------------------------------------------------------|
 * | silent         | start; the primary is lost          | accepts offers, sends nothing                                  |
 * | sending        | the leader confirmed our claim      | sends numbered reports from behind the cursor (the leader's,   |
 * |                |                                     | or where the hub wants all `again`, our own), then numbers     |
 * |                |                                     | waiting ones, urgent first; stops where credit ends            |
 * | begging        | credit ends before the reports do   | as sending, after `want` went out once; until `credit`         |
 *
 * Ignored: `ack` and `resend` of another incarnation, `ack` at or below the cursor or above what was ever numbered.
 * Acknowledgements count on whichever link they come, also while silent.
 *
 * Full: a sample makes way for anything else, oldest first; what still does not fit is refused to its maker, never
 * lost in silence. Reports that have a number are not dropped: a missing number would be a gap for ever.
 */
import { itemCost, MAX_ITEM_BYTES, REPORT_FRAME } from '@csm/protocol';
import type { Queue } from '../queue.ts';
import {
  type Entry,
  nextNumber,
  type OutboxEffect,
  type OutboxEvent,
  type OutboxState,
  offerRecord,
  URGENCIES,
} from './state.ts';

const KIND_MAX = 128;
const TIME_MAX = 8.64e15;

/** Gives `out`, with the effects of the event behind those that were in it. */
export function stepOutbox(s: OutboxState, event: OutboxEvent, out: OutboxEffect[] = []): OutboxEffect[] {
  switch (event.kind) {
    case 'offer':
      offer(s, event, out);
      if (event.more === true) return out;
      break;
    case 'confirmed':
      confirmed(s, event, out);
      break;
    case 'silenced':
      delete s.sendTerm;
      break;
    case 'ack':
      acknowledge(s, event.incarnation, event.cursor, out);
      break;
    case 'resend':
      if (event.incarnation === s.incarnation) {
        acknowledge(s, event.incarnation, event.cursor, out);
        if (event.cursor + 1 < s.sendNext) s.counters.resent += s.sendNext - event.cursor - 1;
        s.sendNext = Math.max(s.cursor + 1, Math.min(s.sendNext, event.cursor + 1));
      }
      break;
    case 'credit':
      s.credit += event.bytes;
      s.wanted = Math.max(0, s.wanted - event.bytes);
      break;
    default:
      event satisfies never;
  }
  pump(s, out);
  return out;
}

function offer(s: OutboxState, event: Extract<OutboxEvent, { kind: 'offer' }>, out: OutboxEffect[]): void {
  const { kind, urgency, time, body } = event.report;
  const refuse = (reason: string) => {
    s.counters.refused++;
    out.push({ kind: 'refusedOffer', token: event.token, reason });
  };
  // What no hub would take must not get a number: the stream could never pass it.
  if (kind.length < 1 || kind.length > KIND_MAX) {
    refuse(`a report's kind has ${kind.length} characters; 1 to ${KIND_MAX} are allowed`);
    return;
  }
  if (!(Number.isInteger(time) && time >= 0 && time <= TIME_MAX)) {
    refuse(`a report's time is ${time}; whole ms since 1970, 0 to ${TIME_MAX}, are allowed`);
    return;
  }
  const text = JSON.stringify(body);
  const cost = itemCost(kind, text);
  if (cost > MAX_ITEM_BYTES) {
    refuse(`a report of kind '${kind}' has ${cost} bytes; at most ${MAX_ITEM_BYTES} are allowed`);
    return;
  }
  if (s.bytes + cost > s.limits.bytes) {
    makeRoom(s, cost, out);
    if (s.bytes + cost > s.limits.bytes) {
      refuse(`the outbox is full: ${s.bytes} of ${s.limits.bytes} bytes wait to be acknowledged`);
      return;
    }
  }
  const entry: Entry = { entry: s.nextEntry++, kind, urgency, time, text, cost };
  s.waiting[urgency].push(entry);
  s.bytes += cost;
  s.counters.accepted++;
  out.push({ kind: 'persist', record: offerRecord(entry) });
  out.push({ kind: 'accepted', token: event.token });
}

/** Drops waiting samples, oldest first, until `cost` more bytes fit; none if all of them would not be enough. */
function makeRoom(s: OutboxState, cost: number, out: OutboxEffect[]): void {
  const samples = s.waiting.sample;
  let room = s.limits.bytes - s.bytes;
  let count = 0;
  for (; room < cost; count++) {
    const entry = samples.at(count);
    if (entry === undefined) return;
    room += entry.cost;
  }
  const dropped: Entry[] = [];
  for (let entry = count > 0 ? samples.shift() : undefined; entry !== undefined; ) {
    s.bytes -= entry.cost;
    dropped.push(entry);
    entry = dropped.length < count ? samples.shift() : undefined;
  }
  s.counters.dropped += dropped.length;
  out.push({ kind: 'persist', record: { r: 'drop', e: dropped.map((d) => d.entry) } });
  out.push({ kind: 'dropped', kinds: [...new Set(dropped.map((d) => d.kind))] });
}

function confirmed(s: OutboxState, event: Extract<OutboxEvent, { kind: 'confirmed' }>, out: OutboxEffect[]): void {
  const last = nextNumber(s) - 1;
  if (event.cursor < s.cursor || event.cursor > last) {
    const why =
      event.cursor < s.cursor
        ? `the master has stored up to ${event.cursor}, but had acknowledged ${s.cursor}: its database was set back`
        : `the master has stored up to ${event.cursor}, but only ${last} were ever numbered here`;
    reincarnate(s, event.fresh, why, out);
    return;
  }
  if (event.again !== true) acknowledge(s, s.incarnation, event.cursor, out);
  s.counters.resent += s.numbered.size;
  s.sendTerm = event.term;
  s.sendNext = s.cursor + 1;
  if (event.newLink) s.credit = 0;
  s.wanted = 0;
}

function reincarnate(s: OutboxState, fresh: string, why: string, out: OutboxEffect[]): void {
  const from = s.incarnation;
  s.waiting.urgent.unshiftAll(s.numbered.toArray().map((entry) => ({ ...entry, urgency: 'urgent' })));
  while (s.numbered.shift() !== undefined);
  s.incarnation = fresh;
  s.cursor = 0;
  s.sendNext = 1;
  delete s.sendTerm;
  out.push({ kind: 'persist', record: { r: 'incarnation', incarnation: fresh, format: 1 } });
  out.push({ kind: 'reincarnated', from, to: fresh, why });
}

function acknowledge(s: OutboxState, incarnation: string, cursor: number, out: OutboxEffect[]): void {
  if (incarnation !== s.incarnation || cursor <= s.cursor || cursor >= nextNumber(s)) return;
  while (s.cursor < cursor) {
    const entry = s.numbered.shift();
    s.bytes -= entry?.cost ?? 0;
    s.cursor++;
    s.counters.acknowledged++;
  }
  s.sendNext = Math.max(s.sendNext, s.cursor + 1);
  out.push({ kind: 'persist', record: { r: 'cursor', cursor } });
}

function pump(s: OutboxState, out: OutboxEffect[]): void {
  while (s.sendTerm !== undefined) {
    const frame = takeFrame(s);
    if (frame === undefined) return;
    if (frame.entries.length === 0) {
      beg(s, out);
      return;
    }
    if (frame.fresh.length > 0)
      out.push({ kind: 'persist', record: { r: 'number', first: frame.firstFresh, e: frame.fresh } });
    s.credit -= frame.bytes;
    out.push({ kind: 'report', term: s.sendTerm, first: s.sendNext, entries: frame.entries, bytes: frame.bytes });
    s.sendNext += frame.entries.length;
  }
}

interface Frame {
  readonly entries: Entry[];
  /** Journal entries that got their number for this frame, and the first of those numbers. */
  readonly fresh: number[];
  readonly firstFresh: number;
  readonly bytes: number;
}

/** The next frame's reports within limits and credit: none when credit is short; undefined when there is nothing to send. */
function takeFrame(s: OutboxState): Frame | undefined {
  const entries: Entry[] = [];
  const fresh: number[] = [];
  const firstFresh = nextNumber(s);
  let bytes = REPORT_FRAME;
  const room = Math.min(s.credit, s.limits.frameBytes);
  for (let number = s.sendNext; entries.length < s.limits.frameItems; number++) {
    const old = s.numbered.at(number - s.cursor - 1);
    const entry = old ?? peekWaiting(s);
    if (entry === undefined) return entries.length === 0 ? undefined : { entries, fresh, firstFresh, bytes };
    if (bytes + entry.cost > room && (entries.length > 0 || bytes + entry.cost > s.credit)) {
      return { entries, fresh, firstFresh, bytes };
    }
    if (old === undefined) {
      s.waiting[entry.urgency].shift();
      s.numbered.push(entry);
      fresh.push(entry.entry);
    }
    entries.push(entry);
    bytes += entry.cost;
  }
  return { entries, fresh, firstFresh, bytes };
}

function peekWaiting(s: OutboxState): Entry | undefined {
  for (const urgency of URGENCIES) {
    const entry = s.waiting[urgency].at(0);
    if (entry !== undefined) return entry;
  }
  return undefined;
}

/** Asks once for what the next frame is short of. Not for more: credit that lies idle here is missing elsewhere. */
function beg(s: OutboxState, out: OutboxEffect[]): void {
  if (s.wanted > 0) return;
  s.wanted = nextFrameCharge(s) - s.credit;
  out.push({ kind: 'want', bytes: s.wanted });
}

/** What the next frame would be charged if credit were no limit. */
function nextFrameCharge(s: OutboxState): number {
  const { frameItems, frameBytes } = s.limits;
  let bytes = REPORT_FRAME;
  let items = 0;
  for (const [queue, from] of unsent(s)) {
    for (let i = from, entry = queue.at(i); entry !== undefined; entry = queue.at(++i)) {
      if (items >= frameItems || (items > 0 && bytes + entry.cost > frameBytes)) return bytes;
      bytes += entry.cost;
      items++;
    }
  }
  return bytes;
}

/** The queues in the order in which their reports are sent, each with the index of its first unsent one. */
const unsent = (s: OutboxState): [Queue<Entry>, number][] => [
  [s.numbered, s.sendNext - s.cursor - 1],
  ...URGENCIES.map((urgency): [Queue<Entry>, number] => [s.waiting[urgency], 0]),
];
