/** The journal's records back into a state, and a state into the fewest records: what start and compaction need. */
import { itemCost } from '@csm/protocol';
import {
  type Entry,
  initialOutbox,
  type JournalRecord,
  nextNumber,
  type OutboxLimits,
  type OutboxState,
  offerRecord,
  URGENCIES,
} from './state.ts';

/** A command this node began, as the journal tells it. */
export interface BegunCommand {
  readonly id: string;
  readonly hash: string;
  readonly until: number;
}

export interface Recovered {
  readonly outbox: OutboxState;
  readonly term: number;
  readonly commands: readonly BegunCommand[];
}

/**
 * Replays records in the order they were written. Records that contradict what came before (a number for an entry that
 * does not exist) throw an `Error` saying so: the journal is not ours or was damaged in its middle.
 */
export function recover(records: Iterable<JournalRecord>, limits: OutboxLimits): Recovered {
  let s: OutboxState | undefined;
  let term = 0;
  const waiting = new Map<number, Entry>();
  const commands = new Map<string, BegunCommand>();
  for (const record of records) {
    if (record.r === 'incarnation') {
      const old: OutboxState | undefined = s;
      s = initialOutbox(record.incarnation, limits);
      if (old !== undefined) {
        s.nextEntry = old.nextEntry;
        const again = old.numbered.toArray();
        const rest = [...waiting];
        waiting.clear();
        for (const e of again) waiting.set(e.entry, { ...e, urgency: 'urgent' });
        for (const [e, entry] of rest) waiting.set(e, entry);
      }
      continue;
    }
    if (s === undefined) throw new Error(`the journal does not begin with its incarnation, but with '${record.r}'`);
    switch (record.r) {
      case 'offer': {
        const { e, kind, u, t, text } = record;
        waiting.set(e, { entry: e, kind, urgency: u, time: t, text, cost: itemCost(kind, text) });
        s.nextEntry = Math.max(s.nextEntry, e + 1);
        break;
      }
      case 'number':
        if (record.first !== nextNumber(s))
          throw new Error(`the journal numbers ${record.first} where ${nextNumber(s)} comes next`);
        for (const e of record.e) {
          const entry = waiting.get(e);
          if (entry === undefined) throw new Error(`the journal numbers entry ${e}, which it does not hold`);
          waiting.delete(e);
          s.numbered.push(entry);
        }
        break;
      case 'cursor':
        if (record.cursor >= nextNumber(s) && s.numbered.size > 0)
          throw new Error(`the journal's cursor ${record.cursor} is beyond its numbers`);
        while (s.cursor < record.cursor && s.numbered.shift() !== undefined) s.cursor++;
        s.cursor = record.cursor;
        break;
      case 'drop':
        for (const e of record.e) waiting.delete(e);
        break;
      case 'term':
        term = Math.max(term, record.term);
        break;
      case 'command':
        commands.set(record.id, { id: record.id, hash: record.hash, until: record.until });
        break;
      default:
        record satisfies never;
    }
  }
  if (s === undefined) throw new Error('the journal is empty');
  for (const entry of waiting.values()) s.waiting[entry.urgency].push(entry);
  for (const entry of [...s.numbered.toArray(), ...waiting.values()]) s.bytes += entry.cost;
  s.sendNext = s.cursor + 1;
  return { outbox: s, term, commands: [...commands.values()] };
}

/** The fewest records that recover to this state. */
export function snapshot(s: OutboxState, term: number, commands: Iterable<BegunCommand>): JournalRecord[] {
  const numbered = s.numbered.toArray();
  return [
    { r: 'incarnation', incarnation: s.incarnation, format: 1 },
    { r: 'term', term },
    { r: 'cursor', cursor: s.cursor },
    ...numbered.map(offerRecord),
    ...(numbered.length > 0 ? [{ r: 'number' as const, first: s.cursor + 1, e: numbered.map((e) => e.entry) }] : []),
    ...URGENCIES.flatMap((u) => s.waiting[u].toArray().map(offerRecord)),
    ...[...commands].map(({ id, hash, until }): JournalRecord => ({ r: 'command', id, hash, until })),
  ];
}
