import type { Json } from '@csm/model';
import { Queue } from '../queue.ts';

/** How a report may be treated: urgent ones overtake, samples may be dropped when the outbox is full. */
export const URGENCIES = ['urgent', 'normal', 'sample'] as const;
export type Urgency = (typeof URGENCIES)[number];

/** A report the outbox has accepted. `entry` is its number in the journal, not the one it is sent under. */
export interface Entry {
  readonly entry: number;
  readonly kind: string;
  readonly urgency: Urgency;
  readonly time: number;
  /** The body as JSON: made once, for the journal and for every frame. */
  readonly text: string;
  /** What it is charged against credit and the outbox's bound, bytes. */
  readonly cost: number;
}

/** What the journal holds, one record a line. Replaying them in order gives the state back. */
export type JournalRecord =
  | { readonly r: 'incarnation'; readonly incarnation: string; readonly format: 1 }
  | {
      readonly r: 'offer';
      readonly e: number;
      readonly kind: string;
      readonly u: Urgency;
      readonly t: number;
      /** The body as JSON; in the file it stands as `body`, as what it is. */
      readonly text: string;
    }
  /** The entries got the numbers `first`, `first + 1`, … */
  | { readonly r: 'number'; readonly first: number; readonly e: readonly number[] }
  | { readonly r: 'cursor'; readonly cursor: number }
  | { readonly r: 'drop'; readonly e: readonly number[] }
  | { readonly r: 'term'; readonly term: number }
  /** A command was begun; `until` is the wall time after which it may be forgotten. */
  | { readonly r: 'command'; readonly id: string; readonly hash: string; readonly until: number };

export interface OutboxLimits {
  /** All that is not yet acknowledged, bytes. */
  readonly bytes: number;
  /** Reports in one frame. */
  readonly frameItems: number;
  /** Charge of one frame, bytes. */
  readonly frameBytes: number;
}

export interface OutboxState {
  readonly limits: OutboxLimits;
  incarnation: string;
  nextEntry: number;
  /** Everything up to here is in the database. */
  cursor: number;
  /** Sent at least once: the reports `cursor + 1`, `cursor + 2`, … */
  readonly numbered: Queue<Entry>;
  /** Accepted, without a number yet. */
  readonly waiting: Record<Urgency, Queue<Entry>>;
  bytes: number;
  /** The number the next frame on the present link begins with. */
  sendNext: number;
  /** The term of the confirmed claim under which we may send; undefined without one. */
  sendTerm?: number;
  /** Bytes we may still send on the present link. */
  credit: number;
  /** Bytes we said we want and did not get yet. */
  wanted: number;
  readonly counters: { accepted: number; acknowledged: number; dropped: number; refused: number; resent: number };
}

export type OutboxEvent =
  | {
      readonly kind: 'offer';
      readonly token: number;
      readonly report: { readonly kind: string; readonly urgency: Urgency; readonly time: number; readonly body: Json };
      /** Another offer follows at once: nothing is sent before the last, so that one frame carries them all. */
      readonly more?: boolean;
    }
  /** The leader confirmed our claim: from now on we send, from behind its cursor. `fresh` names an incarnation to use if we must begin anew. */
  | {
      readonly kind: 'confirmed';
      readonly term: number;
      readonly cursor: number;
      /** The cursor acknowledges nothing: all that was not acknowledged before is to be sent again. */
      readonly again?: boolean;
      /** The claim is a new one: whatever credit we had is taken back, ours begins at nothing. */
      readonly newLink: boolean;
      readonly fresh: string;
    }
  /** Our claim is not confirmed any more, or a newer one is on its way. */
  | { readonly kind: 'silenced' }
  | { readonly kind: 'ack'; readonly incarnation: string; readonly cursor: number }
  | { readonly kind: 'resend'; readonly incarnation: string; readonly cursor: number }
  | { readonly kind: 'credit'; readonly bytes: number };

export type OutboxEffect =
  | { readonly kind: 'persist'; readonly record: JournalRecord }
  /** The offer is safe: it will be in the database exactly once. To be told after the records before it are on disk. */
  | { readonly kind: 'accepted'; readonly token: number }
  | { readonly kind: 'refusedOffer'; readonly token: number; readonly reason: string }
  | {
      readonly kind: 'report';
      readonly term: number;
      readonly first: number;
      readonly entries: readonly Entry[];
      readonly bytes: number;
    }
  | { readonly kind: 'want'; readonly bytes: number }
  | { readonly kind: 'dropped'; readonly kinds: readonly string[] }
  /** The database is older than what it had acknowledged: everything unacknowledged goes out anew under a new incarnation, which must be claimed. */
  | { readonly kind: 'reincarnated'; readonly from: string; readonly to: string; readonly why: string };

export function initialOutbox(incarnation: string, limits: OutboxLimits): OutboxState {
  return {
    limits,
    incarnation,
    nextEntry: 1,
    cursor: 0,
    bytes: 0,
    sendNext: 1,
    credit: 0,
    wanted: 0,
    numbered: new Queue<Entry>(),
    waiting: {
      urgent: new Queue<Entry>(),
      normal: new Queue<Entry>(),
      sample: new Queue<Entry>(),
    },
    counters: {
      accepted: 0,
      acknowledged: 0,
      dropped: 0,
      refused: 0,
      resent: 0,
    },
  };
}

/** The number the next report that has none will get. */
export const nextNumber = (s: OutboxState): number => s.cursor + s.numbered.size + 1;

/** An entry as the journal keeps it. */
export const offerRecord = (e: Entry): JournalRecord => ({
  r: 'offer',
  e: e.entry,
  kind: e.kind,
  u: e.urgency,
  t: e.time,
  text: e.text,
});

/** When the oldest report that is not acknowledged was made, wall ms; undefined when there is none. */
export function oldestTime({ numbered, waiting }: OutboxState): number | undefined {
  const firsts = [numbered, waiting.urgent, waiting.normal, waiting.sample].flatMap((queue) => queue.at(0)?.time ?? []);
  return firsts.length === 0 ? undefined : Math.min(...firsts);
}

/** Reports without a number yet. */
export const waitingCount = (s: OutboxState): number =>
  s.waiting.urgent.size + s.waiting.normal.size + s.waiting.sample.size;
