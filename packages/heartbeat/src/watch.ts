/** `heartbeat.watch`: changes of components, and incidents, as they happen. */
import type { Handler } from '@csm/api';
import { changeItem } from '@csm/feature';
import type { ChangeRow, Store } from '@csm/store';
import { concernedBy } from './folded.ts';
import type { Incident } from './types.ts';
import { componentSet, type NameSet } from './xname/index.ts';

const INCIDENT = 'heartbeat.incident';
const WATCHED = ['heartbeat', INCIDENT];

interface WatchInput {
  readonly nodes?: string;
  readonly since?: number;
}

export const watchHandler =
  (store: Pick<Store, 'changes'>): Handler<WatchInput> =>
  async ({ nodes, since }, ctx) => {
    const wanted = nodes === undefined ? undefined : componentSet(nodes, 'nodes');
    await store.changes.follow({
      since,
      kinds: WATCHED,
      signal: ctx.signal,
      ...(wanted === undefined ? {} : { wants: (row) => concerns(row, wanted) }),
      // All at once, so that they share frames; the next rows come when there is room again.
      take: async (rows) => {
        const all = rows.map((row) => {
          const { json, bytes } = changeItem(row);
          return ctx.emit(json, bytes);
        });
        await Promise.all(all);
      },
    });
    return undefined;
  };

/** Of more than so many components every incident is told: to look for each would hold up all others. */
const LOOKED_FOR_MAX = 20_000;

/** A change of one of these components, or an incident of any of them. */
function concerns({ kind, subject, body }: ChangeRow, wanted: NameSet): boolean {
  if (kind !== INCIDENT) return wanted.has(subject);
  if (wanted.size > LOOKED_FOR_MAX) return true;
  const isOne = concernedBy(body as Incident);
  for (const name of wanted.names()) if (isOne(name)) return true;
  return false;
}
