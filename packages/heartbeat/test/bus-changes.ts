/** A store module by which the tests make changes of heartbeats, and do to a database what nothing else does. */
import { wall } from '@csm/model';
import type { Tx } from '@csm/store';
import type { ChangeBody } from '../src/types.ts';

export const name = 'buschanges';
export const migrations = [];

/** The n-th change. */
export function bodyOf(n: number): ChangeBody {
  return {
    name: `x${n % 1000}c0s${n % 64}b0n0`,
    kind: 'started',
    source: n % 7 === 0 ? 'csm' : 'beat',
    at: wall(1_800_000_000_000 + n),
    lastBeat: wall(1_800_000_000_000 + n),
    timestamp: `beat "${n}" – Jan 1, 0000`,
    status: 'OK',
    gap: false,
    incident: n % 5 === 0 ? `i${n}` : null,
    state: 'Ready',
    flag: 'OK',
    info: 'Heartbeat started.',
  };
}

export const procedures = {
  /** Changes `from` to `from + count - 1`, each after one of another kind. */
  tell: async (tx: Tx, { from, count }: { readonly from: number; readonly count: number }): Promise<null> => {
    for (let n = from; n < from + count; n++) {
      await tx.change('node', 'n001', { n });
      await tx.change('heartbeat', bodyOf(n).name, bodyOf(n));
    }
    return null;
  },
  /** All cursors back to this change, as if what was delivered since had not been noted. */
  rewind: async (tx: Tx, { to }: { readonly to: number }): Promise<null> => {
    await tx.run('UPDATE follower SET cursor = $1', [to]);
    return null;
  },
  /** As a database that was restored: what came after this change never was. */
  goBack: async (tx: Tx, { to }: { readonly to: number }): Promise<null> => {
    await tx.run('DELETE FROM change WHERE seq > $1', [to]);
    await tx.run('UPDATE follower SET cursor = $1 WHERE cursor > $2', [to, to]);
    return null;
  },
};
