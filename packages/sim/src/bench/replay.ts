/** A database alone, asked to commit what a master once asked it: the same batches, tables and durability. */
import type { ReportBatch, Store } from '@csm/store';
import type { RecordedCommit } from '../numbered/record.ts';
import { bodyOf, kindOf, padOf } from '../population/generator.ts';

export interface Replayed {
  readonly reports: number;
  /** Milliseconds in which the database was asked; making the batches anew does not count. */
  readonly ms: number;
}

/**
 * Commits what was recorded, one after another as a master does; those before wall ms `from` only warm it up. `size`:
 * bytes of a body.
 */
export async function replay(
  store: Store,
  commits: readonly RecordedCommit[],
  { from, size, signal }: { readonly from: number; readonly size: number; readonly signal: AbortSignal },
): Promise<Replayed> {
  const pad = padOf(size);
  // A recording may begin in the middle of a stream; here every stream begins at 1.
  const cursors = new Map<string, number>();
  let reports = 0;
  let ms = 0;
  for (const { at, batches: recorded } of commits) {
    signal.throwIfAborted();
    let count = 0;
    const batches: ReportBatch[] = recorded.map(({ daemon, incarnation, numbers }) => {
      const key = `${daemon} ${incarnation}`;
      const cursor = cursors.get(key) ?? 0;
      cursors.set(key, cursor + numbers.length);
      count += numbers.length;
      const items = numbers.map((n) => ({ kind: kindOf(n), time: at, body: bodyOf(n, pad) }));
      return { daemon, incarnation, first: cursor + 1, items };
    });
    if (count === 0) continue;
    const began = performance.now();
    await store.call('store.commitReports', { batches });
    if (at < from) continue;
    ms += performance.now() - began;
    reports += count;
  }
  return { reports, ms };
}
