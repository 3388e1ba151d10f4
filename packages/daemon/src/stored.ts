/** Tells features of reports once they are in the database: for what is shown and forgotten. */
import type { StoredReport } from '@csm/feature';
import { type Json, parseDaemonId, wall } from '@csm/model';
import type { CommitBatch, CommitResult } from '@csm/tree';

type Listener = (report: StoredReport) => void;

export class StoredReports {
  readonly #listeners = new Map<string, Set<Listener>>();
  readonly #fault: (error: unknown) => void;
  /** How far each daemon's stream was told, while anybody listens: a repeated batch is not told twice. */
  readonly #told = new Map<string, { readonly incarnation: string; readonly cursor: number }>();

  /** `fault` is told what a listener threw; the others and the commit go on. */
  constructor(fault: (error: unknown) => void) {
    this.#fault = fault;
  }

  on(kind: string, listener: Listener): () => void {
    const listeners = this.#listeners.get(kind) ?? new Set();
    this.#listeners.set(kind, listeners);
    listeners.add(listener);
    return () => {
      listeners.delete(listener);
      if (listeners.size === 0) this.#listeners.delete(kind);
      if (this.#listeners.size === 0) this.#told.clear();
    };
  }

  /** A commit's batches, and what the database said of them. */
  tell(batches: readonly CommitBatch[], results: readonly CommitResult[]): void {
    if (this.#listeners.size === 0) return;
    const cursors = new Map(results.map(({ daemon, incarnation, cursor }) => [`${daemon} ${incarnation}`, cursor]));
    for (const batch of batches) {
      const cursor = cursors.get(`${batch.daemon} ${batch.incarnation}`);
      if (cursor !== undefined) this.#tellBatch(batch, cursor);
    }
  }

  #tellBatch({ daemon, incarnation, first, items }: CommitBatch, cursor: number): void {
    const known = this.#told.get(daemon);
    const from = known?.incarnation === incarnation ? known.cursor : 0;
    const node = parseDaemonId(daemon)?.node;
    for (const [i, { kind, time, body }] of items.entries()) {
      const seq = first + i;
      if (node === undefined || seq <= from || seq > cursor) continue;
      for (const listener of this.#listeners.get(kind) ?? [])
        this.#one(listener, { node, time: wall(time), body: body as Json });
    }
    const last = Math.min(cursor, first + items.length - 1);
    this.#told.set(daemon, { incarnation, cursor: Math.max(from, last) });
  }

  #one(listener: Listener, report: StoredReport): void {
    try {
      listener(report);
    } catch (error) {
      this.#fault(error);
    }
  }
}
