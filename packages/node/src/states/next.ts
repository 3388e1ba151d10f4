/** What the system will do with a node next, and when, in words. */
import { decidesAt, isContactFailure, isJudged, type Spans, type Standing } from './contact.ts';
import type { NodeState } from './table.ts';

export interface Upcoming {
  readonly id: number;
  readonly state: NodeState;
  /** Wall ms. */
  readonly at: number;
}

export interface Outlook extends Standing {
  /** The window that holds it; `at` is its end, undefined when it has none. */
  readonly holds: (Omit<Upcoming, 'at'> & { readonly at: number | undefined }) | undefined;
  /** The next window that takes it. */
  readonly takes: Upcoming | undefined;
}

export interface Next {
  readonly text: string;
  /** Wall ms; null: when something else happens. */
  readonly at: number | null;
}

/** The nearest deadline; without one what it waits for. `heal`: a failure by lost contact heals. */
export function nextOf(node: Outlook, spans: Spans, heal: boolean): Next {
  const dated = [...deadlines(node, spans, heal)].sort((a, b) => a.at - b.at);
  return dated[0] ?? { text: waitsFor(node, spans, heal), at: null };
}

function* deadlines(node: Outlook, spans: Spans, heal: boolean): Generator<Next & { readonly at: number }> {
  const { contact, holds, takes, rebootUntil } = node;
  const at = decidesAt(node, spans);
  if (at !== undefined && contact?.what === 'lost')
    yield { text: `it becomes SOFT_FAILURE unless contact is back (${contact.why ?? 'lost'})`, at };
  if (at !== undefined && contact?.what === 'orphaned' && isJudged(node.state))
    yield { text: `it becomes SOFT_FAILURE unless its aggregator ${contact.hub ?? ''} or its contact is back`, at };
  if (at !== undefined && contact?.what === 'back' && heal && isContactFailure(node))
    yield { text: `it goes back to ${node.back ?? 'IN_SERVICE'} if its contact stays`, at };
  if (holds?.at !== undefined)
    yield { text: `window ${holds.id} ends, and it goes to ${node.back ?? 'IN_SERVICE'}`, at: holds.at };
  if (takes !== undefined) yield { text: `window ${takes.id} begins, and it goes to ${takes.state}`, at: takes.at };
  if (rebootUntil !== null) yield { text: 'a reboot is expected no longer', at: rebootUntil };
}

function waitsFor(node: Outlook, { stableFor }: Spans, heal: boolean): string {
  const { contact, state, holds } = node;
  if (isContactFailure(node)) {
    if (!heal) return 'nothing by itself (csm.node.heal is off): csm node resume puts it into service';
    return `it goes back to ${node.back ?? 'IN_SERVICE'} when its contact has been back for ${Math.round(stableFor / 1000)} s`;
  }
  if (contact?.what === 'stopped' && state === 'IN_SERVICE')
    return 'nothing: its daemon was stopped, and is to be started';
  if (holds !== undefined) return `nothing by itself: window ${holds.id} has no end`;
  switch (state) {
    case 'IN_SERVICE':
      return 'nothing';
    case 'DISCOVERED':
      return 'nothing by itself: csm node resume puts it into service';
    default:
      return 'nothing by itself: csm node resume puts it back into service';
  }
}
