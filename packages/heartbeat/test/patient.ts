import type { Bench } from '@csm/sim';
import type { CommonOptions } from '@csm/store';

/** Of what only hangs when something is wrong, ms. */
const PATIENCE_MS = 60_000;

/**
 * Databases for tests in which time is not the database's: on a machine that is busy with other things, a store neither
 * gives up a call nor loses its lead. What it tells of deliveries that fail is expected.
 */
export function patient({ engine, open }: Bench): Bench {
  return {
    engine,
    open: (module, url, options) => {
      const more: CommonOptions & { readonly lease: number } = {
        ...options,
        limits: { procedureMs: PATIENCE_MS, queryMs: PATIENCE_MS },
        lease: PATIENCE_MS,
        onFault: () => undefined,
      };
      return open(module, url, more);
    },
  };
}
