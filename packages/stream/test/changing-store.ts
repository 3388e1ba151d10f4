/** The feature's own store module, with a procedure by which the tests make changes. */
import type { Tx } from '@csm/store';
import * as stream from '../src/store.ts';

export const { name, migrations } = stream;
export const procedures = {
  ...stream.procedures,
  change: async (tx: Tx, { kind, subject }: { kind: string; subject: string }): Promise<number> =>
    tx.change(kind, subject, { state: 'IN_SERVICE' }),
};
