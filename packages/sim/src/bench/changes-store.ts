/** Makes changes, for measuring: the store module of `changes-feature.ts`. */
import type { Migration, Tx } from '@csm/store';

export const name = 'changing';
export const migrations: readonly Migration[] = [];

/** What the changes are told by, so that others do not count. */
export const KIND = 'bench';
const CAUSE = 'made to be counted by whoever follows: about as long as a change of a node is';

/** Numbers `from` to `from + count - 1`. */
async function make(tx: Tx, { from, count }: { readonly from: number; readonly count: number }): Promise<null> {
  for (let n = from; n < from + count; n++) {
    await tx.change(KIND, `n${n % 1000}`, { n, from: 'DISCOVERED', to: 'IN_SERVICE', cause: 'user', reason: CAUSE });
  }
  return null;
}

export const procedures = { make };
