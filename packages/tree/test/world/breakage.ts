/**
 * Where a test may break one rule of the shells or of the database on purpose. The world as it should be is
 * `UNBROKEN`; `mutations.test.ts` replaces one member at a time and shows that the invariants notice.
 */
import type { Message } from '@csm/protocol';
import type { CommitBatch, CommitResult } from '../../src/intake.ts';
import type { LeafEffect } from '../../src/leaf.ts';
import type { JournalRecord } from '../../src/outbox/state.ts';
import type { AggregatorProcess } from './aggregator-process.ts';
import type { MasterProcess } from './master-process.ts';
import type { NodeProcess } from './node-process.ts';

export interface CommitAnswer {
  readonly done: (results: CommitResult[]) => void;
  readonly failed: () => void;
}

export interface Breakage {
  /** Whether a record reaches the journal. */
  keeps(record: JournalRecord): boolean;
  /** What a node does with a message instead of handing it to its leaf. */
  repeats(node: NodeProcess, message: Message): LeafEffect | undefined;
  /** Whether a message of the core leaves. */
  sends(message: Message): boolean;
  commit(master: MasterProcess, batches: readonly CommitBatch[], answer: CommitAnswer): void;
  /** A master was made. */
  master(master: MasterProcess): void;
  /** An aggregator was made. */
  aggregator(aggregator: AggregatorProcess): void;
}

export const UNBROKEN: Breakage = {
  keeps: () => true,
  repeats: () => undefined,
  sends: () => true,
  commit: (master, batches, { done, failed }) => master.world.database.commit(master, batches, done, failed),
  master: () => {},
  aggregator: () => {},
};
