/**
 * What lost contact does to the state of a node. Facts are stored, deadlines are counted from them, so that a master
 * that has just begun goes on where the last one stopped.
 *
 * | contact is…      | enters                                       | leaves                                             |
 * |------------------|----------------------------------------------|----------------------------------------------------|
 * | there (no fact)  | a link                                       | its last link is lost → one of the next four        |
 * | stopped          | lost after a goodbye                         | a link → there                                     |
 * | orphaned         | lost with its aggregator, which is away      | the aggregator is back → lost; a link → there; the |
 * |              |                                              | orphans' grace → SOFT_FAILURE, absent              |
 * | lost             | lost by itself, in a state that is judged    | a link → there; the grace time → SOFT_FAILURE, absent |
 * | absent           | as lost, in any other state; or judged       | a link → back, or there; a judged state → lost      |
 * | back             | a link, of a node that failed by lost contact | lost again; stable → the state before, there       |
 *
 * Judged are IN_SERVICE and DISCOVERED. A planned stop is no failure, nor is a daemon that is started again within the
 * grace time, nor a reboot while it is expected. An aggregator that is away tells nothing of its nodes: they are judged
 * when it has been back for the grace time and they are not, or when it stays away for so long that nobody should count
 * on nodes out of reach. Only a SOFT_FAILURE by lost contact heals by contact.
 *
 * Ignored: deadlines that came too early, since the fact was renewed; the return of an aggregator the node did not have.
 */
import type { NodeState } from './table.ts';

export interface Contact {
  readonly what: 'stopped' | 'orphaned' | 'lost' | 'absent' | 'back';
  /** When it entered this, wall ms. */
  readonly since: number;
  /** Of `lost`, `orphaned` and `back`: the time to wait is counted from here, wall ms. */
  readonly from: number;
  /** Of `orphaned`: the aggregator. */
  readonly hub: string | null;
  /** How contact was lost, in words. */
  readonly why: string | null;
}

/** A node as far as its contact bears on it. */
export interface Standing {
  readonly state: NodeState;
  /** What put it into this state. */
  readonly cause: string;
  /** Of a SOFT_FAILURE by lost contact: the state before. */
  readonly back: NodeState | null;
  /** A reboot is expected until then, wall ms. */
  readonly rebootUntil: number | null;
  readonly contact: Contact | undefined;
}

export type ContactEvent =
  | { readonly kind: 'lost'; readonly planned: boolean; readonly hub: string | null; readonly why: string }
  | { readonly kind: 'linked' }
  | { readonly kind: 'hubBack'; readonly hub: string }
  /** Its state was changed by something else; `state` of the standing is the new one. */
  | { readonly kind: 'moved' }
  | { readonly kind: 'deadline' };

export interface Spans {
  /** How long contact may be lost before that is a failure, ms. */
  readonly grace: number;
  /** The same where contact was lost with the aggregator, and that is away, ms. */
  readonly orphanGrace: number;
  /** How long it must have been back before the failure is over, ms. */
  readonly stableFor: number;
}

export interface Outcome {
  readonly contact: Contact | undefined;
  readonly move?: { readonly to: NodeState; readonly reason: string; readonly back: NodeState | null };
}

export const isJudged = (state: NodeState): boolean => state === 'IN_SERVICE' || state === 'DISCOVERED';
export const isContactFailure = ({ state, cause }: Pick<Standing, 'state' | 'cause'>): boolean =>
  state === 'SOFT_FAILURE' && cause === 'contact';

export function stepContact(node: Standing, event: ContactEvent, now: number, spans: Spans): Outcome {
  const { contact } = node;
  switch (event.kind) {
    case 'lost':
      return { contact: lost(node, event, now) };
    case 'linked':
      return { contact: isContactFailure(node) ? fact('back', now, contact?.why ?? null) : undefined };
    case 'hubBack':
      return contact?.what === 'orphaned' && contact.hub === event.hub
        ? { contact: fact(isJudged(node.state) ? 'lost' : 'absent', now, contact.why) }
        : { contact };
    case 'moved':
      return { contact: moved(node, now) };
    case 'deadline':
      return deadline(node, now, spans);
    default:
      return event satisfies never;
  }
}

/** When something is decided next if nothing else happens, wall ms. */
export function decidesAt(
  { contact, rebootUntil }: Pick<Standing, 'contact' | 'rebootUntil'>,
  spans: Spans,
): number | undefined {
  if (contact?.what === 'lost' || contact?.what === 'orphaned')
    return Math.max(contact.from + graceOf(contact, spans), rebootUntil ?? 0);
  return contact?.what === 'back' ? contact.from + spans.stableFor : undefined;
}

const graceOf = ({ what }: Contact, { grace, orphanGrace }: Spans): number =>
  what === 'orphaned' ? orphanGrace : grace;

const fact = (what: Contact['what'], now: number, why: string | null, hub: string | null = null): Contact => ({
  what,
  since: now,
  from: now,
  hub,
  why,
});

function lost(node: Standing, { planned, hub, why }: Extract<ContactEvent, { kind: 'lost' }>, now: number): Contact {
  if (planned) return fact('stopped', now, why);
  if (hub !== null) return fact('orphaned', now, why, hub);
  return fact(isJudged(node.state) ? 'lost' : 'absent', now, why);
}

function moved(node: Standing, now: number): Contact | undefined {
  const { contact, state } = node;
  // What is sent back into service while it is away has the grace time to come.
  if (contact?.what === 'absent' && isJudged(state)) return { ...contact, what: 'lost', from: now };
  if (contact?.what === 'lost' && !isJudged(state)) return { ...contact, what: 'absent' };
  return contact?.what === 'back' && !isContactFailure(node) ? undefined : contact;
}

function deadline(node: Standing, now: number, spans: Spans): Outcome {
  const { contact, state, rebootUntil } = node;
  const at = decidesAt(node, spans);
  if (contact === undefined || at === undefined) return { contact };
  if (now < at) {
    // The grace time is over, a reboot is still expected: it is looked at again when that is not.
    const waits = contact.what !== 'back' && rebootUntil !== null && at === rebootUntil;
    return { contact: waits ? { ...contact, from: at - graceOf(contact, spans) } : contact };
  }
  if (contact.what === 'back') {
    const to = node.back ?? 'IN_SERVICE';
    if (!isContactFailure(node)) return { contact: undefined };
    return { contact: undefined, move: { to, reason: 'its contact is back and stable', back: null } };
  }
  const absent: Contact = { ...contact, what: 'absent', hub: null };
  if (!isJudged(state)) return { contact: absent };
  const away = contact.hub === null ? '' : `; ${contact.hub} stays away`;
  return {
    contact: absent,
    move: { to: 'SOFT_FAILURE', reason: `contact lost: ${contact.why ?? 'unknown'}${away}`, back: state },
  };
}
