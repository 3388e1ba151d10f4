/** The outbox as the sender sees it: read in the order of the rows' numbers, and told what became of them. */
import type { Store } from '@csm/store';
import { LISTED_NUMBERS, listed, Statement } from '../store/lists.ts';
import { readOutbox } from '../store/queries.ts';
import type { OutboxRow } from '../types.ts';
import type { Row } from './lanes.ts';

export interface Refusal extends Row {
  readonly reason: string;
}

export interface OutboxPort {
  /** At most `limit` rows with higher numbers than `after`, in order. */
  read(after: number, limit: number): Promise<readonly OutboxRow[]>;
  /**
   * Which of these are there still, by number: an alarm is withdrawn when its component says that it went away, and all
   * is when a component is forgotten.
   */
  still(rows: readonly Row[]): Promise<ReadonlySet<number>>;
  /** They are with the state manager; a newer row of the same component stays. */
  sent(rows: readonly Row[]): Promise<void>;
  /** No state manager will ever take it. */
  refused(refusal: Refusal): Promise<void>;
  /** Tells that there may be new rows. Returns what ends it. */
  subscribe(listener: () => void): () => void;
}

/** The table of a store; whatever makes a row there makes a change, too. */
export function outboxOf(store: Store): OutboxPort {
  return {
    read: (after, limit) => readOutbox(store, limit, after),
    still: async (rows) => {
      const { sql, values } = new Statement()
        .add('SELECT seq FROM heartbeat_outbox WHERE seq IN ')
        .add(LISTED_NUMBERS, listed(rows.map(({ seq }) => seq)));
      return new Set((await store.query<{ seq: number }>(sql, values)).map(({ seq }) => seq));
    },
    sent: async (rows) => void (await store.call('heartbeat.sent', { rows })),
    refused: async (refusal) => void (await store.call('heartbeat.refused', refusal)),
    subscribe: (listener) => store.changes.subscribe(listener),
  };
}
